import { formatCount, formatPercent } from "@/shared/format/numbers";
import { Section } from "@/shared/ui/Section";
import { text } from "@/texts";

import type { Bucket, Measures } from "./api/aggregates";
import { type CellValue, ChartCard, Numbers } from "./ChartCard";
import { TimeChart } from "./charts";
import { usePalette } from "./palette";
import { type BucketName, bucketLabel } from "./periods";
import { Tip } from "./Tip";

const words = text.analytics;
const MOODS = ["positive", "neutral", "mixed", "negative"] as const;

const share = (measures: Measures, mood: string): number | null => measures[`sentiment.${mood}_pct`] ?? null;

interface CardProps {
  readonly buckets: readonly Bucket[];
  readonly bucket: BucketName;
  readonly onPick: (position: number) => void;
}

/** How the moods share each period. */
export function SentimentCard({ buckets, bucket, onPick }: CardProps) {
  const palette = usePalette();
  const points = buckets.map(({ start, measures }) => ({ label: bucketLabel(start, bucket), measures }));
  return (
    <ChartCard
      title={words.sentiment}
      columns={[words.period, ...MOODS.map((mood) => text.signals[mood]), words.n]}
      rows={points.map(({ label, measures }): CellValue[] => [
        label,
        ...MOODS.map((mood) => share(measures, mood)),
        measures["sentiment.n"] ?? 0,
      ])}
      show={(value, column) => {
        if (column === 0) return value;
        return column > MOODS.length ? formatCount(Number(value)) : formatPercent(value as number | null);
      }}
    >
      <TimeChart
        label={words.sentiment}
        points={points}
        palette={palette}
        domain={[0, 100]}
        format={formatPercent}
        onPick={onPick}
        series={MOODS.map((mood) => ({
          kind: "bar" as const,
          name: text.signals[mood],
          color: palette[mood],
          stack: "mood",
          value: ({ measures }: (typeof points)[number]) => share(measures, mood),
        }))}
        tip={({ label, measures }) => (
          <Tip
            title={label}
            lines={[
              ...MOODS.map((mood) => `${text.signals[mood]}: ${formatPercent(share(measures, mood))}`),
              `${words.n}: ${formatCount(measures["sentiment.n"] ?? 0)}`,
            ]}
          />
        )}
      />
    </ChartCard>
  );
}

/** The legal risk's middle and its upper end, which a mean alone would hide. */
export function RiskCard({ buckets, bucket, onPick }: CardProps) {
  const palette = usePalette();
  const points = buckets.map(({ start, measures }) => ({
    label: bucketLabel(start, bucket),
    mean: measures["legal_risk.mean"] ?? null,
    p95: measures["legal_risk.p95"] ?? null,
    high: measures["legal_risk.high_pct"] ?? null,
    n: measures["legal_risk.n"] ?? 0,
  }));
  const lines = ({ mean, p95, high, n }: (typeof points)[number]): readonly string[] => [
    `${words.mean}: ${mean === null ? text.noValueMark : formatCount(mean)}`,
    `${words.p95}: ${p95 === null ? text.noValueMark : formatCount(p95)}`,
    `${words.high}: ${formatPercent(high)}`,
    `${words.n}: ${formatCount(n)}`,
  ];
  return (
    <ChartCard
      title={words.risk}
      columns={[words.period, words.mean, words.p95, words.high, words.n]}
      rows={points.map(({ label, mean, p95, high, n }): CellValue[] => [label, mean, p95, high, n])}
      show={(value, column) => {
        if (column === 0) return value;
        if (column === 3) return formatPercent(value as number | null);
        return value === null ? text.noValueMark : formatCount(Number(value));
      }}
    >
      <TimeChart
        label={words.risk}
        points={points}
        palette={palette}
        domain={[0, 100]}
        format={formatCount}
        onPick={onPick}
        series={[
          { kind: "line", name: words.mean, color: palette.main, value: ({ mean }) => mean },
          { kind: "line", name: words.p95, color: palette.negative, dashed: true, value: ({ p95 }) => p95 },
        ]}
        tip={(point) => <Tip title={point.label} lines={lines(point)} />}
      />
    </ChartCard>
  );
}

const RISK_BIN = 10;
const RISK_BINS = Array.from({ length: 100 / RISK_BIN }, (_, at) => at * RISK_BIN);

/** How the calls of the whole period spread over the scale of legal risk. */
export function RiskDistributionCard({ total }: { readonly total: Measures }) {
  const palette = usePalette();
  const points = RISK_BINS.map((start) => ({
    label: `${String(start)}–${String(start + RISK_BIN - (start + RISK_BIN === 100 ? 0 : 1))}`,
    calls: total[`legal_risk.distribution.${String(start)}`] ?? 0,
  }));
  return (
    <ChartCard
      title={words.riskSpread}
      columns={[words.riskScore, words.volume]}
      rows={points.map(({ label, calls }): CellValue[] => [label, calls])}
    >
      <TimeChart
        label={words.riskSpread}
        points={points}
        palette={palette}
        domain={[0, "auto"]}
        format={formatCount}
        series={[{ kind: "bar", name: words.volume, color: palette.negative, value: ({ calls }) => calls }]}
        tip={({ label, calls }) => <Tip title={label} lines={[`${words.volume}: ${formatCount(calls)}`]} />}
      />
    </ChartCard>
  );
}

/** How many calls each period had. */
export function VolumeCard({ buckets, bucket, onPick }: CardProps) {
  const palette = usePalette();
  const points = buckets.map(({ start, measures }) => ({
    label: bucketLabel(start, bucket),
    calls: measures["calls"] ?? 0,
  }));
  return (
    <ChartCard
      title={words.volume}
      columns={[words.period, words.volume]}
      rows={points.map(({ label, calls }): CellValue[] => [label, calls])}
    >
      <TimeChart
        label={words.volume}
        points={points}
        palette={palette}
        domain={[0, "auto"]}
        format={formatCount}
        onPick={onPick}
        series={[{ kind: "bar", name: words.volume, color: palette.second, value: ({ calls }) => calls }]}
        tip={({ label, calls }) => <Tip title={label} lines={[`${words.volume}: ${formatCount(calls)}`]} />}
      />
    </ChartCard>
  );
}

interface CountsCardProps {
  readonly title: string;
  readonly name: string;
  readonly total: Measures;
  /** The measures counted begin with this. */
  readonly prefix: string;
  readonly show?: (key: string) => string;
}

/** What a measure's counts are made of, largest first. */
export function CountsTable({ title, name, total, prefix, show = String }: CountsCardProps) {
  const rows = Object.entries(total)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, count]): CellValue[] => [show(key.slice(prefix.length)), count])
    .toSorted((a, b) => Number(b[1]) - Number(a[1]));
  if (rows.length === 0) return null;
  return (
    <Section title={title}>
      <Numbers title={title} columns={[name, words.count]} rows={rows} show={(value) => value} />
    </Section>
  );
}
