import { Box } from "@twilio-paste/core/box";
import type { ReactNode } from "react";

import { formatCount, formatPercent, formatScore } from "@/shared/format/numbers";
import { ErrorNotice } from "@/shared/ui/notices";
import { Tile, TileSkeleton } from "@/shared/ui/Tile";
import { fill, text } from "@/texts";

import { type Summary, useSummary } from "./api/getSummary";
import { SentimentBar } from "./SentimentBar";

const COLUMNS = ["repeat(2, minmax(0, 1fr))", "repeat(2, minmax(0, 1fr))", "repeat(3, minmax(0, 1fr))"];

/** Today's numbers; `conversations` is the tile of another part of the console. */
export function SummaryTiles({ conversations }: { readonly conversations: ReactNode }) {
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
      {summary.data ? <Tiles summary={summary.data} conversations={conversations} /> : <Skeletons />}
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
      <TileSkeleton />
      <TileSkeleton />
    </>
  );
}

/** The calls of today, or those of them that a number counts. */
const callsOf = (date: string, signal = ""): string =>
  `/calls?${new URLSearchParams({ ...(date ? { from: date } : {}), ...(signal ? { signal } : {}) }).toString()}`;

const trendOf = (measure: string): string => `/analytics?${new URLSearchParams({ measure }).toString()}`;

function Tiles({ summary, conversations }: { readonly summary: Summary; readonly conversations: ReactNode }) {
  const { date, calls, csat, ces, sentiment, legal_risk: risk } = summary;
  return (
    <>
      <Tile
        to={callsOf(date)}
        title={text.signals.calls}
        value={formatCount(calls)}
        lines={[text.signals.callsDetail]}
      />
      {conversations}
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
      <Tile to={callsOf(date, "negative")} title={text.signals.sentiment} n={sentiment.n}>
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
