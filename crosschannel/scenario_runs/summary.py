"""What many calls say together: counts and percentiles, per scenario and in all. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from sandbox.scenarios.grammar import Scenario
from sandbox.scenarios.outcome import CallOutcome


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from the end of the caller's words to the first text of the answer; None without answers."""

    n: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None


class ScenarioSummary(msgspec.Struct, frozen=True):
    """All runs of one scenario. It passes when no larger part of them failed than its flake rate allows."""

    name: str
    runs: int
    passed: int
    ok: bool
    latency: Latency
    interruptions: int
    turns: int
    languages: dict[str, int]
    failures: list[str]


class Summary(msgspec.Struct, frozen=True):
    """Everything together; `languages` counts calls by the languages spoken in them."""

    calls: int
    passed: int
    ok: bool
    duration_s: float
    latency: Latency
    interruptions: int
    turns: int
    languages: dict[str, int]
    ended_by: dict[str, int]
    scenarios: list[ScenarioSummary]
    parallel: int = 0
    speed: float = 1.0
    placed_again: int = 0


FAILURES_SHOWN = 5


def summarize(
    scenarios: Sequence[Scenario], outcomes: Sequence[CallOutcome], duration_s: float, parallel: int, speed: float
) -> Summary:
    """The summary of a run that took `duration_s` of real time."""
    rows = [_scenario(scenario, outcomes) for scenario in scenarios]
    return Summary(
        calls=len(outcomes),
        passed=sum(outcome.passed for outcome in outcomes),
        ok=bool(outcomes) and all(row.ok for row in rows if row.runs),
        duration_s=round(duration_s, 2),
        latency=latency([ms for outcome in outcomes for ms in outcome.latencies_ms]),
        interruptions=sum(outcome.interruptions for outcome in outcomes),
        turns=sum(len(outcome.steps) for outcome in outcomes),
        languages=_languages(outcomes),
        ended_by=dict(Counter(outcome.ended_by for outcome in outcomes).most_common()),
        scenarios=[row for row in rows if row.runs],
        parallel=parallel,
        speed=speed,
        placed_again=sum(outcome.placed_again for outcome in outcomes),
    )


def latency(values_ms: Sequence[float]) -> Latency:
    """Percentiles by the nearest rank."""
    if not values_ms:
        return Latency(0)
    ordered = sorted(values_ms)

    def rank(percent: int) -> float:
        return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)

    return Latency(len(ordered), rank(50), rank(95), rank(99), round(ordered[-1], 1))


def _scenario(scenario: Scenario, outcomes: Sequence[CallOutcome]) -> ScenarioSummary:
    own = [outcome for outcome in outcomes if outcome.scenario == scenario.name]
    passed = sum(outcome.passed for outcome in own)
    failed_share = (len(own) - passed) / len(own) if own else 0.0
    failures = Counter(text for outcome in own for text in outcome.all_failures)
    return ScenarioSummary(
        name=scenario.name,
        runs=len(own),
        passed=passed,
        ok=failed_share <= scenario.flake_rate,
        latency=latency([ms for outcome in own for ms in outcome.latencies_ms]),
        interruptions=sum(outcome.interruptions for outcome in own),
        turns=sum(len(outcome.steps) for outcome in own),
        languages=_languages(own),
        failures=[
            f"{text} ({count}×)" if count > 1 else text for text, count in failures.most_common(FAILURES_SHOWN)
        ],
    )


def _languages(outcomes: Sequence[CallOutcome]) -> dict[str, int]:
    return dict(Counter(code for outcome in outcomes for code in outcome.languages).most_common())
