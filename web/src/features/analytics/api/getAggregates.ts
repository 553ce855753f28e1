import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { type Aggregates, aggregatesSchema } from "./aggregates";

export const ANALYTICS_FILTERS = [
  "bucket",
  "tz",
  "from",
  "to",
  "by",
  "compare",
  "language",
  "channel",
  "agent",
  "direction",
  "serviceSid",
] as const;
export type AnalyticsFilter = Readonly<Record<(typeof ANALYTICS_FILTERS)[number], string>>;

export const aggregatesKey = ["analytics", "aggregates"] as const;
const REFRESH_MS = 60_000;

const fetchAggregates = (filter: AnalyticsFilter, signal: AbortSignal): Promise<Aggregates> =>
  request("/svc/analytics/api/aggregates", aggregatesSchema, { query: { ...filter }, signal });

/** Measures per bucket; while others load, those before stay. */
export const useAggregates = (filter: AnalyticsFilter) =>
  useQuery({
    queryKey: [...aggregatesKey, filter],
    queryFn: ({ signal }) => fetchAggregates(filter, signal),
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
