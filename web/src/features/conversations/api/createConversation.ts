import { useMutation, useQueryClient } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { type Conversation, conversationSchema } from "./conversation";
import { conversationKeys } from "./keys";

export interface NewConversation {
  readonly friendlyName: string;
  readonly uniqueName?: string;
}

const createConversation = (body: NewConversation): Promise<Conversation> =>
  request("/api/conversations", conversationSchema, { method: "POST", body });

export function useCreateConversation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: createConversation,
    onSuccess: (conversation) => {
      client.setQueryData(conversationKeys.one(conversation.sid), conversation);
      void client.invalidateQueries({ queryKey: conversationKeys.lists });
    },
  });
}
