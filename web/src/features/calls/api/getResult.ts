import { queryOptions, useQuery } from "@tanstack/react-query";
import * as v from "valibot";

import { request } from "@/shared/api/request";
import { numberOrNull, pageOf, textOrEmpty, textOrNull } from "@/shared/api/schemas";

import { callKeys } from "./keys";

const resultSchema = v.object({
  transcript_sid: textOrNull,
  call_sid: textOrNull,
  at: textOrNull,
  csat: numberOrNull,
  csat_surveyed: numberOrNull,
  ces: numberOrNull,
  sentiment: textOrNull,
  legal_risk: v.nullish(
    v.object({
      score: v.number(),
      band: textOrEmpty,
      findings: v.nullish(
        v.array(v.object({ category: textOrEmpty, severity: v.nullish(v.number(), 0), evidence: textOrEmpty })),
        [],
      ),
    }),
    null,
  ),
  hallucinations: numberOrNull,
  escalation_requested: v.nullish(v.boolean(), null),
  summary: textOrNull,
  disposition: textOrNull,
  intents: v.nullish(v.array(v.string()), []),
  operators: v.nullish(
    v.array(v.object({ name: textOrEmpty, parsed: v.nullish(v.boolean(), true), reason: textOrEmpty })),
    [],
  ),
});

/** What Conversational Intelligence found in a call, with the words that show it. */
export type CallResult = v.InferOutput<typeof resultSchema>;

const pageSchema = pageOf(resultSchema);

/** The result of a call; null while there is none. A server that does not know the filter sends others: they are skipped. */
async function fetchResult(callSid: string, signal: AbortSignal): Promise<CallResult | null> {
  const page = await request("/svc/intelligence/data", pageSchema, {
    query: { call_sid: callSid, limit: 100 },
    signal,
  });
  return page.items.find((result) => result.call_sid === callSid) ?? null;
}

export const resultOptions = (callSid: string) =>
  queryOptions({ queryKey: callKeys.result(callSid), queryFn: ({ signal }) => fetchResult(callSid, signal) });

export const useResult = (callSid: string) => useQuery(resultOptions(callSid));
