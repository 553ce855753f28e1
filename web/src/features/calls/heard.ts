import type { Turn } from "./api/call";

/** A reply split into what the caller heard and what was cut off. */
export interface HeardParts {
  readonly heard: string;
  readonly unheard: string;
  /** False when the heard words are not the reply's beginning: then `unheard` is the whole reply. */
  readonly aligned: boolean;
}

/** What the caller heard of a turn's reply; everything while that is not settled yet. */
export function heardParts(
  turn: Pick<Turn, "reply_text" | "heard_text" | "heard_source" | "interrupted" | "outcome">,
): HeardParts {
  const reply = turn.reply_text;
  const settled = turn.heard_source !== "" || turn.heard_text !== "" || turn.interrupted;
  if (!settled || turn.outcome === "open") return { heard: reply, unheard: "", aligned: true };
  const end = endOfPrefix(reply, turn.heard_text);
  if (end === null) return { heard: turn.heard_text, unheard: reply, aligned: false };
  const rest = reply.slice(end);
  return rest.trim() === ""
    ? { heard: reply, unheard: "", aligned: true }
    : { heard: reply.slice(0, end), unheard: rest, aligned: true };
}

/** Where `start` ends inside `whole`; white space and letter case do not count, since speech engines change both. */
function endOfPrefix(whole: string, start: string): number | null {
  let position = 0;
  for (const letter of start) {
    if (/\s/.test(letter)) continue;
    while (position < whole.length && /\s/.test(whole.charAt(position))) position += 1;
    const length = letter.length;
    if (whole.slice(position, position + length).toLowerCase() !== letter.toLowerCase()) return null;
    position += length;
  }
  return position;
}
