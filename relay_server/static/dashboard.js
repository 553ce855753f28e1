// The live dashboard: one socket, resumed by number; what it tells is drawn at most once a frame.
import { drawCalls, drawFacts } from "./calls.js";
import { drawDesk, startDesk } from "./desk.js";
import { byId } from "./format.js";
import { applyHeard, applyRecord, applyText, loadDetail, setCalls, state } from "./state.js";
import { drawAll, drawTurn } from "./transcript.js";

let seq = null;
let retryMs = 500;
const dirty = { calls: false, turns: new Set(), all: false, planned: false };

function draw() {
  dirty.planned = false;
  if (dirty.calls) {
    drawCalls(choose);
    drawFacts();
    drawDesk();
  }
  if (state.chosen && dirty.all) drawAll(state.chosen);
  else for (const turn of dirty.turns) drawTurn(state.chosen, turn);
  Object.assign(dirty, { calls: false, all: false });
  dirty.turns.clear();
}

function plan() {
  if (dirty.planned) return;
  dirty.planned = true;
  // A page in the background gets no animation frames, and must not fall behind.
  if (document.hidden) setTimeout(draw, 200);
  else requestAnimationFrame(draw);
}

function changed(sid, turn) {
  if (turn === null || sid !== state.chosen) return;
  if (turn === "all") dirty.all = true;
  else dirty.turns.add(turn);
  plan();
}

async function choose(sid) {
  state.chosen = sid;
  document.body.dataset.view = "call";
  dirty.calls = true;
  plan();
  const response = await fetch(`api/calls/${encodeURIComponent(sid)}`);
  if (!response.ok || state.chosen !== sid) return;
  loadDetail(sid, await response.json());
  dirty.all = true;
  plan();
}

function back() {
  document.body.dataset.view = "calls";
  byId("calls").querySelector(`[data-sid="${CSS.escape(state.chosen || "")}"]`)?.focus();
}

const topics = {
  record: (data) => changed(data.call_sid, applyRecord(data)),
  text: (data) => changed(data.call_sid, applyText(data)),
  heard: (data) => changed(data.call_sid, applyHeard(data)),
  call: (data) => {
    const first = !state.calls.size;
    state.calls.set(data.call_sid, data);
    dirty.calls = true;
    plan();
    if (first && !narrow()) choose(data.call_sid);
  },
  calls: (data) => {
    setCalls(data.items);
    dirty.calls = true;
    plan();
    const live = data.items.find((call) => call.state === "live");
    if (state.chosen && state.calls.has(state.chosen)) choose(state.chosen);
    else if (live && !narrow()) choose(live.call_sid);
  },
};

const narrow = () => matchMedia("(max-width: 700px)").matches;

function connect() {
  // Addresses are relative, so that the page also works behind the console's /svc/relay/.
  const url = new URL("dashboard-ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => {
    if (seq !== null) socket.send(JSON.stringify({ after: seq }));
    byId("connection").textContent = "Connected";
    byId("connection").dataset.state = "on";
    retryMs = 500;
  };
  socket.onmessage = (message) => {
    const frame = JSON.parse(message.data);
    seq = frame.seq;
    topics[frame.topic]?.(frame.data);
  };
  socket.onclose = () => {
    byId("connection").textContent = "Reconnecting…";
    byId("connection").dataset.state = "off";
    setTimeout(connect, retryMs * (0.5 + Math.random()));
    retryMs = Math.min(retryMs * 2, 10000);
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

if (document.body.dataset.operator) {
  byId("sign-out").addEventListener("click", signOut);
  byId("back").addEventListener("click", back);
  startDesk();
  drawCalls(choose);
  connect();
} else {
  byId("sign-in").addEventListener("submit", signIn);
}
