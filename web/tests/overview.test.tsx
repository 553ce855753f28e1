import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";

import { applyFrame } from "@/app/LiveBridge";
import { OverviewRoute } from "@/app/routes/OverviewRoute";
import { CallPage } from "@/features/calls/CallPage";
import { Transcript } from "@/features/calls/Transcript";

import { withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
/** Frames are applied without anything being read again. */
const UNHEARD = { numbers: { refresh: () => undefined }, lists: { refresh: () => undefined } };
const ZONE = encodeURIComponent(new Intl.DateTimeFormat().resolvedOptions().timeZone);
const SUMMARY_HERE = `GET /svc/analytics/api/summary?tz=${ZONE}`;
const none = { n: 0, mean: null };
const SUMMARY = {
  date: "2026-11-22",
  timezone: "UTC",
  calls: 34,
  csat: { n: 30, mean: 4.27, top2_pct: 83.3, low: 66.4, high: 92.7 },
  ces: { ...none, easy_pct: null },
  sentiment: { n: 32, positive_pct: 56.25, neutral_pct: 25, negative_pct: 12.5, mixed_pct: 6.25 },
  legal_risk: { n: 32, mean: 11.7, p95: 58, high_pct: 3.1 },
  skipped_lines: 2,
};
const CALL = {
  call_sid: "CA1",
  caller: "+14155552671",
  called: "+15550100200",
  direction: "inbound",
  language: "en-US",
  agent: "Aurora",
  state: "live",
  started_at: new Date(Date.now() - 65_000).toISOString(),
  ended_at: null,
  reason: null,
  turns: 1,
};
const TURN = {
  turn: 1,
  input: "speech",
  caller_text: "Where is my order?",
  reply_text: "It arrives at five.",
  heard_text: "It arrives",
  interrupted: true,
  outcome: "interrupted",
  language: "en-US",
  latency: { first_speech_ms: 287.6 },
};

function running(items: readonly object[] = [CALL]) {
  platform().on("GET /svc/relay/api/calls", { body: { items, nextCursor: null } });
  platform().on("GET /svc/relay/api/calls/CA1", { body: { ...CALL, transcript: [TURN] } });
  platform().on(SUMMARY_HERE, { body: SUMMARY });
  const activeAfter = encodeURIComponent(new Date(new Date().setHours(0, 0, 0, 0)).toISOString());
  platform().on(`GET /api/conversations?limit=1&activeAfter=${activeAfter}`, { body: { items: [], total: 12 } });
  platform().on(`GET /api/conversations?limit=1&activeAfter=${activeAfter}&unread=true`, {
    body: { items: [], total: 3 },
  });
  platform().on("GET /svc/intelligence/status", { body: { dead_letters: 2 } });
  platform().on(
    `GET /svc/analytics/api/calls?from=${new Date().toLocaleDateString("sv")}&signal=high_risk&tz=${ZONE}&limit=25`,
    { body: { items: [{ key: "CA9" }], nextCursor: null } },
  );
  platform().on("GET /api/health", { body: { services: [{ name: "relay", state: "ready", detail: "" }] } });
}

test("the overview shows the live call with its words and its growing duration", async () => {
  running();
  show(<OverviewRoute />);
  const live = await screen.findByRole("region", { name: "Live calls" });
  expect(await within(live).findByText("Where is my order?")).toBeInTheDocument();
  expect(within(live).getByRole("link")).toHaveAttribute("href", "/calls/CA1");
  expect(within(live).getByText("English (US)")).toBeInTheDocument();
  expect(within(live).getByRole("timer").textContent).toMatch(/^1:0[5-9]$/);
});

test("a live frame adds to the transcript without asking the relay again", async () => {
  running();
  const { client } = show(<OverviewRoute />);
  await screen.findByText("Where is my order?");
  const asked = platform().asked.length;
  applyFrame(
    client,
    { seq: 1, topic: "calls", data: { type: "turn", call_sid: "CA1", ...TURN, turn: 2, caller_text: "Thank you!" } },
    UNHEARD,
  );
  expect(await screen.findByText("Thank you!")).toBeInTheDocument();
  expect(platform().asked).toHaveLength(asked);
});

test("a call that ends moves to the recent ones and is announced", async () => {
  running();
  const { client } = show(<OverviewRoute />);
  await screen.findByText("Where is my order?");
  applyFrame(
    client,
    {
      seq: 1,
      topic: "calls",
      data: { type: "call_ended", at: new Date().toISOString(), call_sid: "CA1", reason: "handoff", turns: 1 },
    },
    UNHEARD,
  );
  const recent = screen.getByRole("region", { name: "Recent calls" });
  expect(await within(recent).findByText("Passed to a person")).toBeInTheDocument();
  expect(screen.getByText("No call at the moment")).toBeInTheDocument();
  expect(screen.getByText(/The call with .* has ended/)).toBeInTheDocument();
});

test("numbers say what they rest on; measures without calls say that", async () => {
  running([]);
  show(<OverviewRoute />);
  const today = await screen.findByRole("region", { name: "Today" });
  expect(await within(today).findByText("4.3")).toBeInTheDocument();
  for (const words of [
    "83% rated 4 or 5",
    "95% interval 66–93%",
    "from 30 calls",
    "2 unreadable records left out.",
    "No scored call yet today",
  ]) {
    expect(within(today).getByText(words)).toBeInTheDocument();
  }
});

test("a zone that the platform does not know gives its own day", async () => {
  running([]);
  platform().refuse(SUMMARY_HERE, 400, "tz must be an IANA time zone.");
  platform().on("GET /svc/analytics/api/summary", { body: { ...SUMMARY, timezone: "Etc/Elsewhere" } });
  show(<OverviewRoute />);
  expect(await screen.findByText(/Sunday 22 November 2026, Etc\/Elsewhere/)).toBeInTheDocument();
});

test("today's conversations are counted, and lead to themselves", async () => {
  running([]);
  show(<OverviewRoute />);
  expect(await screen.findByText("3 wait for an answer")).toBeInTheDocument();
  const tile = screen.getByRole("heading", { name: "Conversations", level: 3 });
  expect(tile.parentElement).toHaveTextContent("12");
  expect(within(tile).getByRole("link").getAttribute("href")).toMatch(/^\/conversations\?activeAfter=20/);
});

test("the shares of the moods are there in words and not in colour alone", async () => {
  running([]);
  show(<OverviewRoute />);
  await screen.findByText("Positive 56%");
  for (const words of ["Neutral 25%", "Mixed 6%", "Negative 13%"]) expect(screen.getByText(words)).toBeInTheDocument();
});

test("a service that goes down shows at once", async () => {
  running([]);
  const { client } = show(<OverviewRoute />);
  await screen.findByText("All ready");
  platform().on("GET /api/health", {
    body: { services: [{ name: "relay", state: "down", detail: "does not answer" }] },
  });
  applyFrame(client, { seq: 1, topic: "health", data: { services: { relay: "down" } } }, UNHEARD);
  expect(await screen.findByText("1 not ready")).toBeInTheDocument();
  expect(await screen.findByText("does not answer")).toBeInTheDocument();
});

test("what the caller did not hear is said to be unheard, not only dimmed", async () => {
  running();
  show(<CallPage callSid="CA1" />);
  const log = await screen.findByRole("log");
  expect(log).toHaveTextContent("It arrives Not heard by the caller: at five.");
  expect(screen.getByText(/Dimmed words were generated/)).toBeInTheDocument();
  expect(log).toHaveTextContent("first speech: 288 ms");
  expect(log).toHaveAttribute("aria-live", "polite");
});

test("a call that is not known is a page of its own", async () => {
  platform().refuse("GET /svc/relay/api/calls/CAx", 404, "There is no such call.");
  show(<CallPage callSid="CAx" />);
  expect(await screen.findByRole("heading", { name: "Call not found", level: 1 })).toBeInTheDocument();
});

test("a turn without an answer yet says that the agent is answering", () => {
  const turn = {
    ...TURN,
    input: "speech" as const,
    reply_text: "",
    heard_text: "",
    heard_source: "",
    interrupted: false,
    outcome: "open" as const,
    tools: [],
    latency: {},
  };
  show(<Transcript call={{ caller: "+1", state: "live" }} transcript={[turn]} announced={false} />);
  expect(screen.getByText(/Answering/)).toBeInTheDocument();
});

test("what needs attention is said, and leads to where it can be dealt with", async () => {
  running();
  platform().on("GET /api/health", { body: { services: [{ name: "relay", state: "down", detail: "" }] } });
  show(<OverviewRoute />);
  const alerts = await screen.findByRole("region", { name: "Alerts" });
  expect(await within(alerts).findByRole("link", { name: "2 dead letters wait for a decision" })).toHaveAttribute(
    "href",
    "/intelligence/dead-letters",
  );
  expect(await within(alerts).findByRole("link", { name: "1 call today with a high legal risk" })).toBeInTheDocument();
  expect(within(alerts).getByRole("link", { name: "Relay server is not ready" })).toHaveAttribute("href", "/settings");
});

test("each number leads to the rows behind it", async () => {
  running();
  show(<OverviewRoute />);
  expect(await screen.findByRole("link", { name: "Legal risk" })).toHaveAttribute(
    "href",
    "/calls?from=2026-11-22&signal=high_risk",
  );
  expect(screen.getByRole("link", { name: "Satisfaction (CSAT)" })).toHaveAttribute(
    "href",
    "/analytics?measure=csat.mean",
  );
});
