// A turn's latency as a picture: what took which time, from the caller's last word to the agent's.
import { element, seconds, svg } from "./format.js";

const ROW = 18;
const LABEL = 140;
// Drawn in the size it is shown in, so that its words stay readable on a phone.
const width = () => (matchMedia("(max-width: 700px)").matches ? 350 : 640);

// [label, class, from, to]; a stage without both ends is left out.
function stages(turn) {
  const latency = turn.latency || {};
  const at = (name) => latency[`${name}_ms`];
  const tools = (turn.tools || []).reduce((sum, tool) => sum + tool.duration_ms, 0);
  return [
    ["before the model", "prepare", 0, at("model_request")],
    ["model thinks", "think", at("model_request"), at("first_byte")],
    ["tools", "tools", at("tools") === undefined ? undefined : Math.max(0, at("tools") - tools), at("tools")],
    ["model writes", "write", at("first_byte"), at("complete")],
    ["on the way to speech", "way", at("first_text"), at("first_speech")],
    ["agent speaks", "speak", at("first_speech"), at("heard")],
  ].filter(([, , from, to]) => from !== undefined && to !== undefined && to >= from);
}

function scaleOf(end, whole) {
  const steps = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000];
  return steps.find((step) => end / step <= (whole < 400 ? 3 : 6)) || 120000;
}

function picture(found, end) {
  const height = found.length * ROW + 22;
  const whole = width();
  const image = svg("svg", { viewBox: `0 0 ${whole} ${height}`, class: "waterfall", role: "img" });
  image.append(svg("title", {}, found.map(([label, , from, to]) => `${label} ${seconds(to - from)}`).join(", ")));
  const x = (ms) => LABEL + (ms / end) * (whole - LABEL - 60);
  const step = scaleOf(end, whole);
  for (let tick = 0; tick <= end; tick += step) {
    image.append(svg("line", { x1: x(tick), x2: x(tick), y1: 0, y2: height - 18, class: "grid" }));
    image.append(svg("text", { x: x(tick), y: height - 4, class: "tick", "text-anchor": "middle" }, seconds(tick)));
  }
  found.forEach(([label, kind, from, to], index) => {
    const y = index * ROW;
    const length = Math.max(2, x(to) - x(from));
    image.append(svg("text", { x: LABEL - 8, y: y + 13, class: "stage", "text-anchor": "end" }, label));
    image.append(svg("rect", { x: x(from), y: y + 3, width: length, height: ROW - 6, rx: 3, class: `bar ${kind}` }));
    image.append(svg("text", { x: x(from) + length + 5, y: y + 13, class: "amount" }, seconds(to - from)));
  });
  return image;
}

function strip(found, end) {
  const image = svg("svg", { viewBox: "0 0 120 10", class: "strip", "aria-hidden": "true" });
  for (const [, kind, from, to] of found) {
    image.append(svg("rect", { x: (from / end) * 120, y: 1, width: Math.max(1, ((to - from) / end) * 120), height: 8, class: `bar ${kind}` }));
  }
  return image;
}

// A line with the number that matters and a strip; opened it shows the whole picture.
export function waterfall(turn, open) {
  const found = stages(turn);
  if (!found.length) return null;
  const end = Math.max(...found.map(([, , , to]) => to), 1);
  const details = element("details", "latency");
  details.open = open;
  const summary = element("summary");
  const first = turn.latency.first_text_ms;
  summary.append(strip(found, end), element("span", "", first === undefined ? "no words" : `first words after ${seconds(first)}`));
  details.append(summary, picture(found, end));
  return details;
}
