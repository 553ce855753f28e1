import type { QueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { textOrEmpty } from "@/shared/api/schemas";

import { type Message, messageSchema } from "./api/conversation";
import { conversationKeys } from "./api/keys";
import { putMessage, removeMessage } from "./messagePages";

const eventSchema = v.object({
  event_type: v.string(),
  conversation_sid: textOrEmpty,
  sid: textOrEmpty,
  payload: v.nullish(v.record(v.string(), v.unknown()), {}),
});

type ConversationEvent = v.InferOutput<typeof eventSchema>;

/** Applies a conversation event to what is open; what it does not say is read again. Lists are read by the caller. */
export function applyConversationEvent(client: QueryClient, data: unknown): void {
  const parsed = v.safeParse(eventSchema, data);
  if (!parsed.success) return;
  const event = parsed.output;
  if (event.event_type.startsWith("onMessage")) return applyMessageEvent(client, event);
  if (event.event_type.startsWith("onDelivery")) return readMessagesAgain(client, event);
  // A conversation may be open under its unique name, which events do not tell: every open one is read again.
  void client.invalidateQueries({ queryKey: conversationKeys.ones });
}

function applyMessageEvent(client: QueryClient, event: ConversationEvent): void {
  const message = event.event_type === "onMessageAdded" ? messageOf(event.payload) : null;
  if (message) putMessage(client, event.conversation_sid, message);
  else if (event.event_type === "onMessageRemoved") removeMessage(client, event.conversation_sid, event.sid);
  else readMessagesAgain(client, event);
}

function readMessagesAgain(client: QueryClient, event: ConversationEvent): void {
  void client.invalidateQueries({ queryKey: conversationKeys.messages(event.conversation_sid) });
}

// A webhook's fields are all text, in Twilio's capitals: {MessageSid, Index: "1", Body, …}.
const webhookMessageSchema = v.pipe(
  v.object({
    MessageSid: v.string(),
    Index: v.pipe(v.string(), v.transform(Number), v.integer()),
    Author: textOrEmpty,
    Body: textOrEmpty,
    DateCreated: v.string(),
    ParticipantSid: v.nullish(v.string(), null),
    // Its media have another form than the API's: such a message is read again.
    Media: v.optional(v.never()),
  }),
  v.transform((it): Message => ({
    sid: it.MessageSid,
    index: it.Index,
    author: it.Author,
    body: it.Body,
    dateCreated: it.DateCreated,
    participantSid: it.ParticipantSid,
    media: [],
    contentSid: null,
    delivery: null,
  })),
);

function messageOf(payload: unknown): Message | null {
  const fromWebhook = v.safeParse(webhookMessageSchema, payload);
  if (fromWebhook.success) return fromWebhook.output;
  const ownWrite = v.safeParse(messageSchema, payload);
  return ownWrite.success ? ownWrite.output : null;
}
