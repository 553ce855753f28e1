import { queryOptions, useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, numberOrZero, textOrEmpty } from "@/shared/api/schemas";

const summarySchema = v.object({
  date: textOrEmpty,
  timezone: textOrEmpty,
  calls: numberOrZero,
  csat: v.object({ n: numberOrZero, mean: numberOrNull, top2_pct: numberOrNull, low: numberOrNull, high: numberOrNull }),
  ces: v.object({ n: numberOrZero, mean: numberOrNull, easy_pct: numberOrNull }),
  sentiment: v.object({
    n: numberOrZero,
    positive_pct: numberOrNull,
    neutral_pct: numberOrNull,
    negative_pct: numberOrNull,
    mixed_pct: numberOrNull,
  }),
  legal_risk: v.object({ n: numberOrZero, mean: numberOrNull, p95: numberOrNull, high_pct: numberOrNull }),
  skipped_lines: numberOrZero,
});

/** Today's measures. `low` and `high` bound the share of 4 and 5 ratings with 95% confidence, in percent. */
export type Summary = v.InferOutput<typeof summarySchema>;

export const summaryKey = ["signals", "summary"] as const;

const fetchSummary = (signal: AbortSignal): Promise<Summary> => request("/svc/analytics/api/summary", summarySchema, { signal });

const REFRESH_MS = 60_000;

export const summaryOptions = queryOptions({
  queryKey: summaryKey,
  queryFn: ({ signal }) => fetchSummary(signal),
  refetchInterval: REFRESH_MS,
});

export const useSummary = () => useQuery(summaryOptions);
