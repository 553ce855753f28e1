import * as v from "valibot";

import { numberOrNull, numberOrZero, pageOf, textOrEmpty, textOrNull } from "@/shared/api/schemas";

export const statusSchema = v.object({
  received: numberOrZero,
  unresolved: numberOrZero,
  results: numberOrZero,
  dead_letters: numberOrZero,
  duplicates: numberOrZero,
  rejected: numberOrZero,
  unparsed: numberOrNull,
  oldest_unresolved_s: numberOrNull,
  lag_s: numberOrNull,
});
export type Status = v.InferOutput<typeof statusSchema>;

export const intelEventSchema = v.object({
  id: v.string(),
  at: textOrNull,
  kind: textOrEmpty,
  state: textOrEmpty,
  transcript_sid: textOrNull,
  conversation_sid: textOrNull,
  call_sid: textOrNull,
  tries: numberOrZero,
  due_at: textOrNull,
  replay_of: textOrEmpty,
  reason: textOrEmpty,
});
export type IntelEvent = v.InferOutput<typeof intelEventSchema>;

export const deadLetterSchema = v.object({
  id: v.string(),
  at: textOrNull,
  reason: textOrEmpty,
  detail: textOrEmpty,
  event_id: textOrEmpty,
  body: textOrEmpty,
});
export type DeadLetter = v.InferOutput<typeof deadLetterSchema>;

export const resultRowSchema = v.object({
  id: v.string(),
  at: textOrNull,
  source: textOrEmpty,
  transcript_sid: textOrNull,
  conversation_sid: textOrNull,
  call_sid: textOrNull,
  channel: textOrEmpty,
  language: textOrNull,
  csat: numberOrNull,
  ces: numberOrNull,
  sentiment: textOrNull,
  legal_risk: v.nullish(v.object({ score: v.number(), band: textOrEmpty }), null),
  summary: textOrNull,
});
export type ResultRow = v.InferOutput<typeof resultRowSchema>;

export const eventPage = pageOf(intelEventSchema);
export const deadLetterPage = pageOf(deadLetterSchema);
export const resultPage = pageOf(resultRowSchema);

export const intelligenceKeys = {
  all: ["intelligence"] as const,
  status: ["intelligence", "status"] as const,
  events: (state: string, cursor: string | null) => ["intelligence", "events", state, cursor] as const,
  results: (cursor: string | null) => ["intelligence", "results", cursor] as const,
  deadLetters: (cursor: string | null) => ["intelligence", "dead-letters", cursor] as const,
};
