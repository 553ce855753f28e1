// What an operator does in the chosen call. The server checks every right again; what is hidden here is only a courtesy.
import { byId } from "./format.js";
import { state } from "./state.js";

const me = document.body.dataset.operator;

export function drawDesk() {
  const desk = byId("desk");
  if (!desk) return;
  const call = state.calls.get(state.chosen);
  desk.hidden = !call || call.state !== "live";
  if (desk.hidden) return;
  const holder = call.taken_over_by;
  byId("takeover").hidden = holder === me;
  byId("release").hidden = !holder;
  byId("desk-state").textContent = !holder
    ? "The agent speaks with the caller."
    : holder === me ? "You speak with the caller; the agent is silent." : `${holder} speaks with the caller.`;
}

async function act(action, body = {}) {
  const sid = state.chosen;
  const problem = byId("desk-problem");
  problem.textContent = "";
  const answer = await post(`api/calls/${encodeURIComponent(sid)}/${action}`, body);
  if (!answer.ok) problem.textContent = answer.detail;
  return answer.ok;
}

async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const found = await response.json();
    return { ok: response.ok, detail: found.detail || "It was refused.", ...found };
  } catch {
    return { ok: false, detail: "The server cannot be reached. Try again." };
  }
}

async function speak(event) {
  event.preventDefault();
  const field = byId("words");
  const action = event.submitter?.value === "whisper" ? "whisper" : "say";
  if (field.value.trim() && (await act(action, { text: field.value.trim() }))) {
    field.value = "";
    byId("desk-done").textContent = action === "say" ? "Said." : "Whispered to the agent.";
  }
  field.focus();
}

async function transfer(event) {
  event.preventDefault();
  const body = { to: byId("transfer-to").value.replace(/[\s()-]/g, ""), reason: byId("transfer-reason").value };
  if (await act("transfer", body)) byId("transfer").open = false;
}

// Ending a call cannot be taken back: the first press asks, the second one within four seconds does it.
function endTwice() {
  const button = byId("end");
  if (!button) return;
  let timer = 0;
  const calm = () => { button.textContent = "End call"; button.dataset.sure = ""; };
  button.addEventListener("click", () => {
    clearTimeout(timer);
    if (button.dataset.sure) {
      calm();
      act("end");
      return;
    }
    button.dataset.sure = "yes";
    button.textContent = "Press again to end";
    timer = setTimeout(calm, 4000);
  });
}

async function place(event) {
  event.preventDefault();
  const problem = byId("place-problem");
  problem.textContent = "";
  const answer = await post("api/calls", { to: byId("place-to").value.replace(/[\s()-]/g, ""), language: byId("place-language").value });
  problem.textContent = answer.ok ? "Ringing. The call appears in the list when it is answered." : answer.detail;
}

export function startDesk() {
  byId("place")?.addEventListener("submit", place);
  if (!byId("desk")) return;
  byId("speak").addEventListener("submit", speak);
  byId("transfer-form").addEventListener("submit", transfer);
  byId("takeover").addEventListener("click", async () => { if (await act("takeover")) byId("words").focus(); });
  byId("release").addEventListener("click", () => act("release"));
  endTwice();
}
