"use strict";
// The live dashboard. Whatever callers and models say is set as text, never as HTML.

const state = { calls: new Map(), turns: new Map(), chosen: null, seq: null, retryMs: 500 };
const byId = (id) => document.getElementById(id);

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function showCalls() {
  const list = byId("calls");
  const focused = document.activeElement?.dataset?.sid;
  list.replaceChildren();
  const order = [...state.calls.values()].sort(
    (a, b) => (b.state === "live") - (a.state === "live") || (a.started_at < b.started_at ? 1 : -1),
  );
  for (const call of order) {
    const button = element("button");
    button.type = "button";
    button.dataset.sid = call.call_sid;
    button.setAttribute("aria-current", String(call.call_sid === state.chosen));
    button.append(
      element("span", `state ${call.state}`, call.state === "live" ? "live" : call.reason || "ended"),
      element("span", "", call.direction === "outbound" ? call.called : call.caller || "unknown"),
      element("span", "small", `${call.language} · ${call.turns} ${call.turns === 1 ? "turn" : "turns"} · ${new Date(call.started_at).toLocaleTimeString()}`),
    );
    button.addEventListener("click", () => choose(call.call_sid));
    const item = element("li");
    item.append(button);
    list.append(item);
    if (focused === call.call_sid) button.focus();
  }
  byId("empty").hidden = state.calls.size > 0;
}

async function choose(sid) {
  state.chosen = sid;
  showCalls();
  const response = await fetch(`api/calls/${encodeURIComponent(sid)}`);
  if (response.ok) {
    const call = await response.json();
    state.turns.set(sid, new Map(call.transcript.map((turn) => [turn.turn, turn])));
  }
  showTranscript();
}

function showTranscript() {
  const call = state.calls.get(state.chosen);
  const list = byId("transcript");
  if (!call) return;
  byId("call-title").textContent = call.direction === "outbound" ? call.called : call.caller || "unknown caller";
  byId("call-facts").textContent = `${call.call_sid} · ${call.language} · ${call.agent} · ${call.state}`;
  const turns = [...(state.turns.get(state.chosen) || new Map()).values()].sort((a, b) => a.turn - b.turn);
  list.replaceChildren(...turns.map(turnItem));
  list.lastElementChild?.scrollIntoView({ block: "nearest" });
}

function turnItem(turn) {
  const item = element("li");
  item.append(element("p", "caller", (turn.input === "dtmf" ? "Keys: " : "") + turn.caller_text));
  for (const tool of turn.tools || []) item.append(element("p", "notice", `Tool ${tool.name}: ${tool.outcome}`));
  if (turn.reply_text) {
    const reply = element("p", "agent");
    const heard = turn.outcome === "interrupted" ? turn.heard_text : turn.reply_text;
    reply.append(element("span", "", heard));
    if (heard.length < turn.reply_text.length) {
      const lost = element("span", "unheard", turn.reply_text.slice(heard.length));
      lost.title = "Not heard by the caller";
      reply.append(lost);
    }
    item.append(reply);
  }
  if (turn.outcome === "failed") item.append(element("p", "notice failed", "The model did not answer."));
  const first = turn.latency && turn.latency.first_text_ms;
  if (first !== undefined) item.append(element("span", "latency", `first words after ${Math.round(first)} ms`));
  return item;
}

function turnOf(sid, number) {
  if (!state.turns.has(sid)) state.turns.set(sid, new Map());
  const turns = state.turns.get(sid);
  if (!turns.has(number)) turns.set(number, { turn: number, caller_text: "", reply_text: "", heard_text: "", outcome: "open" });
  return turns.get(number);
}

function onRecord(record) {
  const call = state.calls.get(record.call_sid);
  if (record.type === "call_started") {
    state.calls.set(record.call_sid, { ...record, state: "live", turns: 0, started_at: record.at, reason: null });
    if (!state.chosen) choose(record.call_sid);
  } else if (!call) {
    return;
  } else if (record.type === "turn") {
    const known = turnOf(record.call_sid, record.turn);
    const streamed = record.outcome === "open" ? known.reply_text : record.reply_text;
    Object.assign(known, record, { reply_text: streamed });
    call.turns = Math.max(call.turns, record.turn);
  } else if (record.type === "language_switched") {
    call.language = record.to_language;
  } else if (record.type === "call_resumed") {
    call.state = "live";
  } else if (record.type === "call_ended") {
    Object.assign(call, { state: "ended", reason: record.reason });
  }
  showCalls();
  if (record.call_sid === state.chosen) showTranscript();
}

function onText(data) {
  const turn = turnOf(data.call_sid, data.turn);
  turn.reply_text += data.token;
  if (data.call_sid === state.chosen) showTranscript();
}

function onFrame(frame) {
  state.seq = frame.seq;
  if (frame.topic === "record") onRecord(frame.data);
  else if (frame.topic === "text") onText(frame.data);
  else if (frame.topic === "heard") turnOf(frame.data.call_sid, frame.data.turn).heard_text = frame.data.heard_text;
  else if (frame.topic === "calls") {
    state.calls = new Map(frame.data.items.map((call) => [call.call_sid, call]));
    const live = frame.data.items.find((call) => call.state === "live");
    showCalls();
    if (state.chosen || live) choose(state.chosen || live.call_sid);
  }
}

function connect() {
  // Addresses are relative, so that the page also works behind the console's /svc/relay/.
  const url = new URL("dashboard-ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => {
    if (state.seq !== null) socket.send(JSON.stringify({ after: state.seq }));
    byId("connection").textContent = "Connected";
    state.retryMs = 500;
  };
  socket.onmessage = (message) => onFrame(JSON.parse(message.data));
  socket.onclose = () => {
    byId("connection").textContent = "Reconnecting…";
    setTimeout(connect, state.retryMs * (0.5 + Math.random()));
    state.retryMs = Math.min(state.retryMs * 2, 10000);
  };
}

async function signIn(event) {
  event.preventDefault();
  const response = await fetch("api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: byId("token").value }),
  });
  if (response.ok) location.reload();
  else byId("sign-in-error").textContent = (await response.json()).detail;
}

async function signOut() {
  await fetch("api/session", { method: "DELETE" });
  location.reload();
}

if (byId("main").dataset.signedIn) {
  byId("sign-out").addEventListener("click", signOut);
  showCalls();
  connect();
} else {
  byId("sign-in").addEventListener("submit", signIn);
}
