import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

import { fill, plural } from "@/texts";
import { en } from "@/texts/en";

const SOURCE = join(import.meta.dirname, "../src");
const code = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("texts"))
  .map((name) => readFileSync(join(SOURCE, name), "utf8"))
  .join("\n");

/** Texts that are looked up by a value from a service. */
const LOOKED_UP = [
  "live",
  "health.states",
  "conversations.templates.replies",
  "health.names",
  "calls.reasons",
  "calls.directions",
  "calls.latency",
  "calls.scores.bands",
  "calls.filters.names",
  "calls.filters.signals",
  "analytics.measures",
  "analytics.names",
  "analytics.buckets",
  "analytics.bys",
  "analytics.compares",
  "analytics.channels",
  "intelligence.states",
  "phone.by",
  "phone.states",
  "conversations.channels",
  "conversations.filterNames",
  "conversations.sorts",
  "conversations.parts.tabs",
  "conversations.bulk.titles",
  "conversations.bulk.details",
  "services.types",
  "settings.levels",
  "services.nouns",
  "services.account",
  "conversations.states",
  "conversations.delivery",
];

function paths(texts: object, prefix = ""): string[] {
  return Object.entries(texts).flatMap(([key, value]: [string, unknown]) => {
    const path = prefix ? `${prefix}.${key}` : key;
    const branch = typeof value === "object" && value !== null && !("other" in value);
    return branch ? paths(value, path) : [path];
  });
}

/** A feature may call its part of the catalogue `words`. */
const used = (path: string) => new RegExp(`text\\.${path}\\b|words\\.${path.split(".").at(-1) ?? ""}\\b`).test(code);

test("every text of the catalogue is used", () => {
  const plain = paths(en).filter(
    (path) => !LOOKED_UP.some((prefix) => path === prefix || path.startsWith(`${prefix}.`)),
  );
  expect(plain.filter((path) => !used(path))).toEqual([]);
});

test("values are filled in, numbers in the reader's form", () => {
  expect(fill("{name} has {n}", { name: "Ana", n: 12_345 })).toBe("Ana has 12,345");
});

test("a value that is missing stays visible", () => {
  expect(fill("{name}", {})).toBe("{name}");
});

test("a value is text and never a template again", () => {
  expect(fill("{a}{b}", { a: "{b}", b: "x" })).toBe("{b}x");
});

test("the number chooses the form", () => {
  expect(plural(en.signals.n, 1)).toBe("from 1 call");
  expect(plural(en.signals.n, 0)).toBe("from 0 calls");
});
