import { SelectField } from "@/shared/ui/Field";
import { formatCount } from "@/shared/format/numbers";
import { fill, text } from "@/texts";
import { Box } from "@twilio-paste/core/box";

import type { Bucket } from "./api/aggregates";
import { type CellValue, ChartCard } from "./ChartCard";
import { TimeChart } from "./charts";
import { formatReading, isSmall, type Measure, MEASURES, measureOf, read, type Reading } from "./measures";
import { usePalette } from "./palette";
import { type BucketName, bucketLabel } from "./periods";
import { PeriodLink } from "./PeriodLink";
import { Tip } from "./Tip";

const words = text.analytics;
const CHOICES = MEASURES.map(({ key }) => ({ value: key, label: words.measures[key] }));

interface TrendCardProps {
  readonly buckets: readonly Bucket[];
  readonly bucket: BucketName;
  readonly measure: string;
  readonly onMeasure: (key: string) => void;
  readonly linkTo: (position: number) => string;
  readonly onPick: (position: number) => void;
}

/** One measure over time with its interval, and how many calls each point rests on. */
export function TrendCard({ buckets, bucket, measure: key, onMeasure, linkTo, onPick }: TrendCardProps) {
  const palette = usePalette();
  const measure = measureOf(key);
  const points = marked(
    buckets.map(({ start, measures }) => ({ label: bucketLabel(start, bucket), ...read(measures, measure) })),
  );
  const name = words.measures[measure.key];
  const hasBand = measure.low !== undefined;
  const columns = [words.period, words.value, ...(hasBand ? [`${words.band} ↓`, `${words.band} ↑`] : []), words.n];
  const rows = points.map(({ label, value, low, high, n }): CellValue[] => [
    label,
    value,
    ...(hasBand ? [low, high] : []),
    n,
  ]);
  return (
    <ChartCard
      title={words.trend}
      columns={columns}
      rows={rows}
      show={(value, column) => {
        if (column === 0) {
          const position = points.findIndex(({ label }) => label === value);
          return <PeriodLink to={linkTo(position)}>{String(value)}</PeriodLink>;
        }
        if (column === columns.length - 1) return formatCount(Number(value));
        return formatReading(value as number | null, measure);
      }}
      aside={
        <Box width="size30">
          <SelectField label={words.measure} value={measure.key} choices={CHOICES} onChange={onMeasure} />
        </Box>
      }
      note={words.pickHelp}
    >
      <TimeChart
        label={name}
        points={points}
        palette={palette}
        domain={measure.domain}
        format={measure.format}
        onPick={onPick}
        series={[
          ...(hasBand
            ? [
                {
                  kind: "band" as const,
                  name: words.band,
                  color: palette.band,
                  value: (point: (typeof points)[number]) => bandOf(point, measure),
                },
              ]
            : []),
          {
            kind: "line",
            name,
            color: palette.main,
            value: ({ value }) => value,
            whisker: (point) => whiskerOf(point, measure),
          },
        ]}
        tip={(point) => <Tip title={point.label} lines={tipLines(point, measure)} />}
      />
    </ChartCard>
  );
}

interface Marked extends Reading {
  readonly label: string;
  /** Whether neither neighbour has a value: a band needs two points. */
  readonly alone: boolean;
}

const marked = (points: readonly (Reading & { readonly label: string })[]): readonly Marked[] =>
  points.map((point, at) => ({
    ...point,
    alone: (points[at - 1]?.value ?? null) === null && (points[at + 1]?.value ?? null) === null,
  }));

/** The interval as far as it lies on the measure's scale; the table has it whole. */
function bandOf({ low, high }: Reading, { domain: [least, most] }: Measure): readonly [number, number] | null {
  if (low === null || high === null) return null;
  return [least === "auto" ? low : Math.max(low, least), most === "auto" ? high : Math.min(high, most)];
}

/** How far the interval reaches below and above a point that stands alone. */
function whiskerOf(point: Marked, measure: Measure): readonly [number, number] | null {
  const band = point.alone ? bandOf(point, measure) : null;
  return band === null || point.value === null ? null : [point.value - band[0], band[1] - point.value];
}

function tipLines(point: ReturnType<typeof read>, measure: Measure): readonly string[] {
  const lines = [`${words.measures[measure.key]}: ${formatReading(point.value, measure)}`];
  if (point.low !== null && point.high !== null) {
    lines.push(
      fill(`${words.band}: {low}–{high}`, { low: measure.format(point.low), high: measure.format(point.high) }),
    );
  }
  lines.push(`${words.n}: ${formatCount(point.n)}`);
  if (isSmall(point)) lines.push(words.small);
  return lines;
}
