// The transcript of the chosen call: turns, what was heard of them, and what else happened, in order.
import { element } from "./format.js";
import { state, detailOf } from "./state.js";
import { waterfall } from "./waterfall.js";

const list = document.getElementById("transcript");
const announcer = document.getElementById("announcer");
const announced = new Set();
const opened = new Set();

const SAID = { dtmf: "Keys: ", operator: "" };

export function drawAll(sid) {
  const { turns, events } = detailOf(sid);
  const place = (item) => item.at_shown || "";
  const items = [];
  for (const turn of turns.values()) items.push({ at_shown: startOf(sid, turn), node: turnItem(sid, turn), turn: turn.turn });
  for (const event of events.values()) {
    const line = eventItem(event);
    if (line) items.push({ at_shown: event.at, node: line });
  }
  items.sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : (a.turn || 0) - (b.turn || 0)));
  const stay = nearEnd();
  list.replaceChildren(...items.map((item) => item.node));
  if (stay) scrollToEnd();
}

export function drawTurn(sid, number) {
  const turn = detailOf(sid).turns.get(number);
  const old = list.querySelector(`[data-turn="${number}"]`);
  if (!turn || !old) {
    drawAll(sid);
    return;
  }
  const stay = nearEnd();
  old.replaceWith(turnItem(sid, turn));
  if (stay) scrollToEnd();
}

const startOf = (sid, turn) => detailOf(sid).started.get(turn.turn) || turn.at || "";
const nearEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 80;
const scrollToEnd = () => { list.scrollTop = list.scrollHeight; };

function turnItem(sid, turn) {
  const item = element("li", "turn");
  item.dataset.turn = turn.turn;
  if (turn.caller_text) item.append(bubble("caller", "Caller", (SAID[turn.input] || "") + turn.caller_text));
  for (const tool of turn.tools || []) item.append(toolLine(tool));
  if (turn.reply_text) item.append(reply(turn));
  if (turn.outcome === "failed") item.append(element("p", "notice failed", "The model did not answer."));
  if (turn.outcome === "superseded") item.append(element("p", "notice", "Said too late to be answered."));
  const key = `${sid}:${turn.turn}`;
  const picture = waterfall(turn, opened.has(key));
  if (picture) {
    picture.addEventListener("toggle", () => {
      if (!picture.open) opened.delete(key);
      else if (!opened.has(key)) {
        opened.add(key);
        picture.scrollIntoView({ block: "nearest" });
      }
    });
    item.append(picture);
  }
  announce(key, turn);
  return item;
}

function bubble(kind, who, text) {
  const line = element("p", kind);
  line.append(element("span", "who", `${who}: `), element("span", "", text));
  return line;
}

function reply(turn) {
  const operator = turn.input === "operator" && !turn.model;
  const line = element("p", operator ? "agent operator" : "agent");
  line.append(element("span", "who", operator ? "Operator: " : "Agent: "));
  const heard = turn.heard_text || "";
  const rest = turn.reply_text.slice(heard.length);
  const settled = turn.outcome === "interrupted" || (turn.heard_source && turn.heard_source !== "playing");
  line.append(element("span", "heard", heard));
  if (rest.trim()) {
    const part = element(settled ? "del" : "span", settled ? "unheard" : "pending", rest);
    part.title = settled ? "Not heard by the caller" : "Not spoken yet";
    line.append(part);
  }
  return line;
}

function toolLine(tool) {
  const line = element("details", `notice tool ${tool.outcome}`);
  line.append(element("summary", "", `Tool ${tool.name}: ${tool.outcome}, ${Math.round(tool.duration_ms)} ms`));
  line.append(element("code", "", `${tool.arguments} → ${tool.result}`.slice(0, 2000)));
  return line;
}

const EVENT_TEXT = {
  language_switched: (e) => `Language: ${e.from_language} → ${e.to_language} (${e.cause})`,
  persona_changed: (e) => `Persona: ${e.from_persona} → ${e.to_persona}`,
  handoff: (e) => `Handed off: ${e.reason || "to a person"}`,
  silence_prompt: (e) => `Silence: asked whether the caller is still there (${e.count})`,
  keys_entered: (e) => `Keyed in: ${e.name} ${e.digits}`,
  call_resumed: (e) => `The line was lost and came back (${e.resumes})`,
  error: (e) => `Fault: ${e.code}`,
  call_ended: (e) => `Ended: ${e.reason} after ${Math.round(e.duration_s)} s`,
  operator_action: (e) => operatorText(e),
};

function operatorText(event) {
  const did = {
    whisper: `whispered to the model: ${event.detail}`,
    takeover: "took the call over",
    release: "gave the call back",
    transfer: `transferred the call${event.detail ? `: ${event.detail}` : ""}`,
    end: "ended the call",
    place: "placed the call",
  }[event.action];
  return did ? `${event.actor} ${did}` : null;
}

function eventItem(event) {
  const text = EVENT_TEXT[event.type]?.(event);
  if (!text) return null;
  const item = element("li", `event ${event.type}`);
  item.append(element("p", "notice", text));
  return item;
}

// Screen readers hear whole sentences once, not every token.
function announce(key, turn) {
  for (const [part, text, done] of [["caller", turn.caller_text, true], ["agent", turn.reply_text, turn.outcome !== "open"]]) {
    if (!text || !done || announced.has(key + part)) continue;
    announced.add(key + part);
    if (state.calls.get(state.chosen)?.state === "live") announcer.textContent = `${part === "caller" ? "Caller" : "Agent"}: ${text}`;
  }
}
