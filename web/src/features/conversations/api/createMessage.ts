import { useMutation, useQueryClient } from "@tanstack/react-query";

import { request } from "@/shared/api/request";

import { putMessage } from "../messagePages";
import { type Message, messageSchema } from "./conversation";
import { uploadMedia } from "./messages";

export interface NewMessage {
  readonly author: string;
  readonly body: string;
  /** A file to send along; it is stored first. */
  readonly file?: File;
  /** A content template of the account's; its words take the place of the body. */
  readonly template?: { readonly contentSid: string; readonly contentVariables: Readonly<Record<string, string>> };
}

async function createMessage(sid: string, { author, body, file, template }: NewMessage): Promise<Message> {
  const mediaSid = file ? await uploadMedia(sid, file) : null;
  return request(`/api/conversations/${encodeURIComponent(sid)}/messages`, messageSchema, {
    method: "POST",
    body: { author, ...(body ? { body } : {}), ...(mediaSid ? { mediaSid } : {}), ...template },
  });
}

export function useCreateMessage(sid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (message: NewMessage) => createMessage(sid, message),
    onSuccess: (message) => putMessage(client, sid, message),
  });
}
