import { infiniteQueryOptions, useInfiniteQuery } from "@tanstack/react-query";
import type * as v from "valibot";

import { request } from "@/shared/api/request";
import { pageOf } from "@/shared/api/schemas";

import { messageSchema } from "./conversation";
import { conversationKeys } from "./keys";

const PAGE_SIZE = 50;
const pageSchema = pageOf(messageSchema);

export type MessagePage = v.InferOutput<typeof pageSchema>;

function fetchMessages(sid: string, cursor: string | null, signal: AbortSignal): Promise<MessagePage> {
  const path = `/api/conversations/${encodeURIComponent(sid)}/messages`;
  return request(path, pageSchema, { query: { limit: PAGE_SIZE, order: "desc", cursor }, signal });
}

/** The messages from the newest page back; pages and their items are newest first. */
export const messagesOptions = (sid: string) =>
  infiniteQueryOptions({
    queryKey: conversationKeys.messages(sid),
    queryFn: ({ pageParam, signal }) => fetchMessages(sid, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
  });

export const useMessages = (sid: string) => useInfiniteQuery(messagesOptions(sid));
