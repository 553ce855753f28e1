import { Badge } from "@twilio-paste/core/badge";

import { formatCount } from "@/shared/format/numbers";
import { text } from "@/texts";

import type { Aggregates, Difference } from "./api/aggregates";
import { type CellValue, Numbers } from "./ChartCard";
import { formatReading, type Measure, MEASURES, read } from "./measures";

const words = text.analytics;

/** Every measure of the whole period with its interval and n. */
export function TotalsTable({ total }: Pick<Aggregates, "total">) {
  const known = MEASURES.map((measure) => ({ measure, ...read(total, measure) })).filter(({ value }) => value !== null);
  return (
    <Numbers
      title={words.totals}
      columns={[words.measure, words.value, words.band, words.n]}
      rows={known.map(({ measure, value, low, high, n }): CellValue[] => [
        words.measures[measure.key],
        formatReading(value, measure),
        low === null || high === null ? null : `${measure.format(low)}–${measure.format(high)}`,
        formatCount(n),
      ])}
      show={(value) => value ?? text.noValueMark}
    />
  );
}

/** Two periods side by side, and whether chance alone may explain the difference. */
export function ComparisonTable({ differences }: NonNullable<Aggregates["compare"]>) {
  const known = MEASURES.flatMap((measure) => {
    const difference = differences[measure.key];
    return difference ? [{ measure, difference }] : [];
  });
  return (
    <Numbers
      title={words.comparison}
      columns={[words.measure, words.before, words.now, words.difference, words.interval, words.significant]}
      rows={known.map(({ measure, difference }) => differenceRow(measure, difference))}
      show={(value, column) => (column === 5 ? <Verdict verdict={String(value)} /> : (value ?? text.noValueMark))}
    />
  );
}

function differenceRow(measure: Measure, { now, before, difference, low, high, significant }: Difference): CellValue[] {
  const signed = (value: number): string =>
    `${value > 0 ? "+" : value < 0 ? "−" : ""}${measure.format(Math.abs(value))}`;
  return [
    words.measures[measure.key],
    formatReading(before, measure),
    formatReading(now, measure),
    difference === null ? null : signed(difference),
    low === null || high === null ? null : `${signed(low)} … ${signed(high)}`,
    significant === null ? words.unknown : significant ? words.yes : words.no,
  ];
}

function Verdict({ verdict }: { readonly verdict: string }) {
  if (verdict === words.unknown) return <>{verdict}</>;
  return (
    <Badge as="span" variant={verdict === words.yes ? "info" : "neutral"}>
      {verdict}
    </Badge>
  );
}

/** The same measures per group, largest group first. */
export function GroupsTable({ groups }: Pick<Aggregates, "groups">) {
  const shown = MEASURES.filter((measure) => groups.some(({ total }) => read(total, measure).value !== null)).slice(
    0,
    8,
  );
  return (
    <Numbers
      title={words.groups}
      columns={[words.group, words.volume, ...shown.map(({ key }) => words.measures[key])]}
      rows={groups.map(({ group, total }): CellValue[] => [
        group ?? words.noGroup,
        formatCount(total["calls"] ?? 0),
        ...shown.map((measure) => formatReading(read(total, measure).value, measure)),
      ])}
      show={(value) => value}
    />
  );
}
