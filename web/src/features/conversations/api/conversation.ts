import * as v from "valibot";

import { numberOrNull, numberOrZero, textOrEmpty, textOrNull } from "@/shared/api/schemas";

const activitySchema = v.object({
  lastActivityAt: textOrNull,
  messageCount: numberOrZero,
  unreadCount: numberOrZero,
  channels: v.nullish(v.array(v.string()), []),
  participants: v.nullish(
    v.array(v.object({ sid: textOrEmpty, identity: textOrEmpty, address: textOrEmpty, type: textOrEmpty })),
    [],
  ),
  lastMessage: v.nullish(v.object({ author: textOrEmpty, body: textOrEmpty }), null),
});

/** The list `tags` of a conversation's attributes; nothing where there is none. */
const tagsSchema = v.pipe(
  v.fallback(v.object({ tags: v.array(v.string()) }), { tags: [] }),
  v.transform(({ tags }) => tags),
);

/** A conversation; `activity` is null where the search index does not know it. */
export const conversationSchema = v.object({
  sid: v.string(),
  chatServiceSid: textOrEmpty,
  friendlyName: textOrEmpty,
  uniqueName: textOrEmpty,
  state: textOrEmpty,
  dateCreated: textOrNull,
  dateUpdated: textOrNull,
  attributes: v.optional(tagsSchema, { tags: [] }),
  activity: v.nullish(activitySchema, null),
});

export type Conversation = v.InferOutput<typeof conversationSchema>;

export const STATES = ["active", "inactive", "closed"] as const;
export type State = (typeof STATES)[number];
export const CHANNELS = ["chat", "sms", "whatsapp", "messenger", "rcs", "email"] as const;

const amount = v.nullish(v.string(), "none");
const deliverySchema = v.object({ sent: amount, delivered: amount, read: amount, failed: amount, undelivered: amount });
const mediaSchema = v.object({ sid: textOrEmpty, contentType: textOrEmpty, filename: textOrEmpty, size: numberOrNull });

export const messageSchema = v.object({
  sid: v.string(),
  index: v.nullish(v.number(), 0),
  author: textOrEmpty,
  body: textOrEmpty,
  dateCreated: textOrNull,
  participantSid: textOrNull,
  contentSid: textOrNull,
  media: v.nullish(v.array(mediaSchema), []),
  delivery: v.nullish(deliverySchema, null),
});

export type Message = v.InferOutput<typeof messageSchema>;
export type Media = v.InferOutput<typeof mediaSchema>;
