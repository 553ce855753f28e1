import { expect, test } from "vitest";

import { returnPath, signInPath } from "@/features/session/returnPath";
import { formatLanguage } from "@/shared/format/languages";
import { formatPercent, formatScore } from "@/shared/format/numbers";
import { formatCaller } from "@/shared/format/phones";
import { formatDuration, formatMoment, parseTime } from "@/shared/format/times";

test.each([
  [0, "0:00"],
  [67.9, "1:07"],
  [3723, "1:02:03"],
  [-4, "0:00"],
])("%d seconds read as %s", (seconds, shown) => {
  expect(formatDuration(seconds)).toBe(shown);
});

test("what is no time is no time", () => {
  expect(parseTime("yesterday-ish")).toBeNull();
  expect(parseTime(null)).toBeNull();
});

test("a moment of another year names the year", () => {
  expect(formatMoment(new Date(2025, 2, 4, 9, 5), new Date(2026, 10, 22))).toBe("4 Mar 2025 09:05");
});

test("a measure without calls is a dash and not a zero", () => {
  expect([formatScore(null), formatPercent(null)]).toEqual(["–", "–"]);
  expect([formatScore(4.27), formatPercent(83.3)]).toEqual(["4.3", "83%"]);
});

test.each([
  ["+5511987654321", "+55 11 98765 4321"],
  ["+14155552671", "+1 415 555 2671"],
  ["+351912345678", "+351912345678"],
  ["sip:desk@example.com", "sip:desk@example.com"],
  ["", "Unknown caller"],
])("the caller %s reads as %s", (address, shown) => {
  expect(formatCaller(address).replaceAll("\u00a0", " ")).toBe(shown);
});

test("languages are named, and what is no language tag stays", () => {
  expect(formatLanguage("pt-BR")).toBe("Portuguese (Brazil)");
  expect(formatLanguage("not a tag")).toBe("not a tag");
});

test.each([
  [null, "/"],
  ["/conversations?state=closed", "/conversations?state=closed"],
  ["//evil.example/x", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example/", "/"],
  ["javascript:alert(1)", "/"],
  ["/sign-in?next=/", "/"],
])("signing in with next=%s leads to %s", (next, path) => {
  expect(returnPath(next)).toBe(path);
});

test("the sign-in address brings back to where it came from", () => {
  const path = signInPath("/conversations?state=closed&cursor=a%2Bb");
  expect(returnPath(new URL(path, "http://console.invalid").searchParams.get("next"))).toBe(
    "/conversations?state=closed&cursor=a%2Bb",
  );
});
