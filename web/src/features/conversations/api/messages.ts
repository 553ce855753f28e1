import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { ApiError, refusal } from "@/shared/api/apiError";
import { request } from "@/shared/api/request";
import { pageOf, textOrEmpty, textOrNull } from "@/shared/api/schemas";

import { putMessage, removeMessage } from "../messagePages";
import { messageSchema } from "./conversation";
import { conversationKeys } from "./keys";

const base = (sid: string): string => `/api/conversations/${encodeURIComponent(sid)}`;
const item = (sid: string, messageSid: string): string => `${base(sid)}/messages/${encodeURIComponent(messageSid)}`;

/** Changes a message's words; the answer takes its place. */
export function useEditMessage(sid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ messageSid, body }: { readonly messageSid: string; readonly body: string }) =>
      request(item(sid, messageSid), messageSchema, { method: "PUT", body: { body } }),
    onSuccess: (message) => putMessage(client, sid, message),
  });
}

/** Deletes a message: gone at once, read again when it could not be deleted. */
export function useDeleteMessage(sid: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (messageSid: string) => request(item(sid, messageSid), v.unknown(), { method: "DELETE" }),
    onMutate: (messageSid) => removeMessage(client, sid, messageSid),
    onError: () => void client.invalidateQueries({ queryKey: conversationKeys.messages(sid) }),
  });
}

const receiptsSchema = pageOf(
  v.object({
    sid: v.string(),
    participantSid: textOrEmpty,
    status: textOrEmpty,
    errorCode: v.nullish(v.number(), null),
    dateUpdated: textOrNull,
  }),
);

/** How far a message got with each participant outside chat. */
export const useReceipts = (sid: string, messageSid: string, enabled: boolean) =>
  useQuery({
    queryKey: conversationKeys.receipts(sid, messageSid),
    queryFn: ({ signal }) =>
      request(`${item(sid, messageSid)}/receipts`, receiptsSchema, { query: { limit: 100 }, signal }),
    enabled,
  });

const storedSchema = v.object({ sid: v.string() });

/** Stores a file with the conversation; the message that carries it is sent with its sid. */
export async function uploadMedia(sid: string, file: File): Promise<string> {
  const form = new FormData();
  form.append("file", file);
  let response: Response;
  try {
    response = await fetch(`${base(sid)}/media`, { method: "POST", body: form, credentials: "same-origin" });
  } catch (cause) {
    throw new ApiError({ kind: "network", cause });
  }
  if (!response.ok) throw await refusal(response);
  const stored = v.safeParse(storedSchema, await response.json().catch(() => null));
  if (!stored.success) throw new ApiError({ kind: "shape", status: response.status });
  return stored.output.sid;
}

export const mediaPath = (sid: string, mediaSid: string): string =>
  `${base(sid)}/media/${encodeURIComponent(mediaSid)}`;
