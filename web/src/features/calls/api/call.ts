import * as v from "valibot";

import { numberOrNull, numberOrZero, textOrEmpty, textOrNull } from "@/shared/api/schemas";

const toolSchema = v.object({
  tool_call_id: textOrEmpty,
  name: textOrEmpty,
  outcome: textOrEmpty,
  duration_ms: numberOrZero,
});

/** One exchange as the relay keeps it; a later one with the same number corrects the earlier. */
export const turnSchema = v.object({
  turn: v.number(),
  input: v.fallback(v.picklist(["speech", "dtmf", "operator"]), "speech"),
  caller_text: textOrEmpty,
  reply_text: textOrEmpty,
  heard_text: textOrEmpty,
  heard_source: textOrEmpty,
  interrupted: v.nullish(v.boolean(), false),
  outcome: v.fallback(v.picklist(["open", "completed", "interrupted", "superseded", "failed"]), "completed"),
  language: textOrEmpty,
  tools: v.nullish(v.array(toolSchema), []),
  latency: v.nullish(v.record(v.string(), v.nullish(v.number())), {}),
});

export const callSchema = v.object({
  call_sid: v.string(),
  caller: textOrEmpty,
  called: textOrEmpty,
  direction: textOrEmpty,
  language: textOrEmpty,
  agent: textOrEmpty,
  persona: textOrEmpty,
  state: v.picklist(["live", "ended"]),
  started_at: textOrNull,
  ended_at: textOrNull,
  reason: textOrNull,
  turns: numberOrZero,
  taken_over_by: textOrEmpty,
  cost_usd: numberOrNull,
  usage: v.nullish(v.record(v.string(), v.number()), {}),
});

// Records of a call besides its turns; what they say differs by type and is shown as it is.
export const eventSchema = v.looseObject({ id: textOrEmpty, type: v.string(), at: v.string() });

export const callDetailSchema = v.object({
  ...callSchema.entries,
  transcript: v.nullish(v.array(turnSchema), []),
  events: v.nullish(v.array(eventSchema), []),
});

export type Turn = v.InferOutput<typeof turnSchema>;
export type Call = v.InferOutput<typeof callSchema>;
export type CallEvent = v.InferOutput<typeof eventSchema>;
export type CallDetail = v.InferOutput<typeof callDetailSchema>;

// The lines of the `calls` journal that change what is shown; other lines are skipped.
export const callRecordSchema = v.variant("type", [
  v.object({
    type: v.literal("call_started"),
    at: v.string(),
    call_sid: v.string(),
    caller: textOrEmpty,
    called: textOrEmpty,
    direction: textOrEmpty,
    language: textOrEmpty,
    agent: textOrEmpty,
  }),
  v.object({ type: v.literal("turn"), call_sid: v.string(), persona: textOrEmpty, ...turnSchema.entries }),
  v.object({ type: v.literal("language_switched"), call_sid: v.string(), to_language: v.string() }),
  v.object({ type: v.literal("persona_changed"), call_sid: v.string(), to_persona: v.string() }),
  v.object({ type: v.literal("call_resumed"), call_sid: v.string() }),
  v.object({
    type: v.literal("call_ended"),
    at: v.string(),
    call_sid: v.string(),
    reason: textOrEmpty,
    turns: numberOrNull,
  }),
]);

export type CallRecord = v.InferOutput<typeof callRecordSchema>;
