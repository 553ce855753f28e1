import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, textOrNull } from "@/shared/api/schemas";

import { conversationSchema } from "./conversation";
import { conversationKeys } from "./keys";

const pageSchema = v.object({
  items: v.array(conversationSchema),
  nextCursor: textOrNull,
  total: numberOrNull,
  totalIsExact: v.nullish(v.boolean(), true),
});
export type ConversationPage = v.InferOutput<typeof pageSchema>;

/** The parameters that choose conversations, by the service's own names; all of them live in the address. */
export const CONVERSATION_FILTERS = [
  "q",
  "state",
  "channel",
  "participant",
  "startDate",
  "endDate",
  "activeAfter",
  "unread",
  "serviceSid",
] as const;
export type ConversationFilter = Readonly<Record<(typeof CONVERSATION_FILTERS)[number], string>>;

/** What only decides how the chosen ones are shown. */
export interface Shown {
  readonly sort: string;
  readonly limit: number;
  readonly cursor: string | null;
}

const fetchConversations = (filter: ConversationFilter, shown: Shown, signal: AbortSignal): Promise<ConversationPage> =>
  request("/api/conversations", pageSchema, {
    query: { limit: shown.limit, ...filter, sort: shown.sort, cursor: shown.cursor },
    signal,
  });

export const conversationsOptions = (filter: ConversationFilter, shown: Shown) =>
  queryOptions({
    queryKey: conversationKeys.list({ ...filter, ...shown }),
    queryFn: ({ signal }) => fetchConversations(filter, shown, signal),
  });

/** A page of conversations; while the next one loads, the one before stays. */
export const useConversations = (filter: ConversationFilter, shown: Shown) =>
  useQuery({ ...conversationsOptions(filter, shown), placeholderData: keepPreviousData });
