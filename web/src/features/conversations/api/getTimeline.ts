import { useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { hasStatus } from "@/shared/api/apiError";
import { request } from "@/shared/api/request";
import { numberOrNull, textOrEmpty, textOrNull } from "@/shared/api/schemas";

import { conversationKeys } from "./keys";

const callSchema = v.object({
  kind: v.literal("call"),
  at: v.string(),
  callSid: v.string(),
  language: textOrEmpty,
  durationS: numberOrNull,
  reason: textOrEmpty,
});
const turnSchema = v.object({
  kind: v.literal("turn"),
  at: v.string(),
  callSid: v.string(),
  turn: v.number(),
  callerText: textOrEmpty,
  replyText: textOrEmpty,
  heardText: textOrEmpty,
  interrupted: v.nullish(v.boolean(), false),
});
// Messages stand in the timeline too, but the console has them from their own list, with their receipts.
const itemSchema = v.union([callSchema, turnSchema, v.looseObject({ kind: v.string(), at: v.string() })]);
const timelineSchema = v.object({ items: v.array(itemSchema), nextCursor: textOrNull });

export type VoiceItem = v.InferOutput<typeof callSchema> | v.InferOutput<typeof turnSchema>;

/** What the conversation's customer said on the phone, oldest first. Nothing where the service offers no timeline. */
async function fetchVoice(sid: string, signal: AbortSignal): Promise<readonly VoiceItem[]> {
  try {
    const path = `/api/conversations/${encodeURIComponent(sid)}/timeline`;
    const { items } = await request(path, timelineSchema, { query: { limit: 100 }, signal });
    return items.filter((it): it is VoiceItem => it.kind === "call" || it.kind === "turn").toReversed();
  } catch (error) {
    if (hasStatus(error, 404) || hasStatus(error, 400)) return [];
    throw error;
  }
}

export const useVoice = (sid: string) =>
  useQuery({ queryKey: conversationKeys.timeline(sid), queryFn: ({ signal }) => fetchVoice(sid, signal) });
