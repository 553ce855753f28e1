import * as v from "valibot";

const frameSchema = v.object({
  seq: v.number(),
  topic: v.string(),
  data: v.optional(v.unknown()),
});

/** One message of `/api/live`. `data` is parsed by whoever the topic belongs to. */
export type Frame = v.InferOutput<typeof frameSchema>;

/** The frame in a socket message; null for anything else, which is skipped. */
export function parseFrame(message: unknown): Frame | null {
  if (typeof message !== "string") return null;
  try {
    const parsed = v.safeParse(frameSchema, JSON.parse(message));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
