import { useMutation, useQueryClient } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { putMessage } from "../messagePages";
import { type Message, messageSchema } from "./conversation";

export interface NewMessage {
  readonly author: string;
  readonly body: string;
}

const createMessage = (sid: string, body: NewMessage): Promise<Message> =>
  request(`/api/conversations/${encodeURIComponent(sid)}/messages`, messageSchema, { method: "POST", body });

export function useCreateMessage(sid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (message: NewMessage) => createMessage(sid, message),
    onSuccess: (message) => putMessage(client, sid, message),
  });
}
