import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, numberOrZero, pageOf, textOrEmpty } from "@/shared/api/schemas";
import { usePollInterval } from "@/shared/live/LiveStatusContext";

import { conversationKeys } from "./keys";
import type { ConversationFilter } from "./listConversations";

export type BulkAction = "close" | "delete" | "tag";

export interface BulkRequest {
  readonly action: BulkAction;
  readonly serviceSid?: string;
  readonly sids?: readonly string[];
  readonly filter?: Partial<ConversationFilter>;
  /** What `tag` adds to each. */
  readonly tags?: readonly string[];
  /** What the service asked for: it has told how many it would change. */
  readonly confirmation?: string;
}

export const jobSchema = v.object({
  id: v.string(),
  state: textOrEmpty,
  total: numberOrZero,
  done: numberOrZero,
  failed: numberOrZero,
  perSecond: numberOrNull,
});
export type BulkJob = v.InferOutput<typeof jobSchema>;

/** The body of the 409 that asks for a confirmation. */
export const confirmationSchema = v.object({ count: v.number(), confirmation: v.string() });

const itemsSchema = pageOf(v.object({ sid: v.string(), status: textOrEmpty, detail: textOrEmpty }));

export const useStartBulk = () =>
  useMutation({ mutationFn: (body: BulkRequest) => request("/api/bulk", jobSchema, { method: "POST", body }) });

export const isOver = (job: BulkJob | undefined): boolean => job?.state === "done" || job?.state === "cancelled";

/** A job's progress until it is over: told over the live connection, asked for while that is down. */
export function useBulkJob(id: string) {
  const poll = usePollInterval();
  return useQuery({
    queryKey: conversationKeys.job(id),
    queryFn: ({ signal }) => request(`/api/bulk/${encodeURIComponent(id)}`, jobSchema, { signal }),
    refetchInterval: ({ state }) => (isOver(state.data) ? false : poll),
  });
}

/** What a job could not do, item by item. */
export const useBulkFailures = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: [...conversationKeys.job(id), "failed"],
    queryFn: ({ signal }) =>
      request(`/api/bulk/${encodeURIComponent(id)}/items`, itemsSchema, {
        query: { status: "failed", limit: 100 },
        signal,
      }),
    enabled,
  });

export function useCancelBulk(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request(`/api/bulk/${encodeURIComponent(id)}`, v.unknown(), { method: "DELETE" }),
    onSettled: () => void client.invalidateQueries({ queryKey: conversationKeys.job(id) }),
  });
}
