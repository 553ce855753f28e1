import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import type * as v from "valibot";

import { request } from "@/shared/api/request";
import { pageOf } from "@/shared/api/schemas";

import { conversationSchema, type State } from "./conversation";
import { conversationKeys } from "./keys";

const PAGE_SIZE = 20;
const pageSchema = pageOf(conversationSchema);

export interface ConversationFilter {
  readonly state: State | null;
  readonly cursor: string | null;
}
type ConversationPage = v.InferOutput<typeof pageSchema>;

function fetchConversations({ state, cursor }: ConversationFilter, signal: AbortSignal): Promise<ConversationPage> {
  return request("/api/conversations", pageSchema, { query: { limit: PAGE_SIZE, state, cursor }, signal });
}

export const conversationsOptions = (filter: ConversationFilter) =>
  queryOptions({
    queryKey: conversationKeys.list(filter),
    queryFn: ({ signal }) => fetchConversations(filter, signal),
  });

/** A page of conversations; while the next one loads, the one before stays. */
export const useConversations = (filter: ConversationFilter) =>
  useQuery({ ...conversationsOptions(filter), placeholderData: keepPreviousData });
