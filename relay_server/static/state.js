// What is known of the calls: fed with the frames of the live socket and with what the server holds of one call.

export const state = { calls: new Map(), details: new Map(), chosen: null };

const KEPT_EVENTS = new Set([
  "language_switched", "persona_changed", "handoff", "operator_action", "call_resumed", "silence_prompt", "keys_entered", "error", "call_ended",
]);

export function detailOf(sid) {
  if (!state.details.has(sid)) state.details.set(sid, { turns: new Map(), events: new Map(), started: new Map() });
  return state.details.get(sid);
}

export function turnOf(sid, number) {
  const { turns } = detailOf(sid);
  if (!turns.has(number)) {
    turns.set(number, { turn: number, input: "speech", caller_text: "", reply_text: "", heard_text: "", heard_source: "", outcome: "open", tools: [], latency: {} });
  }
  return turns.get(number);
}

// Takes in the whole of a call as the server holds it.
export function loadDetail(sid, call) {
  const detail = { turns: new Map(), events: new Map(), started: new Map(Object.entries(call.started || {}).map(([n, at]) => [Number(n), at])) };
  for (const turn of call.transcript) detail.turns.set(turn.turn, turn);
  for (const event of call.events || []) if (KEPT_EVENTS.has(event.type)) detail.events.set(event.id, event);
  state.details.set(sid, detail);
}

// Gives back the turn to draw anew, "all" when more than one turn changed, null for nothing.
export function applyRecord(record) {
  const sid = record.call_sid;
  if (record.type === "turn") {
    const known = turnOf(sid, record.turn);
    const { started } = detailOf(sid);
    if (!started.has(record.turn)) started.set(record.turn, record.at);
    const streamed = record.outcome === "open" && known.reply_text.length > record.reply_text.length ? known.reply_text : record.reply_text;
    Object.assign(known, record, { reply_text: streamed });
    return record.turn;
  }
  if (!KEPT_EVENTS.has(record.type)) return null;
  detailOf(sid).events.set(record.id, record);
  return "all";
}

export function applyText({ call_sid: sid, turn, token }) {
  turnOf(sid, turn).reply_text += token;
  return turn;
}

export function applyHeard({ call_sid: sid, turn, heard_text: heard }) {
  turnOf(sid, turn).heard_text = heard;
  return turn;
}

// A call and all that is kept of it; ended calls that the server has forgotten go too.
export function setCalls(items) {
  state.calls = new Map(items.map((call) => [call.call_sid, call]));
  for (const sid of state.details.keys()) if (!state.calls.has(sid)) state.details.delete(sid);
}
