// Making nodes and saying numbers. Whatever callers and models say is set as text, never as HTML.

export const byId = (id) => document.getElementById(id);

export function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  if (text !== undefined) node.textContent = text;
  return node;
}

export const person = (call) => (call.direction === "outbound" ? call.called : call.caller) || "unknown";

export const count = (number, one, many) => `${number.toLocaleString()} ${number === 1 ? one : many}`;

export const seconds = (milliseconds) => (milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`);

export function cost(call) {
  const tokens = (call.usage || {}).total_tokens;
  if (!tokens && !call.cost_usd) return "";
  const price = call.cost_usd === null || call.cost_usd === undefined ? "cost unknown" : `$${call.cost_usd.toFixed(call.cost_usd < 0.01 ? 5 : 3)}`;
  return tokens ? `${tokens.toLocaleString()} tokens · ${price}` : price;
}
