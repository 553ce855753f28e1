import { useMutation, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";

import { type Conversation, conversationSchema, type State } from "./conversation";
import { conversationKeys } from "./keys";
import type { ConversationPage } from "./listConversations";

const path = (sid: string): string => `/api/conversations/${encodeURIComponent(sid)}`;

interface Change {
  readonly sid: string;
  readonly state: State;
}

/** Changes a conversation's state: shown at once, taken back when it is refused. */
export function useChangeState(serviceSid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ sid, state }: Change) =>
      request(path(sid), conversationSchema, { method: "PUT", query: { serviceSid }, body: { state } }),
    onMutate: ({ sid, state }) => {
      const lists = client.getQueriesData<ConversationPage>({ queryKey: conversationKeys.lists });
      const one = client.getQueryData<Conversation>(conversationKeys.one(sid));
      const changed = (it: Conversation): Conversation => (it.sid === sid ? { ...it, state } : it);
      client.setQueriesData<ConversationPage>(
        { queryKey: conversationKeys.lists },
        (page) => page && { ...page, items: page.items.map(changed) },
      );
      client.setQueryData<Conversation>(conversationKeys.one(sid), (it) => it && changed(it));
      return { lists, one };
    },
    onError: (_error, { sid }, before) => {
      before?.lists.forEach(([key, page]) => client.setQueryData(key, page));
      if (before?.one) client.setQueryData(conversationKeys.one(sid), before.one);
    },
    onSettled: () => void client.invalidateQueries({ queryKey: conversationKeys.all }),
  });
}

export function useDeleteConversation(sid: string, serviceSid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => request(path(sid), v.unknown(), { method: "DELETE", query: { serviceSid } }),
    onSuccess: () => {
      client.removeQueries({ queryKey: conversationKeys.one(sid) });
      void client.invalidateQueries({ queryKey: conversationKeys.lists });
    },
  });
}
