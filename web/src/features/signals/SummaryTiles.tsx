import { Box } from "@twilio-paste/core/box";

import { formatCount, formatPercent, formatScore } from "@/shared/format/numbers";
import { ErrorNotice } from "@/shared/ui/notices";
import { fill, text } from "@/texts";

import { type Summary, useSummary } from "./api/getSummary";
import { SentimentBar } from "./SentimentBar";
import { Tile, TileSkeleton } from "./Tile";

const COLUMNS = [
  "repeat(2, minmax(0, 1fr))",
  "repeat(2, minmax(0, 1fr))",
  "repeat(4, minmax(0, 1fr))",
  "minmax(0, 1fr) minmax(0, 1.4fr) minmax(0, 1.1fr) minmax(0, 1.2fr) minmax(0, 2fr)",
];

/** Today's numbers. */
export function SummaryTiles() {
  const summary = useSummary();
  if (summary.isError && !summary.data) {
    return (
      <ErrorNotice
        what={text.overview.summary}
        error={summary.error}
        onRetry={() => void summary.refetch()}
        retrying={summary.isFetching}
      />
    );
  }
  return (
    <Box
      display="grid"
      gridTemplateColumns={COLUMNS}
      columnGap={["space40", "space50"]}
      rowGap={["space40", "space50"]}
      aria-busy={summary.isPending}
    >
      {summary.data ? <Tiles summary={summary.data} /> : <Skeletons />}
    </Box>
  );
}

function Skeletons() {
  return (
    <>
      <TileSkeleton />
      <TileSkeleton />
      <TileSkeleton />
      <TileSkeleton />
      <TileSkeleton wide />
    </>
  );
}

/** The calls of today, or those of them that a number counts. */
const callsOf = (date: string, signal = ""): string =>
  `/calls?${new URLSearchParams({ ...(date ? { from: date } : {}), ...(signal ? { signal } : {}) }).toString()}`;

const trendOf = (measure: string): string => `/analytics?${new URLSearchParams({ measure }).toString()}`;

function Tiles({ summary }: { readonly summary: Summary }) {
  const { date, calls, csat, ces, sentiment, legal_risk: risk } = summary;
  return (
    <>
      <Tile
        to={callsOf(date)}
        title={text.signals.calls}
        value={formatCount(calls)}
        lines={[text.signals.callsDetail]}
      />
      <Tile
        to={trendOf("csat.mean")}
        title={text.signals.csat}
        value={formatScore(csat.mean)}
        unit={text.signals.csatUnit}
        n={csat.n}
        lines={csatLines(csat)}
      />
      <Tile
        to={trendOf("ces.mean")}
        title={text.signals.ces}
        value={formatScore(ces.mean)}
        unit={text.signals.cesUnit}
        n={ces.n}
        lines={[fill(text.signals.cesEasy, { pct: formatPercent(ces.easy_pct) })]}
      />
      <Tile
        to={callsOf(date, "high_risk")}
        title={text.signals.legalRisk}
        value={formatScore(risk.mean)}
        unit={text.signals.legalRiskUnit}
        n={risk.n}
        lines={[
          fill(text.signals.legalRiskHigh, { pct: formatPercent(risk.high_pct) }),
          fill(text.signals.legalRiskP95, { value: risk.p95 === null ? text.noValueMark : formatCount(risk.p95) }),
        ]}
      />
      <Tile to={callsOf(date, "negative")} title={text.signals.sentiment} n={sentiment.n} wide>
        <SentimentBar sentiment={sentiment} />
      </Tile>
    </>
  );
}

function csatLines({ top2_pct, low, high }: Summary["csat"]): readonly string[] {
  const share = fill(text.signals.csatTop2, { pct: formatPercent(top2_pct) });
  if (low === null || high === null) return [share];
  return [share, fill(text.signals.csatInterval, { low: formatCount(low), high: formatPercent(high) })];
}
