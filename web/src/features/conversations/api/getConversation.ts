import { queryOptions, useQuery } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { type Conversation, conversationSchema } from "./conversation";
import { conversationKeys } from "./keys";

const fetchConversation = (sid: string, signal: AbortSignal): Promise<Conversation> =>
  request(`/api/conversations/${encodeURIComponent(sid)}`, conversationSchema, { signal });

export const conversationOptions = (sid: string) =>
  queryOptions({ queryKey: conversationKeys.one(sid), queryFn: ({ signal }) => fetchConversation(sid, signal) });

export const useConversation = (sid: string) => useQuery(conversationOptions(sid));
