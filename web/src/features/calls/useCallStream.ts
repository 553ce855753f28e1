import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import * as v from "valibot";

import { LiveConnection } from "@/shared/live/connection";
import type { Frame } from "@/shared/live/frames";

import type { CallDetail } from "./api/call";
import { callKeys } from "./api/keys";
import { withWords } from "./applyRecord";
import { applyCallRecord, parseCallRecord } from "./liveRecords";

const wordsSchema = v.object({ call_sid: v.string(), turn: v.number(), token: v.string() });
type Words = v.InferOutput<typeof wordsSchema>;

/** Follows the relay itself while `enabled`: words show as the model writes them, not only when a turn is recorded. */
export function useCallStream(enabled: boolean): void {
  const client = useQueryClient();
  useEffect(() => (enabled ? openStream(client) : undefined), [client, enabled]);
}

function openStream(client: QueryClient): () => void {
  const waiting: Words[] = [];
  let frame = 0;
  // Fifty words a second are drawn once per picture, not fifty times.
  const flush = (): void => {
    frame = 0;
    applyWords(client, waiting.splice(0));
  };
  const connection = new LiveConnection(
    {
      onFrame: (it) => {
        const words = receive(client, it);
        if (!words) return;
        waiting.push(words);
        if (frame === 0) frame = requestAnimationFrame(flush);
      },
      onBegin: () => undefined,
      onMissed: () => void client.invalidateQueries({ queryKey: callKeys.all }),
      // The console's own connection tells when the session is over.
      onRefused: () => undefined,
      onStatus: () => undefined,
    },
    {
      openSocket: () => new WebSocket(streamAddress(window.location)),
      isOnline: () => navigator.onLine,
      random: Math.random,
    },
  );
  connection.open();
  return () => {
    cancelAnimationFrame(frame);
    connection.close();
  };
}

function receive(client: QueryClient, { topic, data }: Frame): Words | null {
  if (topic === "record") {
    const record = parseCallRecord(data);
    if (record) applyCallRecord(client, record);
    return null;
  }
  const words = topic === "text" ? v.safeParse(wordsSchema, data) : null;
  return words?.success ? words.output : null;
}

/** Adds streamed words to the calls that are shown; exported for the tests. */
export function applyWords(client: QueryClient, words: readonly Words[]): void {
  const joined = new Map<string, Words>();
  for (const it of words) {
    const key = `${it.call_sid} ${String(it.turn)}`;
    const before = joined.get(key);
    joined.set(key, before ? { ...before, token: before.token + it.token } : it);
  }
  for (const { call_sid, turn, token } of joined.values()) {
    client.setQueryData<CallDetail>(callKeys.one(call_sid), (detail) => detail && withWords(detail, turn, token));
  }
}

function streamAddress({ protocol, host }: Location): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/svc/relay/dashboard-ws`;
}
