import { fill, text } from "@/texts";

export type JsonObject = Readonly<Record<string, unknown>>;

interface JsonCheck {
  readonly value: JsonObject | null;
  /** What is wrong and where, for the reader; null when it can be used. */
  readonly fault: string | null;
  /** Size in UTF-8 without white space between the parts, which is what is sent. */
  readonly bytes: number;
}

/** Reads a JSON object from text; empty text is an empty object. */
export function checkJson(source: string, limitBytes: number): JsonCheck {
  if (source.trim() === "") return { value: {}, fault: null, bytes: 2 };
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return { value: null, fault: positionSentence(source, error), bytes: byteLength(source) };
  }
  const bytes = byteLength(JSON.stringify(value));
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { value: null, fault: text.json.noObject, bytes };
  }
  if (bytes > limitBytes)
    return { value: null, fault: fill(text.json.tooLarge, { n: bytes, limit: limitBytes }), bytes };
  return { value: value as JsonObject, fault: null, bytes };
}

const byteLength = (words: string): number => new TextEncoder().encode(words).length;

/** Engines name the place in different ways: V8 an offset or a line and column, others only the latter, or nothing. */
function positionSentence(source: string, error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  const place = /line (\d+) column (\d+)/.exec(message);
  if (place) return fill(text.json.faultAt, { line: Number(place[1]), column: Number(place[2]) });
  const offset = /position (\d+)/.exec(message);
  const at = offset ? Number(offset[1]) : source.length;
  const before = source.slice(0, at).split("\n");
  return fill(text.json.faultAt, { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 });
}

export const formatJson = (value: unknown): string => JSON.stringify(value ?? {}, null, 2);
