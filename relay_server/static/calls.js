// The list of calls, and the facts of the chosen one.
import { byId, cost, count, element, person } from "./format.js";
import { state } from "./state.js";

export function drawCalls(choose) {
  const list = byId("calls");
  const focused = document.activeElement?.dataset?.sid;
  const order = [...state.calls.values()].sort(
    (a, b) => (b.state === "live") - (a.state === "live") || (a.started_at < b.started_at ? 1 : -1),
  );
  list.replaceChildren(...order.map((call) => callItem(call, choose)));
  if (focused) list.querySelector(`[data-sid="${CSS.escape(focused)}"]`)?.focus();
  byId("empty").hidden = order.length > 0;
  const live = order.filter((call) => call.state === "live").length;
  byId("live-count").textContent = live ? `${live} live` : "none live";
}

function callItem(call, choose) {
  const button = element("button", "call");
  button.type = "button";
  button.dataset.sid = call.call_sid;
  button.setAttribute("aria-current", String(call.call_sid === state.chosen));
  const taken = call.taken_over_by ? " · operator speaks" : "";
  button.append(
    element("span", `state ${call.state}`, call.state === "live" ? "live" : call.reason || "ended"),
    element("span", "person", person(call)),
    element("span", "small", `${call.direction === "outbound" ? "outbound · " : ""}${call.language} · ${count(call.turns, "turn", "turns")} · ${new Date(call.started_at).toLocaleTimeString()}${taken}`),
  );
  button.addEventListener("click", () => choose(call.call_sid));
  const item = element("li");
  item.append(button);
  return item;
}

export function drawFacts() {
  const call = state.calls.get(state.chosen);
  byId("call").hidden = !call;
  byId("nothing-chosen").hidden = Boolean(call);
  if (!call) return;
  byId("call-title").textContent = person(call);
  const facts = [
    ["State", call.state === "live" ? "live" : `ended: ${call.reason}`],
    ["Language", call.language],
    ["Persona", call.persona],
    ["Direction", call.direction],
    ["Turns", String(call.turns)],
    ["Model", cost(call) || "nothing used yet"],
    ["Resumed", call.resumes ? count(call.resumes, "time", "times") : ""],
    ["Call SID", call.call_sid],
  ];
  byId("call-facts").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => fact(name, value)));
}

function fact(name, value) {
  const pair = element("div");
  pair.append(element("dt", "", name), element("dd", "", value));
  return pair;
}
