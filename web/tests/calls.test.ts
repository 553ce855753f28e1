import { expect, test } from "vitest";

import { createQueryClient } from "@/app/queryClient";
import type { Call, CallDetail, CallRecord, Turn } from "@/features/calls/api/call";
import { callOptions } from "@/features/calls/api/getCall";
import { callKeys } from "@/features/calls/api/keys";
import { callsOptions } from "@/features/calls/api/listCalls";
import { callsAfter, detailAfter } from "@/features/calls/applyRecord";
import { heardParts } from "@/features/calls/heard";
import { applyCallRecord, parseCallRecord } from "@/features/calls/liveRecords";

import { gate, withPlatform } from "./platform";

const platform = withPlatform();

const call = (call_sid: string, changes: Partial<Call> = {}): Call => ({
  call_sid,
  caller: "+15551230000",
  called: "+15550100200",
  direction: "inbound",
  language: "en-US",
  agent: "Aurora",
  persona: "",
  state: "live",
  started_at: "2026-11-22T10:00:00Z",
  ended_at: null,
  reason: null,
  turns: 0,
  taken_over_by: "",
  cost_usd: null,
  usage: {},
  ...changes,
});

function record(data: Record<string, unknown>): CallRecord {
  const parsed = parseCallRecord({ v: 1, id: "0", seq: 1, at: "2026-11-22T10:05:00Z", ...data });
  if (!parsed) throw new Error(`no record: ${JSON.stringify(data)}`);
  return parsed;
}
const turn = (number: number, changes: Partial<Turn> = {}): CallRecord =>
  record({ type: "turn", call_sid: "CA1", turn: number, input: "speech", caller_text: "Hello", ...changes });
const ended = (call_sid: string): CallRecord =>
  record({ type: "call_ended", call_sid, reason: "completed", duration_s: 300, turns: 4 });
const sids = (calls: readonly Call[] | null) => calls?.map(({ call_sid, state }) => `${call_sid} ${state}`);

test("a call that starts comes first among the live ones", () => {
  const started = record({
    type: "call_started",
    call_sid: "CA2",
    caller: "+1",
    called: "+2",
    direction: "inbound",
    language: "pt-BR",
    agent: "A",
  });
  expect(sids(callsAfter([call("CA1")], started))).toEqual(["CA2 live", "CA1 live"]);
});

test("a call that ends moves behind the live ones and keeps its reason", () => {
  const after = callsAfter(
    [call("CA1"), call("CA2"), call("CA3", { state: "ended", ended_at: "2026-11-22T09:00:00Z" })],
    ended("CA1"),
  );
  expect(sids(after)).toEqual(["CA2 live", "CA1 ended", "CA3 ended"]);
  expect(after?.[1]).toMatchObject({ reason: "completed", ended_at: "2026-11-22T10:05:00Z", turns: 4 });
});

test("a record about a call that is not listed says so", () => {
  expect(callsAfter([call("CA1")], ended("CA9"))).toBeNull();
});

test("a later record of the same turn corrects the earlier", () => {
  const detail: CallDetail = { ...call("CA1"), transcript: [], events: [] };
  const after = [
    turn(1, { outcome: "open" }),
    turn(2),
    turn(1, { reply_text: "Good morning", outcome: "completed" }),
  ].reduce(detailAfter, detail);
  expect(after.transcript.map(({ turn: number, reply_text }) => [number, reply_text])).toEqual([
    [1, "Good morning"],
    [2, ""],
  ]);
  expect(after.turns).toBe(2);
});

test("a call that comes back is live again", () => {
  const after = callsAfter(
    [call("CA1", { state: "ended", ended_at: "2026-11-22T10:01:00Z", reason: "lost" })],
    record({ type: "call_resumed", call_sid: "CA1" }),
  );
  expect(after?.[0]).toMatchObject({ state: "live", ended_at: null, reason: null });
});

test("lines that change nothing shown are skipped", () => {
  expect(parseCallRecord({ type: "operator_action", call_sid: "CA1", actor: "ana", action: "say" })).toBeNull();
  expect(parseCallRecord("no record")).toBeNull();
});

test("an answer that was on its way while a call ended does not bring the call back", async () => {
  const client = createQueryClient(() => undefined);
  const answer = gate();
  platform().on("GET /svc/relay/api/calls", { body: { items: [call("CA1")], nextCursor: null }, after: answer.opened });
  const reading = client.fetchQuery(callsOptions);
  applyCallRecord(client, ended("CA1"));
  answer.open();
  expect(sids(await reading)).toEqual(["CA1 ended"]);
});

test("a transcript that was on its way keeps the turn that was spoken meanwhile", async () => {
  const client = createQueryClient(() => undefined);
  const answer = gate();
  applyCallRecord(client, turn(1, { caller_text: "before asking" }));
  platform().on("GET /svc/relay/api/calls/CA1", { body: { ...call("CA1"), transcript: [] }, after: answer.opened });
  const reading = client.fetchQuery(callOptions("CA1"));
  applyCallRecord(client, turn(2, { caller_text: "meanwhile" }));
  applyCallRecord(client, ended("CA7"));
  answer.open();
  const detail = await reading;
  expect(detail.state).toBe("live");
  expect(detail.transcript.map(({ caller_text }) => caller_text)).toEqual(["meanwhile"]);
});

test("a live record changes the list and the open transcript at once", () => {
  const client = createQueryClient(() => undefined);
  client.setQueryData(callKeys.list, [call("CA1")]);
  client.setQueryData(callKeys.one("CA1"), { ...call("CA1"), transcript: [] });
  applyCallRecord(client, turn(3, { language: "es-ES" }));
  expect(client.getQueryData<Call[]>(callKeys.list)?.[0]).toMatchObject({ turns: 3, language: "es-ES" });
  expect(client.getQueryData<CallDetail>(callKeys.one("CA1"))?.transcript).toHaveLength(1);
});

const reply = (changes: Partial<Turn>) =>
  heardParts({
    reply_text: "Your order arrives at five.",
    heard_text: "",
    heard_source: "",
    interrupted: false,
    outcome: "completed",
    ...changes,
  });

test.each([
  ["everything while it is not settled", { outcome: "open" as const }, "Your order arrives at five.", ""],
  [
    "everything that was played",
    { heard_text: "Your order arrives at five.", heard_source: "played" },
    "Your order arrives at five.",
    "",
  ],
  ["up to the interruption", { heard_text: "Your order", interrupted: true }, "Your order", " arrives at five."],
  ["nothing, when it was cut off at once", { interrupted: true }, "", "Your order arrives at five."],
  [
    "the same words in other spacing and case",
    { heard_text: "your  ORDER arrives", interrupted: true },
    "Your order arrives",
    " at five.",
  ],
])("the caller heard %s", (_, changes, heard, unheard) => {
  expect(reply(changes)).toMatchObject({ heard, unheard, aligned: true });
});

test("words the reply does not begin with stand apart from it", () => {
  expect(reply({ heard_text: "Sorry?", interrupted: true })).toEqual({
    heard: "Sorry?",
    unheard: "Your order arrives at five.",
    aligned: false,
  });
});
