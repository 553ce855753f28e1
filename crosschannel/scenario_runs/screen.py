"""A run of scenarios on the terminal: the progress while it lasts, the table at the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

import colorama

from crosschannel.scenario_runs.summary import Latency, ScenarioSummary, Summary
from sandbox.scenarios.outcome import CallOutcome

WIDTH = 30
EVERY_SHARE = 10
HEADINGS = ("scenario", "passed", "p50 ms", "p95 ms", "p99 ms", "interrupts", "languages")


class Progress:
    """A bar on a terminal; on anything else a line for every tenth."""

    def __init__(self, output: TextIO, total: int) -> None:
        self._output = output
        self._total = total
        self._terminal = output.isatty()
        self._done = self._failed = 0
        self._began_s = time.monotonic()

    def told(self, outcome: CallOutcome) -> None:
        self._done += 1
        self._failed += not outcome.passed
        if self._terminal:
            self._output.write("\r" + self._line())
            if self._done == self._total:
                self._output.write("\n")
        elif self._done == self._total or self._done * EVERY_SHARE // self._total > (
            (self._done - 1) * EVERY_SHARE // self._total
        ):
            self._output.write(self._line() + "\n")
        self._output.flush()

    def _line(self) -> str:
        full = WIDTH * self._done // self._total
        passed_s = time.monotonic() - self._began_s
        failed = f", {self._failed} failed" if self._failed else ""
        return f"[{'#' * full}{'.' * (WIDTH - full)}] {self._done}/{self._total} calls{failed}, {passed_s:.0f} s"


def table(summary: Summary, *, colours: bool) -> str:
    """The scenarios as rows, the failures below, everything in one sentence at the end."""
    rows = [HEADINGS, *(_row(scenario) for scenario in summary.scenarios)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = [_aligned(rows[0], widths)]
    for scenario, row in zip(summary.scenarios, rows[1:], strict=True):
        line = _aligned(row, widths)
        is_red = colours and not scenario.ok
        lines.append(f"{colorama.Fore.RED}{line}{colorama.Style.RESET_ALL}" if is_red else line)
    for scenario in summary.scenarios:
        lines += [f"{scenario.name}: {failure}" for failure in scenario.failures]
    return "\n".join([*lines, "", _sentence(summary)])


def _row(scenario: ScenarioSummary) -> tuple[str, ...]:
    passed = f"{scenario.passed}/{scenario.runs}"
    return (
        scenario.name,
        passed if scenario.ok else f"{passed} failed",
        *_times(scenario.latency),
        str(scenario.interruptions),
        " ".join(scenario.languages),
    )


def _times(latency: Latency) -> tuple[str, str, str]:
    p50, p95, p99 = ("–" if ms is None else f"{ms:.0f}" for ms in (latency.p50_ms, latency.p95_ms, latency.p99_ms))
    return p50, p95, p99


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = row
    right = [text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *right, last]).rstrip()


def _sentence(summary: Summary) -> str:
    p50, p95, p99 = _times(summary.latency)
    languages = ", ".join(f"{code} {count}" for code, count in summary.languages.items()) or "none"
    again = f" {summary.placed_again} were placed again: the caller was late." if summary.placed_again else ""
    return (
        f"{summary.passed} of {summary.calls} calls passed in {summary.duration_s:.1f} s, {summary.turns} turns; "
        f"first text after {p50} ms (p50), {p95} ms (p95), {p99} ms (p99); "
        f"{summary.interruptions} interruptions; languages: {languages}.{again}"
    )
