import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";

import { IntelligenceRoute } from "@/app/routes/IntelligenceRoute";
import { DeadLetters } from "@/features/intelligence/DeadLetters";
import { Toasts } from "@/shared/ui/toasts";

import { problem, withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const EVENTS = "GET /svc/intelligence/events?limit=25";
const EVENT = {
  id: "e1",
  at: "2026-11-22T10:00:00Z",
  kind: "v2",
  state: "open",
  transcript_sid: "GT1",
  call_sid: "CA1",
  tries: 3,
};
const LETTER = {
  id: "d1",
  at: "2026-11-22T10:00:00Z",
  reason: "forbidden",
  detail: "HTTP 403",
  body: "<img src=x onerror=alert(1)>",
};
const LETTERS = "GET /svc/intelligence/dead-letters?limit=25";

beforeEach(() => {
  platform().on("GET /svc/intelligence/status", { body: { received: 8, unresolved: 1, results: 7, dead_letters: 2 } });
  platform().on(EVENTS, { body: { items: [EVENT], nextCursor: null } });
});

test("events show what became of them and lead to their call", async () => {
  show(<IntelligenceRoute />, "/intelligence");
  expect(await screen.findByRole("link", { name: "GT1" })).toHaveAttribute("href", "/calls/CA1");
  expect(screen.getByText("Being resolved", { selector: "td *" })).toBeInTheDocument();
  await waitFor(() => expect(screen.getByText("Dead letters", { selector: "dt" }).nextSibling).toHaveTextContent("2"));
});

test("viewers are told that events are for supervisors, and nothing is asked that would be refused", async () => {
  show(<IntelligenceRoute />, "/intelligence", "viewer");
  expect(await screen.findByText("Supervisors see this")).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: "Reconcile" })).not.toBeInTheDocument();
  expect(platform().asked.map(({ path }) => path)).not.toContain("/svc/intelligence/events?limit=25");
});

test("a dead letter is replayed, and a refusal says why", async () => {
  platform().on(LETTERS, { body: { items: [LETTER], nextCursor: null } });
  platform().on(
    "POST /svc/intelligence/dead-letters/d1/replay",
    problem(409, "This dead letter has been replayed already."),
    { status: 202, body: { id: "d1" } },
  );
  show(
    <Toasts>
      <DeadLetters />
    </Toasts>,
  );
  await userEvent.click(await screen.findByRole("button", { name: "Replay" }));
  expect(await screen.findByText(/replayed already/)).toBeInTheDocument();
  await userEvent.click(screen.getByRole("button", { name: "Replay" }));
  expect(await screen.findByText("It is being resolved again.")).toBeInTheDocument();
});

test("a body is shown as text when asked for", async () => {
  platform().on(LETTERS, { body: { items: [LETTER], nextCursor: null } });
  const { container } = show(<DeadLetters />);
  await userEvent.click(await screen.findByRole("button", { name: "Show the body" }));
  expect(screen.getByText(LETTER.body)).toBeInTheDocument();
  expect(container.querySelector("img")).toBeNull();
});

test("a reconcile says what it found, and keeps its form open when it fails", async () => {
  platform().on("POST /svc/intelligence/reconcile", problem(409, "A reconcile is under way."), {
    body: { listed: 9, filled: 2 },
  });
  show(
    <Toasts>
      <IntelligenceRoute />
    </Toasts>,
    "/intelligence",
  );
  await userEvent.click(await screen.findByRole("button", { name: "Reconcile" }));
  const submit = (await screen.findAllByRole("button", { name: "Reconcile" })).at(-1);
  if (!submit) throw new Error("no form");
  await userEvent.click(submit);
  expect(await screen.findByText("A reconcile is under way.")).toBeInTheDocument();
  await userEvent.click(submit);
  expect(await screen.findByText("9 listed, 2 filled in.")).toBeInTheDocument();
  expect(platform().asked.filter(({ path }) => path.includes("undefined"))).toEqual([]);
});
