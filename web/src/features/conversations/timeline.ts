import { isSameDay } from "date-fns";

import { parseTime } from "@/shared/format/times";

import type { Message } from "./api/conversation";
import type { VoiceItem } from "./api/getTimeline";

export type TimelineItem =
  | { readonly kind: "day"; readonly key: string; readonly day: Date }
  | { readonly kind: "message"; readonly key: string; readonly message: Message }
  | { readonly kind: "voice"; readonly key: string; readonly item: VoiceItem };

interface Timed {
  readonly at: Date | null;
  readonly item: TimelineItem;
}

/**
 * Messages and voice turns in the order they happened, with a separator before each day. Older voice turns than the
 * oldest loaded message wait until that is loaded; messages without a time keep the place of their neighbours.
 */
export function timelineOf(
  messages: readonly Message[],
  voice: readonly VoiceItem[],
  allLoaded: boolean,
): readonly TimelineItem[] {
  const oldest = messages[0]?.dateCreated ?? null;
  const shownVoice = allLoaded || oldest === null ? voice : voice.filter(({ at }) => at >= oldest);
  return withDays(merged(messages.map(timedMessage), shownVoice.map(timedVoice)));
}

const timedMessage = (message: Message): Timed => ({
  at: parseTime(message.dateCreated),
  item: { kind: "message", key: message.sid, message },
});

const timedVoice = (item: VoiceItem): Timed => ({
  at: parseTime(item.at),
  item: { kind: "voice", key: `${item.callSid} ${item.kind === "turn" ? String(item.turn) : "call"}`, item },
});

/** Two lists that are in order each, as one. */
function merged(left: readonly Timed[], right: readonly Timed[]): readonly Timed[] {
  const all: Timed[] = [];
  let position = 0;
  for (const it of left) {
    while (position < right.length && it.at && (right[position]?.at ?? it.at) < it.at) {
      const next = right[position];
      if (next) all.push(next);
      position += 1;
    }
    all.push(it);
  }
  return [...all, ...right.slice(position)];
}

function withDays(all: readonly Timed[]): readonly TimelineItem[] {
  let before: Date | null = null;
  return all.flatMap(({ at, item }) => {
    const isNew = at !== null && (before === null || !isSameDay(before, at));
    before = at ?? before;
    return isNew ? [{ kind: "day" as const, key: `day ${at.toDateString()}`, day: at }, item] : [item];
  });
}
