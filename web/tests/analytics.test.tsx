import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";

import { AnalyticsPage } from "@/features/analytics/AnalyticsPage";
import { flatten } from "@/features/analytics/api/aggregates";
import { callsLink } from "@/features/analytics/links";
import { formatReading, measureOf, read } from "@/features/analytics/measures";
import { bucketEnd, bucketLabel } from "@/features/analytics/periods";
import { toCsv } from "@/shared/format/csv";

import { withPlatform } from "./platform";
import { show } from "./show";

const platform = withPlatform();
const ZONE = encodeURIComponent(new Intl.DateTimeFormat().resolvedOptions().timeZone);
const asked = (before = "bucket=day", after = "") => `GET /svc/analytics/api/aggregates?${before}&tz=${ZONE}${after}`;
const DAY = {
  start: "2026-11-21T00:00:00+00:00",
  end: "2026-11-22T00:00:00+00:00",
  calls: 12,
  csat: { n: 10, mean: 4.2, mean_low: 3.9, mean_high: 4.5, top2_pct: 80, low: 60, high: 92 },
  sentiment: { n: 12, positive_pct: 50, neutral_pct: 25, mixed_pct: 0, negative_pct: 25 },
  legal_risk: { n: 12, mean: 11, p95: 58, high_pct: 8, findings: { threat: 2, privacy: 5 } },
};
const EMPTY_DAY = {
  start: "2026-11-22T00:00:00+00:00",
  end: "2026-11-23T00:00:00+00:00",
  calls: 0,
  csat: { n: 0, mean: null },
};
const ANSWER = {
  total: { ...DAY, languages: { n: 12, mix: { "pt-BR": 7 } } },
  buckets: [DAY, EMPTY_DAY],
  skipped_lines: 1,
};

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", Observer);
  platform().on(asked(), { body: ANSWER });
});

test("nested measures become named numbers; what is not known has none", () => {
  expect(
    flatten({ calls: 3, csat: { n: 0, mean: null }, latency: { first_speech_ms: { p95: 9 } }, start: "x" }),
  ).toEqual({
    calls: 3,
    "csat.n": 0,
    "latency.first_speech_ms.p95": 9,
  });
});

test("a measure without calls is a dash and never zero", () => {
  const measure = measureOf("csat.mean");
  const reading = read(flatten(EMPTY_DAY), measure);
  expect(reading).toEqual({ value: null, low: null, high: null, n: 0 });
  expect(formatReading(reading.value, measure)).toBe("–");
});

test("every chart has a table that says the same, and each period leads to its calls", async () => {
  platform().on(asked("bucket=day", "&language=pt"), { body: ANSWER });
  show(<AnalyticsPage />, "/analytics?language=pt");
  await userEvent.click(await screen.findByRole("button", { name: "Table, Trend" }));
  const trend = screen.getByRole("region", { name: "Trend" });
  const row = (await within(trend).findByRole("link", { name: /21 Nov/ })).closest("tr");
  expect(row).toHaveTextContent("4.2");
  expect(row).toHaveTextContent("3.9");
  expect(row).toHaveTextContent("10");
  expect(within(trend).getByRole("link", { name: /21 Nov/ })).toHaveAttribute(
    "href",
    "/calls?language=pt&from=2026-11-21T00%3A00%3A00%2B00%3A00&to=2026-11-22T00%3A00%3A00%2B00%3A00",
  );
  expect(
    within(trend)
      .getByRole("link", { name: /22 Nov/ })
      .closest("tr"),
  ).toHaveTextContent("–");
});

test("the choice of a measure lives in the address and asks for nothing new", async () => {
  const { router } = show(<AnalyticsPage />, "/analytics");
  await userEvent.selectOptions(await screen.findByLabelText("Measure"), "legal_risk.high_pct");
  expect(router.state.location.search).toBe("?measure=legal_risk.high_pct");
  expect(platform().asked).toHaveLength(1);
});

test("findings are listed largest first, and left out records are said", async () => {
  show(<AnalyticsPage />, "/analytics");
  const findings = await screen.findByRole("group", { name: "Top reasons of legal risk" });
  expect(
    within(findings)
      .getAllByRole("row")
      .map((row) => row.textContent),
  ).toEqual(["CategoryCount", "privacy5", "threat2"]);
  expect(screen.getByText("1 unreadable record left out.")).toBeInTheDocument();
});

test("two periods are compared with the interval of the difference, and whether it is beyond chance", async () => {
  platform().on(`GET /svc/analytics/api/aggregates?bucket=day&tz=${ZONE}&compare=previous`, {
    body: {
      ...ANSWER,
      compare: {
        differences: {
          "csat.mean": { now: 4.2, before: 3.1, difference: 1.1, low: 0.4, high: 1.8, significant: true },
          "containment.pct": { now: 50, before: 60, difference: -10, low: null, high: null, significant: null },
        },
      },
    },
  });
  show(<AnalyticsPage />, "/analytics?compare=previous");
  const table = await screen.findByRole("group", { name: "Two periods" });
  expect(
    within(table)
      .getByText(/CSAT, mean/)
      .closest("tr"),
  ).toHaveTextContent("3.14.2+1.1+0.4 … +1.8Yes");
  expect(within(table).getByText("Contained").closest("tr")).toHaveTextContent("60%50%−10%–Cannot be told");
});

test("a period without calls says what to do", async () => {
  platform().on(asked(), { body: { total: { calls: 0 }, buckets: [EMPTY_DAY] } });
  show(<AnalyticsPage />, "/analytics");
  expect(await screen.findByText("No call in this period")).toBeInTheDocument();
});

test("only supervisors are offered the export", async () => {
  show(<AnalyticsPage />, "/analytics", "agent");
  await screen.findByLabelText("Measure");
  expect(screen.queryByRole("link", { name: "Export the calls" })).not.toBeInTheDocument();
});

test("names of buckets, ISO weeks across the year among them", () => {
  expect(bucketLabel("2026-11-21T13:00:00-03:00", "hour")).toBe("21 Nov 13:00");
  expect(bucketLabel("2027-01-01T00:00:00+00:00", "week")).toBe("W53 2026");
  expect(bucketLabel("2026-10-01T00:00:00+00:00", "quarter")).toBe("Q4 2026");
});

test("a bucket ends where the next one starts when the service does not say", () => {
  const buckets = [
    { start: "a", end: "", measures: {} },
    { start: "b", end: "", measures: {} },
  ];
  expect([bucketEnd(buckets, 0), bucketEnd(buckets, 1)]).toEqual(["b", ""]);
  expect(callsLink({ agent: "A" }, "a", "")).toBe("/calls?agent=A&from=a");
});

test("a CSV cell that a spreadsheet would run is made harmless, quotes are doubled", () => {
  expect(
    toCsv([
      ["a", "b"],
      ['say "hi"', -1.5],
      ["=1+1", null],
    ]),
  ).toBe('a,b\r\n"say ""hi""",-1.5\r\n\'=1+1,\r\n');
});
