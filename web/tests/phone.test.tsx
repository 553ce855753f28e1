import { act, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { median, NO_CALL, phoneAfter, type PhoneFact } from "@/features/phone/phoneCall";
import { parsePhoneEvent } from "@/features/phone/phoneEvents";
import { PhonePage } from "@/features/phone/PhonePage";

import { show } from "./show";

/** The sandbox's end of the line: keeps what it was sent, says what the test tells it to. */
class Line extends EventTarget {
  static OPEN = 1;
  static latest: Line;
  readyState = 1;
  readonly sent: Record<string, unknown>[] = [];
  constructor(readonly address: string) {
    super();
    Line.latest = this;
  }
  send(frame: string): void {
    this.sent.push(JSON.parse(frame) as Record<string, unknown>);
  }
  close(): void {
    this.readyState = 3;
  }
  tell(event: object): void {
    act(() => void this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(event) })));
  }
  happen(type: "open" | "close"): void {
    act(() => void this.dispatchEvent(new Event(type)));
  }
}

beforeEach(() => vi.stubGlobal("WebSocket", Line));

const after = (...facts: readonly PhoneFact[]) => facts.reduce(phoneAfter, NO_CALL);
const spoken = (text: string, cut = false) => ({ type: "spoken", text, cut, language: "en-US" }) as const;
const sent = (text: string) => ({ type: "text", text, last: false }) as const;

test("words are pending until they are spoken, also when white space differs", () => {
  const call = after(sent("It is on its way,"), sent(" and arrives at five."), spoken("It is  on its way,"));
  expect(call.lines).toMatchObject([{ heard: "It is  on its way,", pending: " and arrives at five.", cut: false }]);
});

test("what was cut off stays as not heard, and the next answer is a line of its own", () => {
  const call = after(sent("It is on its way."), spoken("It is", true), { type: "said", text: "Stop" }, sent("Yes?"));
  expect(call.lines.map(({ who, heard, pending, cut }) => [who, heard, pending, cut])).toEqual([
    ["agent", "It is", " on its way.", true],
    ["you", "Stop", "", false],
    ["agent", "", "Yes?", false],
  ]);
});

test("clauses that are heard one after the other stay apart", () => {
  const call = after(sent("Hello. Welcome."), spoken("Hello."), spoken("Welcome."));
  expect(call.lines[0]?.heard).toBe("Hello. Welcome.");
});

test("a line that closes after the end changes nothing", () => {
  const call = after({ type: "ended", by: "agent", detail: "", transcriptSid: null }, { type: "lost", text: "lost" });
  expect(call).toMatchObject({ state: "ended", endedBy: "agent", fault: "" });
});

test("events of later servers and garbage are skipped", () => {
  expect(parsePhoneEvent('{"type":"hologram"}')).toBeNull();
  expect(parsePhoneEvent("{")).toBeNull();
  expect(parsePhoneEvent(new ArrayBuffer(1))).toBeNull();
});

test("the median of latencies", () => {
  expect([median([]), median([3]), median([9, 1, 5]), median([1, 2, 3, 10])]).toEqual([null, 3, 5, 2.5]);
});

test("a call from the browser: dial, hear, interrupt by typing, answer, press a key, hang up", async () => {
  show(<PhonePage />, "/phone");
  await userEvent.selectOptions(screen.getByLabelText("Language"), "pt-BR");
  await userEvent.click(screen.getByRole("button", { name: "Call the agent" }));
  const line = Line.latest;
  expect(line.address).toMatch(/^ws:.*\/svc\/sandbox\/control\/phone$/);
  line.happen("open");
  expect(line.sent).toEqual([{ type: "dial", language: "pt-BR" }]);
  line.tell({ type: "connected", callSid: "CA1", language: "pt-BR" });
  line.tell({ type: "text", text: "Olá, bom dia." });
  line.tell({ type: "spoken", text: "Olá,", cut: false });
  expect(screen.getByRole("log")).toHaveTextContent("Olá, bom dia.");
  await userEvent.type(screen.getByLabelText("Say"), "Oi");
  expect(line.sent.at(-1)).toEqual({ type: "partial", text: "O" });
  await userEvent.keyboard("{Enter}");
  expect(line.sent.at(-1)).toEqual({ type: "say", text: "Oi" });
  expect(screen.getByLabelText("Say")).toHaveValue("");
  line.tell({ type: "latency", ms: 143.2 });
  expect(screen.getAllByText("143 ms")).toHaveLength(2);
  await userEvent.click(screen.getByRole("button", { name: "5" }));
  expect(line.sent.at(-1)).toEqual({ type: "dtmf", digits: "5" });
  expect(screen.getByRole("link", { name: "Open the call's page" })).toHaveAttribute("href", "/calls/CA1");
  await userEvent.click(screen.getByRole("button", { name: "Hang up" }));
  expect(line.sent.at(-1)).toEqual({ type: "hangup" });
  line.tell({ type: "ended", by: "caller", detail: "", transcriptSid: null });
  expect(screen.getByRole("status")).toHaveTextContent("The call has ended. Ended by you.");
  expect(screen.getByLabelText("Say")).toBeDisabled();
});

test("a line that never opens says why it may be so", async () => {
  show(<PhonePage />, "/phone");
  await userEvent.click(screen.getByRole("button", { name: "Call the agent" }));
  Line.latest.happen("close");
  expect(screen.getByRole("alert")).toHaveTextContent("The line was not opened");
});

test("who may not call gets no telephone", () => {
  show(<PhonePage />, "/phone", "viewer");
  expect(screen.queryByRole("button", { name: "Call the agent" })).not.toBeInTheDocument();
});
