import { formatCount, formatMilliseconds, formatPercent, formatScore, formatUsd } from "@/shared/format/numbers";
import { formatDuration } from "@/shared/format/times";
import { text } from "@/texts";

import type { Measures } from "./api/aggregates";

export interface Measure {
  readonly key: keyof typeof text.analytics.measures;
  readonly format: (value: number) => string;
  /** The names of the interval's ends, where the service gives one. */
  readonly low?: string;
  readonly high?: string;
  readonly n: string;
  /** The scale's ends; open where the values decide. */
  readonly domain: readonly [number | "auto", number | "auto"];
}

const percent = (value: number): string => formatPercent(value);
const score = (value: number): string => formatScore(value);
const rate = (group: string, key: Measure["key"]): Measure => ({
  key,
  format: percent,
  low: `${group}.low`,
  high: `${group}.high`,
  n: `${group}.n`,
  domain: [0, 100],
});

/** What can be drawn over time. */
export const MEASURES: readonly Measure[] = [
  { key: "csat.mean", format: score, low: "csat.mean_low", high: "csat.mean_high", n: "csat.n", domain: [1, 5] },
  rate("csat", "csat.top2_pct"),
  { key: "ces.mean", format: score, low: "ces.mean_low", high: "ces.mean_high", n: "ces.n", domain: [1, 7] },
  { key: "ces.easy_pct", format: percent, n: "ces.n", domain: [0, 100] },
  { key: "sentiment.net", format: score, n: "sentiment.n", domain: [-1, 1] },
  { key: "legal_risk.mean", format: formatCount, n: "legal_risk.n", domain: [0, 100] },
  rate("legal_risk", "legal_risk.high_pct"),
  rate("containment", "containment.pct"),
  rate("resolved_containment", "resolved_containment.pct"),
  rate("escalation_requested", "escalation_requested.pct"),
  rate("abandonment", "abandonment.pct"),
  rate("repeat_contact", "repeat_contact.pct"),
  rate("hallucination", "hallucination.pct"),
  {
    key: "handled.mean_s",
    format: formatDuration,
    low: "handled.low",
    high: "handled.high",
    n: "handled.n",
    domain: [0, "auto"],
  },
  {
    key: "latency.first_speech_ms.p95",
    format: formatMilliseconds,
    n: "latency.first_speech_ms.n",
    domain: [0, "auto"],
  },
  { key: "cost.mean_usd", format: formatUsd, n: "cost.n", domain: [0, "auto"] },
];

const FIRST = MEASURES[0] as Measure;
export const measureOf = (key: string): Measure => MEASURES.find((measure) => measure.key === key) ?? FIRST;

export interface Reading {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
}

const SMALL = 30;
export const isSmall = ({ n }: Reading): boolean => n > 0 && n < SMALL;

/** One measure of one period, with its interval and how much it rests on. */
export function read(measures: Measures, measure: Measure): Reading {
  const at = (name: string | undefined): number | null => (name === undefined ? null : (measures[name] ?? null));
  return { value: at(measure.key), low: at(measure.low), high: at(measure.high), n: at(measure.n) ?? 0 };
}

export const formatReading = (value: number | null, measure: Measure): string =>
  value === null ? text.noValueMark : measure.format(value);
