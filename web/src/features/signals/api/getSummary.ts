import { queryOptions, useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { hasStatus } from "@/shared/api/apiError";
import { request } from "@/shared/api/request";
import { numberOrNull, numberOrZero, textOrEmpty } from "@/shared/api/schemas";

const summarySchema = v.object({
  date: textOrEmpty,
  timezone: textOrEmpty,
  calls: numberOrZero,
  csat: v.object({
    n: numberOrZero,
    mean: numberOrNull,
    top2_pct: numberOrNull,
    low: numberOrNull,
    high: numberOrNull,
  }),
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

const PATH = "/svc/analytics/api/summary";

/** Today where the viewer is; in the platform's zone when it does not know the browser's name for that. */
async function fetchSummary(signal: AbortSignal): Promise<Summary> {
  const tz = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    return await request(PATH, summarySchema, { query: { tz }, signal });
  } catch (error) {
    if (hasStatus(error, 400)) return request(PATH, summarySchema, { signal });
    throw error;
  }
}

const REFRESH_MS = 60_000;

export const summaryOptions = queryOptions({
  queryKey: summaryKey,
  queryFn: ({ signal }) => fetchSummary(signal),
  refetchInterval: REFRESH_MS,
});

export const useSummary = () => useQuery(summaryOptions);
