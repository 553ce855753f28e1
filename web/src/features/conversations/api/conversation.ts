import * as v from "valibot";

import { textOrEmpty, textOrNull } from "@/shared/api/schemas";

export const conversationSchema = v.object({
  sid: v.string(),
  friendlyName: textOrEmpty,
  uniqueName: textOrEmpty,
  state: textOrEmpty,
  dateCreated: textOrNull,
  dateUpdated: textOrNull,
});

export type Conversation = v.InferOutput<typeof conversationSchema>;

export const STATES = ["active", "inactive", "closed"] as const;
export type State = (typeof STATES)[number];

const amount = v.nullish(v.string(), "none");
const deliverySchema = v.object({ sent: amount, delivered: amount, read: amount, failed: amount, undelivered: amount });

export const messageSchema = v.object({
  sid: v.string(),
  index: v.nullish(v.number(), 0),
  author: textOrEmpty,
  body: textOrEmpty,
  dateCreated: textOrNull,
  participantSid: textOrNull,
  media: v.nullish(v.array(v.unknown()), []),
  delivery: v.nullish(deliverySchema, null),
});

export type Message = v.InferOutput<typeof messageSchema>;
