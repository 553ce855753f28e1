import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type * as v from "valibot";

import { request } from "@/shared/api/request";
import { pageOf } from "@/shared/api/schemas";
import { usePollInterval } from "@/shared/live/LiveStatusContext";

import { callKeys } from "./keys";
import { pastCallSchema } from "./pastCall";

const PAGE_SIZE = 25;
const pageSchema = pageOf(pastCallSchema);
export type PastCallPage = v.InferOutput<typeof pageSchema>;

/** The parameters of signal_analytics that the list takes from the address, by their own names there. */
export const PAST_FILTERS = [
  "from",
  "to",
  "language",
  "channel",
  "agent",
  "direction",
  "signal",
  "finding",
  "caller",
  "serviceSid",
] as const;
export type PastFilter = Readonly<Record<(typeof PAST_FILTERS)[number], string>>;

function fetchPastCalls(filter: PastFilter, cursor: string | null, signal: AbortSignal): Promise<PastCallPage> {
  const tz = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return request("/svc/analytics/api/calls", pageSchema, {
    query: { ...filter, tz, limit: PAGE_SIZE, cursor },
    signal,
  });
}

/** A page of past calls, newest first; while the next one loads, the one before stays. */
export const usePastCalls = (filter: PastFilter, cursor: string | null) =>
  useQuery({
    queryKey: callKeys.past(filter, cursor),
    queryFn: ({ signal }) => fetchPastCalls(filter, cursor, signal),
    placeholderData: keepPreviousData,
    refetchInterval: usePollInterval(),
  });
