import * as v from "valibot";

import { textOrEmpty, textOrNull } from "@/shared/api/schemas";

// What the sandbox's phone line tells; types of later servers are skipped.
const eventSchema = v.variant("type", [
  v.object({ type: v.literal("dialing"), callSid: v.string(), from: textOrEmpty, to: textOrEmpty }),
  v.object({
    type: v.literal("connected"),
    callSid: v.string(),
    language: textOrEmpty,
    languages: v.nullish(v.array(v.string()), []),
    attempt: v.nullish(v.number(), 1),
  }),
  v.object({ type: v.literal("text"), text: textOrEmpty, last: v.nullish(v.boolean(), false) }),
  v.object({ type: v.literal("spoken"), text: textOrEmpty, cut: v.nullish(v.boolean(), false), language: textOrEmpty }),
  v.object({ type: v.literal("speaking"), who: v.picklist(["agent", "caller"]), on: v.boolean() }),
  v.object({ type: v.literal("latency"), ms: v.number() }),
  v.object({ type: v.literal("language"), code: v.string() }),
  v.object({ type: v.literal("notice"), text: textOrEmpty }),
  v.object({ type: v.literal("transferred"), target: textOrEmpty }),
  v.object({ type: v.literal("tones"), digits: textOrEmpty }),
  v.object({ type: v.literal("ended"), by: textOrEmpty, detail: textOrEmpty, transcriptSid: textOrNull }),
  v.object({ type: v.literal("error"), title: textOrEmpty }),
]);

export type PhoneEvent = v.InferOutput<typeof eventSchema>;

/** The event in a socket message; null for anything else. */
export function parsePhoneEvent(message: unknown): PhoneEvent | null {
  if (typeof message !== "string") return null;
  try {
    const parsed = v.safeParse(eventSchema, JSON.parse(message));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
