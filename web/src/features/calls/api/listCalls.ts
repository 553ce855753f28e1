import { queryOptions, useQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";
import { pageOf } from "@/shared/api/schemas";
import { usePollInterval } from "@/shared/live/LiveStatusContext";

import { callsAfter, inOrder } from "../applyRecord";
import { markRecords } from "../liveRecords";
import { type Call, callSchema } from "./call";
import { callKeys } from "./keys";

async function fetchCalls(signal: AbortSignal): Promise<readonly Call[]> {
  return inOrder((await request("/svc/relay/api/calls", pageOf(callSchema), { signal })).items);
}

/** Live calls first, then the latest ended ones. */
export const callsOptions = queryOptions({
  queryKey: callKeys.list,
  queryFn: async ({ client, signal }) => {
    const records = markRecords(client);
    const calls = await fetchCalls(signal);
    return records.since().reduce((known, record) => callsAfter(known, record) ?? known, calls);
  },
});

export const useCalls = () => useQuery({ ...callsOptions, refetchInterval: usePollInterval() });
