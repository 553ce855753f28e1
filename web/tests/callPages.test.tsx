import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { CallsRoute } from "@/app/routes/CallsRoute";
import { callDetailSchema } from "@/features/calls/api/call";
import { callKeys } from "@/features/calls/api/keys";
import { detailAfter, withWords } from "@/features/calls/applyRecord";
import { CallPage } from "@/features/calls/CallPage";
import { parseCallRecord } from "@/features/calls/liveRecords";
import { applyWords } from "@/features/calls/useCallStream";
import * as v from "valibot";

import { problem, withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const ZONE = encodeURIComponent(new Intl.DateTimeFormat().resolvedOptions().timeZone);
const past = (query = "") => `GET /svc/analytics/api/calls?${query}tz=${ZONE}&limit=25`;
const LIVE = {
  call_sid: "CA1",
  caller: "+14155552671",
  called: "+15550100200",
  direction: "inbound",
  language: "en-US",
  state: "live",
  started_at: new Date().toISOString(),
  turns: 1,
};
const OPEN_TURN = { turn: 1, input: "speech", caller_text: "Where is it?", outcome: "open", language: "en-US" };
const PAST = {
  key: "CA2",
  call_sid: "CA2",
  started_at: "2026-11-22T10:00:00Z",
  duration_s: 75,
  language: "pt-BR",
  csat: 4,
  sentiment: "negative",
  legal_risk: 82,
  legal_risk_band: "high",
};

class SilentSocket extends EventTarget {
  send(): void {}
  close(): void {}
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", SilentSocket);
  platform().on("GET /svc/relay/api/calls", { body: { items: [], nextCursor: null } });
  platform().on(past(), { body: { items: [PAST], nextCursor: null } });
});

const detail = (changes: object = {}) => ({ ...LIVE, transcript: [OPEN_TURN], ...changes });

test("past calls show their scores in words, and lead to the call", async () => {
  show(<CallsRoute />, "/calls");
  const table = await screen.findByRole("table", { name: "Past calls" });
  const row = (await within(table).findByText("Negative")).closest("tr");
  expect(row).toHaveTextContent("1:15");
  expect(row).toHaveTextContent("High");
  expect(within(row ?? table).getByRole("link")).toHaveAttribute("href", "/calls/CA2");
});

test("a filter of the address narrows the calls, shows as a chip and can be taken away", async () => {
  platform().on(past("signal=high_risk&"), { body: { items: [], nextCursor: null } });
  const { router } = show(<CallsRoute />, "/calls?signal=high_risk");
  expect(await screen.findByText("No call matches")).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Remove the filter Signal: High legal risk" }));
  expect(router.state.location.search).toBe("");
  expect(await screen.findByText("Negative", { selector: "td *" })).toBeInTheDocument();
});

test("a number without its country code is not called", async () => {
  platform().on("POST /svc/relay/api/calls", { status: 202, body: { callSid: "CA9" } });
  const { router } = show(<CallsRoute />, "/calls");
  await userEvent.click(await screen.findByRole("button", { name: "Place a call" }));
  await userEvent.type(await screen.findByLabelText(/Number/), "0415555");
  await userEvent.click(screen.getByRole("button", { name: "Call" }));
  expect(screen.getByText(/beginning with \+/)).toBeInTheDocument();
  await userEvent.clear(screen.getByLabelText(/Number/));
  await userEvent.type(screen.getByLabelText(/Number/), "+1 (415) 555-2671{Enter}");
  await waitFor(() => expect(router.state.location.pathname).toBe("/calls/CA9"));
  expect(platform().changed).toMatchObject({ method: "POST", body: { to: "+14155552671" } });
});

test("a viewer is not offered to call or to act on a call", async () => {
  platform().on("GET /svc/relay/api/calls/CA1", { body: detail() });
  show(<CallPage callSid="CA1" />, "/calls/CA1", "viewer");
  expect(await screen.findByText("Where is it?")).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "Take over" })).not.toBeInTheDocument();
});

test("ending a call asks first and then tells the relay", async () => {
  platform().on("GET /svc/relay/api/calls/CA1", { body: detail() });
  platform().on("POST /svc/relay/api/calls/CA1/end", { status: 202, body: { callSid: "CA1", state: "ending" } });
  show(<CallPage callSid="CA1" />);
  await userEvent.click(await screen.findByRole("button", { name: "End the call" }));
  expect(platform().askedFor("/svc/relay/api/calls/CA1/end")).toEqual([]);
  const dialog = await screen.findByRole("dialog");
  await userEvent.click(within(dialog).getByRole("button", { name: "End the call" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
  expect(platform().askedFor("/svc/relay/api/calls/CA1/end")).toHaveLength(1);
});

test("words that could not be said stay in the field", async () => {
  platform().on("GET /svc/relay/api/calls/CA1", { body: detail() });
  platform().on("POST /svc/relay/api/calls/CA1/say", problem(409, "The call is ending."), { status: 202, body: {} });
  show(<CallPage callSid="CA1" />);
  const field = await screen.findByRole("textbox", { name: "Words" });
  await userEvent.type(field, "One moment{Enter}");
  await waitFor(() => expect(screen.getByRole("button", { name: "Say to the caller" })).toBeEnabled());
  expect(field).toHaveValue("One moment");
  await userEvent.click(screen.getByRole("button", { name: "Say to the caller" }));
  await waitFor(() => expect(field).toHaveValue(""));
  expect(platform().changed?.body).toEqual({ text: "One moment" });
});

test("scores come with the words that show them, and what could not be read is said", async () => {
  platform().on("GET /svc/relay/api/calls/CA1", { body: detail({ state: "ended", ended_at: LIVE.started_at }) });
  const result = {
    call_sid: "CA1",
    csat: null,
    sentiment: "negative",
    legal_risk: {
      score: 82,
      band: "high",
      findings: [{ category: "threat", severity: 82, evidence: "I will sue you" }],
    },
    operators: [{ name: "CSAT", parsed: false, reason: "no number" }],
  };
  platform().on("GET /svc/intelligence/data?call_sid=CA1&limit=100", {
    body: { items: [{ call_sid: "CA7", csat: 5 }, result], nextCursor: null },
  });
  show(<CallPage callSid="CA1" />);
  expect(await screen.findByText(/I will sue you/)).toBeInTheDocument();
  expect(screen.getByText("– of 5")).toBeInTheDocument();
  expect(screen.getByText(/CSAT \(no number\)/)).toBeInTheDocument();
});

test("streamed words grow the open turn, and its record replaces them", async () => {
  platform().on("GET /svc/relay/api/calls/CA1", { body: detail() });
  const { client } = show(<CallPage callSid="CA1" />);
  await screen.findByText("Where is it?");
  applyWords(client, [
    { call_sid: "CA1", turn: 1, token: "It is" },
    { call_sid: "CA1", turn: 1, token: " on its way." },
    { call_sid: "CA9", turn: 1, token: "Other" },
  ]);
  expect(await screen.findByText("It is on its way.")).toBeInTheDocument();
  expect(client.getQueryData(callKeys.one("CA9"))).toBeUndefined();
});

test("an open record that arrives late takes no streamed word away, and no word follows an answer", () => {
  const known = withWords(v.parse(callDetailSchema, detail()), 1, "It is");
  const open = parseCallRecord({ type: "turn", call_sid: "CA1", ...OPEN_TURN });
  const done = parseCallRecord({
    type: "turn",
    call_sid: "CA1",
    ...OPEN_TURN,
    reply_text: "It is on its way.",
    outcome: "completed",
  });
  if (!open || !done) throw new Error("no record");
  expect(detailAfter(known, open).transcript[0]?.reply_text).toBe("It is");
  const answered = detailAfter(known, done);
  expect(withWords(answered, 1, " more").transcript[0]?.reply_text).toBe("It is on its way.");
  expect(detailAfter(answered, open).transcript[0]?.outcome).toBe("completed");
});
