import { queryOptions, useQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";
import { usePollInterval } from "@/shared/live/LiveStatusContext";

import { detailAfter } from "../applyRecord";
import { markRecords } from "../liveRecords";
import { type CallDetail, callDetailSchema } from "./call";
import { callKeys } from "./keys";

function fetchCall(callSid: string, signal: AbortSignal): Promise<CallDetail> {
  return request(`/svc/relay/api/calls/${encodeURIComponent(callSid)}`, callDetailSchema, { signal });
}

/** A call with its transcript. */
export const callOptions = (callSid: string) =>
  queryOptions({
    queryKey: callKeys.one(callSid),
    queryFn: async ({ client, signal }) => {
      const records = markRecords(client);
      const detail = await fetchCall(callSid, signal);
      return records
        .since()
        .filter((record) => record.call_sid === callSid)
        .reduce(detailAfter, detail);
    },
  });

export const useCall = (callSid: string) => useQuery({ ...callOptions(callSid), refetchInterval: usePollInterval() });
