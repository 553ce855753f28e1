import type { Call, CallDetail, CallRecord, Turn } from "./api/call";

/** The calls after a record: live ones first, each group newest first. Null when the record is about a call not listed. */
export function callsAfter(calls: readonly Call[], record: CallRecord): readonly Call[] | null {
  const known = calls.find((call) => call.call_sid === record.call_sid);
  if (!known && record.type !== "call_started") return null;
  const changed = callAfter(known ?? startedCall(record), record);
  return inOrder([changed, ...calls.filter((call) => call !== known)]);
}

/** The call with its transcript after a record about it. Records may be applied again without harm. */
export function detailAfter(detail: CallDetail, record: CallRecord): CallDetail {
  const transcript: readonly Turn[] = record.type === "turn" ? withTurn(detail.transcript, record) : detail.transcript;
  return { ...callAfter(detail, record), transcript: [...transcript] };
}

function callAfter<C extends Call>(call: C, record: CallRecord): C {
  switch (record.type) {
    case "call_started":
      return call;
    case "turn":
      return {
        ...call,
        language: record.language || call.language,
        persona: record.persona || call.persona,
        turns: Math.max(call.turns, record.turn),
      };
    case "language_switched":
      return { ...call, language: record.to_language };
    case "persona_changed":
      return { ...call, persona: record.to_persona };
    case "call_resumed":
      return { ...call, state: "live", ended_at: null, reason: null };
    case "call_ended":
      return {
        ...call,
        state: "ended",
        ended_at: record.at,
        reason: record.reason,
        turns: record.turns ?? call.turns,
      };
  }
}

function startedCall(record: CallRecord): Call {
  const started = record.type === "call_started" ? record : null;
  return {
    call_sid: record.call_sid,
    caller: started?.caller ?? "",
    called: started?.called ?? "",
    direction: started?.direction ?? "",
    language: started?.language ?? "",
    agent: started?.agent ?? "",
    persona: "",
    state: "live",
    started_at: started?.at ?? null,
    ended_at: null,
    reason: null,
    turns: 0,
    taken_over_by: "",
    cost_usd: null,
    usage: {},
  };
}

/** Records come over two connections: an older one that arrives later must not undo what is known. */
function withTurn(transcript: readonly Turn[], turn: Turn): readonly Turn[] {
  const known = transcript.find((it) => it.turn === turn.turn);
  if (known && turn.outcome === "open" && (known.outcome !== "open" || turn.reply_text === "")) return transcript;
  const others = transcript.filter((it) => it.turn !== turn.turn);
  return [...others, turn].toSorted((a, b) => a.turn - b.turn);
}

const rank = (call: Call): number => (call.state === "live" ? 0 : 1);
const time = (call: Call): number => Date.parse(call.ended_at ?? call.started_at ?? "") || 0;

/** Live calls first, each group newest first. */
export function inOrder(calls: readonly Call[]): readonly Call[] {
  return calls.toSorted((a, b) => rank(a) - rank(b) || time(b) - time(a));
}

/** The transcript with streamed words at the end of a turn's reply; a turn that is answered already stays as it is. */
export function withWords(detail: CallDetail, turn: number, words: string): CallDetail {
  const known = detail.transcript.find((it) => it.turn === turn);
  if (known?.outcome !== "open") return detail;
  const grown = { ...known, reply_text: known.reply_text + words };
  return { ...detail, transcript: detail.transcript.map((it) => (it === known ? grown : it)) };
}
