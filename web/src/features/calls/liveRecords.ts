import type { QueryClient } from "@tanstack/react-query";
import * as v from "valibot";

import { type Call, type CallDetail, type CallRecord, callRecordSchema } from "./api/call";
import { callKeys } from "./api/keys";
import { callsAfter, detailAfter } from "./applyRecord";

const REMEMBERED = 500;

/** The record in a live frame; null for lines that change nothing shown. */
export function parseCallRecord(data: unknown): CallRecord | null {
  const parsed = v.safeParse(callRecordSchema, data);
  return parsed.success ? parsed.output : null;
}

/** Applies a live record to what is cached, and remembers it for answers that are on their way. */
export function applyCallRecord(client: QueryClient, record: CallRecord): void {
  const known = client.getQueryData<RecentRecords>(callKeys.records) ?? NOTHING;
  client.setQueryData<RecentRecords>(callKeys.records, {
    count: known.count + 1,
    latest: [...known.latest.slice(1 - REMEMBERED), record],
  });
  patchList(client, record);
  client.setQueryData<CallDetail>(callKeys.one(record.call_sid), (detail) => detail && detailAfter(detail, record));
}

function patchList(client: QueryClient, record: CallRecord): void {
  const calls = client.getQueryData<readonly Call[]>(callKeys.list);
  if (!calls) return;
  const after = callsAfter(calls, record);
  if (after) client.setQueryData(callKeys.list, after);
  else void client.invalidateQueries({ queryKey: callKeys.list });
}

interface RecentRecords {
  readonly count: number;
  readonly latest: readonly CallRecord[];
}
const NOTHING: RecentRecords = { count: 0, latest: [] };

/**
 * A note of the records seen so far, to take before asking the relay. The answer may be older than records that arrive
 * while it is on its way: `since` gives those, to be applied on top.
 */
export function markRecords(client: QueryClient): { since: () => readonly CallRecord[] } {
  const before = (client.getQueryData<RecentRecords>(callKeys.records) ?? NOTHING).count;
  return {
    since: () => {
      const now = client.getQueryData<RecentRecords>(callKeys.records) ?? NOTHING;
      const missed = Math.min(now.count - before, now.latest.length);
      return missed > 0 ? now.latest.slice(-missed) : [];
    },
  };
}
