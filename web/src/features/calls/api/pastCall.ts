import * as v from "valibot";

import { numberOrNull, textOrEmpty, textOrNull } from "@/shared/api/schemas";

const findingSchema = v.object({
  category: textOrEmpty,
  severity: v.nullish(v.number(), 0),
  evidence: textOrEmpty,
});
const unparsedSchema = v.object({ name: textOrEmpty, reason: textOrEmpty });

const evidenceSchema = v.object({
  summary: textOrNull,
  findings: v.nullish(v.array(findingSchema), []),
  unparsed: v.nullish(v.array(unparsedSchema), []),
});

/** A row of signal_analytics: what is known of a call after it ended. `evidence` is null for who may not read it. */
export const pastCallSchema = v.object({
  key: v.string(),
  call_sid: textOrNull,
  transcript_sid: textOrNull,
  conversation_sid: textOrNull,
  started_at: textOrNull,
  ended_at: textOrNull,
  duration_s: numberOrNull,
  reason: textOrNull,
  turns: numberOrNull,
  direction: textOrNull,
  channel: textOrNull,
  language: textOrNull,
  agent: textOrNull,
  caller: textOrNull,
  csat: numberOrNull,
  csat_surveyed: numberOrNull,
  ces: numberOrNull,
  sentiment: textOrNull,
  legal_risk: numberOrNull,
  legal_risk_band: textOrNull,
  hallucinations: numberOrNull,
  escalation_requested: v.nullish(v.boolean(), null),
  tokens: numberOrNull,
  cost_usd: numberOrNull,
  evidence: v.nullish(evidenceSchema, null),
});

export type PastCall = v.InferOutput<typeof pastCallSchema>;
