"""The report of a run as one HTML file: charts with their numbers in tables beside them, nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jinja2

from crosschannel.scenario_runs.summary import Summary
from sandbox.scenarios.outcome import CallOutcome

BINS = 12
SLOWEST_SHOWN = 15
FAILED_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its value and the share of the largest one (0 to 1)."""

    label: str
    value: float
    share: float
    shown: str


def page(summary: Summary, outcomes: Sequence[CallOutcome], title: str) -> str:
    """The HTML text."""
    environment = jinja2.Environment(loader=jinja2.PackageLoader("crosschannel"), autoescape=True)
    latencies = [ms for outcome in outcomes for ms in outcome.latencies_ms]
    slow = [(row.name, row.latency.p95_ms) for row in summary.scenarios if row.latency.p95_ms is not None]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    return environment.get_template("scenario_report.html").render(
        title=title,
        summary=summary,
        histogram=histogram(latencies),
        slowest=bars(sorted(slow, key=lambda row: row[1], reverse=True)[:SLOWEST_SHOWN], " ms"),
        languages=bars([(code, float(count)) for code, count in summary.languages.items()], ""),
        endings=bars([(code, float(count)) for code, count in summary.ended_by.items()], ""),
        failed=failed[:FAILED_SHOWN],
        failed_count=len(failed),
    )


def histogram(values: Sequence[float]) -> list[Bar]:
    """How many values fall between equal steps from 0 to the largest, as bars."""
    if not values:
        return []
    step = max(values) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int(value / step))] += 1
    return [
        Bar(f"{step * n:.0f}–{step * (n + 1):.0f} ms", count, count / max(counts), str(count))
        for n, count in enumerate(counts)
    ]


def bars(rows: Sequence[tuple[str, float]], unit: str) -> list[Bar]:
    """Rows as bars, in their order."""
    largest = max((value for _, value in rows), default=0.0) or 1.0
    return [Bar(label, value, value / largest, f"{value:.0f}{unit}") for label, value in rows]
