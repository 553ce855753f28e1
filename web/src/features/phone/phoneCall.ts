import type { PhoneEvent } from "./phoneEvents";

export interface Line {
  readonly id: number;
  readonly who: "you" | "agent" | "note";
  /** What was said, and for the agent heard. */
  readonly heard: string;
  /** What the agent has sent and not spoken yet; after `cut` it never will. */
  readonly pending: string;
  readonly cut: boolean;
  readonly language: string;
}

/** A call as the phone shows it. */
export interface PhoneCall {
  readonly state: "idle" | "dialing" | "connected" | "ended";
  readonly callSid: string;
  readonly language: string;
  readonly lines: readonly Line[];
  readonly latencies: readonly number[];
  readonly agentSpeaking: boolean;
  readonly endedBy: string;
  readonly fault: string;
}

export const NO_CALL: PhoneCall = {
  state: "idle",
  callSid: "",
  language: "",
  lines: [],
  latencies: [],
  agentSpeaking: false,
  endedBy: "",
  fault: "",
};

export type PhoneFact =
  PhoneEvent | { readonly type: "said"; readonly text: string } | { readonly type: "lost"; readonly text: string };

/** The call after something happened on the line. */
export function phoneAfter(call: PhoneCall, fact: PhoneFact): PhoneCall {
  switch (fact.type) {
    case "dialing":
      return { ...NO_CALL, state: "dialing", callSid: fact.callSid };
    case "connected":
      return { ...call, state: "connected", callSid: fact.callSid, language: fact.language || call.language };
    case "text":
      return fact.text === ""
        ? call
        : { ...call, lines: onAgentLine(call, (line) => ({ ...line, pending: line.pending + fact.text })) };
    case "spoken":
      return { ...call, lines: onAgentLine(call, (line) => spoken(line, fact.text, fact.cut, fact.language)) };
    case "speaking":
      return fact.who === "agent" ? { ...call, agentSpeaking: fact.on } : call;
    case "latency":
      return { ...call, latencies: [...call.latencies, fact.ms] };
    case "language":
      return { ...call, language: fact.code };
    case "said":
      return { ...call, lines: added(call, "you", fact.text) };
    case "tones":
      return { ...call, lines: added(call, "note", fact.digits) };
    case "notice":
      return { ...call, lines: added(call, "note", fact.text) };
    case "transferred":
      return { ...call, lines: added(call, "note", `→ ${fact.target}`) };
    case "error":
      return { ...call, fault: fact.title };
    case "lost":
      return call.state === "ended" ? call : { ...call, state: "ended", agentSpeaking: false, fault: fact.text };
    case "ended":
      return { ...call, state: "ended", agentSpeaking: false, endedBy: fact.by, fault: fact.detail || call.fault };
  }
}

function added(call: PhoneCall, who: Line["who"], heard: string): readonly Line[] {
  return heard === "" ? call.lines : [...call.lines, line(call, who, heard)];
}

const line = (call: PhoneCall, who: Line["who"], heard: string): Line => ({
  id: call.lines.length,
  who,
  heard,
  pending: "",
  cut: false,
  language: call.language,
});

/** Changes the agent's line at the end, or begins one. */
function onAgentLine(call: PhoneCall, change: (line: Line) => Line): readonly Line[] {
  const last = call.lines.at(-1);
  if (last?.who === "agent" && !last.cut) return [...call.lines.slice(0, -1), change(last)];
  return [...call.lines, change(line(call, "agent", ""))];
}

/** What was heard leaves what waits, as far as the two agree; white space does not count. */
function spoken(it: Line, words: string, cut: boolean, language: string): Line {
  let position = 0;
  for (const letter of words) {
    if (/\s/.test(letter)) continue;
    while (position < it.pending.length && /\s/.test(it.pending.charAt(position))) position += 1;
    if (it.pending.charAt(position) !== letter) break;
    position += 1;
  }
  const gap =
    it.heard === "" || /^\s|\s$/.test(words.charAt(0) + it.heard.slice(-1)) || /\s$/.test(it.heard) ? "" : " ";
  return {
    ...it,
    heard: it.heard + gap + (it.heard === "" ? words.trimStart() : words),
    pending: it.pending.slice(position),
    cut,
    language: language || it.language,
  };
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? null) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
