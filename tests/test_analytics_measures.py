"""Every measure against values computed by hand, from journal lines to the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.records import (
    CallEnded,
    Finding,
    LanguageSwitched,
    LegalRisk,
    OperatorAction,
    OperatorOutcome,
    Record,
    ToolUse,
)
from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.periods import edges
from signal_analytics.report import aggregates, measures_of
from signal_analytics.tallies import Question, tallied
from tests.analytics_kit import (
    CALL,
    NOON,
    at,
    ended,
    handed_off,
    result,
    sid,
    stamp,
    started,
    turn,
    with_fields,
    write,
)

UTC_ZONE = ZoneInfo("UTC")
HOURS = edges("hour", NOON, NOON + timedelta(hours=3), UTC_ZONE)
Measure = Callable[..., dict[str, Any]]


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """`measure(*records)`: the measures of all that the journals of these records tell, whenever they start."""

    def of(*records: Record | bytes) -> dict[str, Any]:
        write(tmp_path, records)
        table = CallTable(tmp_path)
        table.refresh()
        question = Question([NOON - timedelta(days=400), NOON + timedelta(days=400)], Filters())
        found = table.query(lambda db: measures_of(tallied(db, question)))
        table.close()
        return found

    return of


def scored(**scores: list[Any]) -> list[Record]:
    """One result per value, each of a call of its own."""
    ((name, values),) = scores.items()
    return [result(6, number, None, **{name: value}) for number, value in enumerate(values)]


def near(**values: float | bool | None) -> dict[str, Any]:
    return {name: pytest.approx(value, abs=0.005) for name, value in values.items()}


def test_csat_by_hand(measure: Measure) -> None:
    found = measure(*scored(csat=[1, 4, 5, 5, None]))["csat"]
    assert found == near(
        n=4, mean=3.75, mean_low=0.738, mean_high=6.762, top2_pct=75.0, low=30.06, high=95.44, small=True
    )


def test_a_score_outside_its_scale_counts_nowhere(measure: Measure) -> None:
    assert measure(*scored(csat=[0, 6, 4]))["csat"]["n"] == 1


def test_surveyed_csat_does_not_mix_with_the_inferred_one(measure: Measure) -> None:
    found = measure(*scored(csat_surveyed=[2, 5]))
    assert (found["csat"]["n"], found["csat_surveyed"]["n"], found["csat_surveyed"]["mean"]) == (0, 2, 3.5)


def test_ces_by_hand(measure: Measure) -> None:
    found = measure(*scored(ces=[2, 5, 7]))["ces"]
    assert (found["n"], found["mean"], found["easy_pct"]) == (3, 4.666667, 66.666667)


def test_nps_by_hand(measure: Measure) -> None:
    scores = (10, 9, 8, 3)
    found = measure(*(with_fields(result(6, n, None), nps=score) for n, score in enumerate(scores)))["nps"]
    assert found == near(n=4, score=25.0, promoters_pct=50.0, passives_pct=25.0, detractors_pct=25.0, small=True)


def test_sentiment_by_hand_with_mixed_counted(measure: Measure) -> None:
    found = measure(*scored(sentiment=["positive", "positive", "mixed", "negative", None]))["sentiment"]
    assert found == near(
        n=4, positive_pct=50.0, neutral_pct=0.0, negative_pct=25.0, mixed_pct=25.0, net=0.25, small=True
    )


def test_legal_risk_by_hand_is_a_mean_and_never_a_sum(measure: Measure) -> None:
    risks = [LegalRisk(score=score, band="high" if score >= 70 else "low") for score in range(0, 101, 10)]
    once = measure(*scored(legal_risk=risks))["legal_risk"]
    assert (once["n"], once["mean"], once["p95"], once["high_pct"]) == (11, 50.0, 95.0, 36.363636)


def test_the_distribution_of_legal_risk_counts_every_call_in_one_bin(measure: Measure) -> None:
    risks = [LegalRisk(score=score, band="low") for score in (0, 9.9, 10, 99, 100)]
    assert measure(*scored(legal_risk=risks))["legal_risk"]["distribution"] == {"0": 2, "10": 1, "90": 2}


def test_findings_are_counted_once_per_call_and_category(measure: Measure) -> None:
    findings = [Finding(category=name, severity=50) for name in ("privacy", "privacy", "disclosure")]
    risk = LegalRisk(score=50, band="medium", findings=findings)
    found = measure(*scored(legal_risk=[risk, LegalRisk(score=10, band="low", findings=findings[:1])]))
    assert found["legal_risk"]["findings"] == {"privacy": 2, "disclosure": 1}


def test_hallucinations_count_calls_and_occurrences(measure: Measure) -> None:
    found = measure(*scored(hallucinations=[0, 3, 1, None]))["hallucination"]
    assert (found["n"], found["count"], found["pct"], found["total"]) == (3, 2, 66.666667, 4)


def test_handled_time_by_hand(measure: Measure) -> None:
    calls = [ended(n, sid("CA", n), duration_s=seconds) for n, seconds in enumerate((60, 120), 1)]
    found = measure(*calls)["handled"]
    assert (found["n"], found["mean_s"], found["total_s"]) == (2, 90.0, 180.0)
    assert (found["low"], found["high"]) == (0.0, pytest.approx(90 + 12.706 * 30, abs=0.1))


def test_containment_needs_an_end_without_hand_off_and_an_answer(measure: Measure) -> None:
    names = {name: sid("CA", n) for n, name in enumerate(("contained", "handed", "abandoned", "lost", "running"))}
    records: list[Record] = [started(n, call_sid) for n, call_sid in enumerate(names.values())]
    records += [turn(5, call_sid=names[name]) for name in ("contained", "handed", "lost")]
    records += [
        ended(6, names["contained"]),
        handed_off(6, names["handed"]),
        ended(7, names["handed"], "handoff"),
        ended(6, names["abandoned"]),
        ended(6, names["lost"], "lost"),
    ]
    found = measure(*records)
    assert (found["containment"]["n"], found["containment"]["count"]) == (4, 1)
    assert (found["escalation_performed"]["n"], found["escalation_performed"]["count"]) == (4, 1)
    assert (found["abandonment"]["n"], found["abandonment"]["count"]) == (4, 1)


def test_outbound_calls_are_not_abandoned(measure: Measure) -> None:
    found = measure(started(direction="outbound"), ended())
    assert (found["abandonment"]["n"], found["abandonment"]["pct"]) == (0, None)
    assert found["containment"]["count"] == 1


def test_a_call_that_an_operator_took_over_was_handed_over(measure: Measure) -> None:
    took = stamp(OperatorAction(call_sid=CALL, actor="eva", action="takeover"), 2)
    found = measure(started(), turn(), took, ended())
    assert (found["escalation_performed"]["count"], found["containment"]["count"]) == (1, 0)


@pytest.mark.parametrize(("completed", "count"), [([True, True], 1), ([True, False], 0)])
def test_resolved_containment_needs_every_task_done(measure: Measure, completed: list[bool], count: int) -> None:
    value = {"actions": [{"task_summary": "x", "successful_completion": done} for done in completed]}
    operator = OperatorOutcome(name="Task Completion", operator_type="json", value=value)
    found = measure(started(), turn(), ended(), result(operators=[operator]))["resolved_containment"]
    assert (found["n"], found["count"]) == (1, count)


def test_escalation_requested_is_told_by_intelligence(measure: Measure) -> None:
    found = measure(*scored(escalation_requested=[True, False, False, None]))["escalation_requested"]
    assert (found["n"], found["count"], found["pct"]) == (3, 1, 33.333333)


def test_repeat_contact_within_seven_days(measure: Measure) -> None:
    day = 24 * 60
    starts = {
        1: (0, "+15550000001"),
        2: (6 * day, "+15550000001"),
        3: (0, "+15550000002"),
        4: (8 * day, "+15550000002"),
        5: (0, "anonymous"),
        6: (1, "anonymous"),
        7: (30 * day, "+15550000003"),
    }
    found = measure(*(started(minute, sid("CA", n), caller=caller) for n, (minute, caller) in starts.items()))
    # 1 came back after 6 days, 2 and 3 and 4 did not in 7; 5 and 6 are nobody; 7's days are not over
    assert (found["repeat_contact"]["n"], found["repeat_contact"]["count"]) == (4, 1)


def test_talk_share_and_silence_by_hand(measure: Measure) -> None:
    speech = [
        {"agent_ms": 20_000, "caller_ms": 4_000, "silence_ms": 10_000},
        {"agent_ms": 10_000, "caller_ms": 6_000},
    ]
    turns = [with_fields(turn(n, n), speech=found) for n, found in enumerate(speech, 1)]
    found = measure(started(), *turns)["talk"]
    assert found == near(n=1, agent_share_pct=75.0, silence_pct=20.0, small=True)


def test_interruptions_per_agent_turn(measure: Measure) -> None:
    turns = [turn(n, n, interrupted=n == 2, outcome="interrupted" if n == 2 else "completed") for n in range(1, 5)]
    silent = turn(5, 5, outcome="superseded", interrupted=True)
    found = measure(started(), *turns, silent)["interruptions"]
    assert (found["n"], found["count"], found["pct"]) == (4, 1, 25.0)


def test_latency_percentiles_are_within_one_percent(measure: Measure) -> None:
    turns = [turn(n, n, latency={"first_speech_ms": 10.0 * n, "first_text_ms": 5.0 * n}) for n in range(1, 101)]
    found = measure(started(), *turns)["latency"]
    assert found["first_speech_ms"]["n"] == 100
    for name, exact in (("p50", 500), ("p95", 950), ("p99", 990)):
        assert found["first_speech_ms"][name] == pytest.approx(exact, rel=0.01)
        assert found["first_text_ms"][name] == pytest.approx(exact / 2, rel=0.01)
    assert found["complete_ms"] == {"n": 0, "p50": None, "p95": None, "p99": None}


def test_languages_and_their_changes(measure: Measure) -> None:
    switch = stamp(
        LanguageSwitched(call_sid=CALL, turn=2, from_language="pt-BR", to_language="en-US", cause="request"), 2
    )
    before, after = turn(1, language="pt-BR"), turn(3, 2, language="en-US")
    others = started(1, sid("CA", 2), "es-US"), started(2, sid("CA", 3)), turn(2, 1, sid("CA", 3), language="")
    found = measure(started(), before, switch, after, *others)["languages"]
    assert (found["mix"], found["switches"]) == ({"en-US": 1, "pt-BR": 1, "es-US": 1}, 1)
    assert found["switched_pct"] == pytest.approx(33.333, abs=0.001)


def test_tools_keys_tokens_and_cost(measure: Measure) -> None:
    tools = [
        ToolUse(tool_call_id=str(n), name="t", outcome=outcome) for n, outcome in enumerate(("ok", "ok", "error"))
    ]
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    found = measure(
        started(),
        turn(1, 1, tools=tools, usage=usage),
        turn(2, 2, input="dtmf", usage=usage),
        ended(3),
        started(4, sid("CA", 2)),
        turn(5, 1, sid("CA", 2)),
    )
    assert (found["tools"]["n"], found["tools"]["count"]) == (3, 2)
    assert (found["dtmf"]["n"], found["dtmf"]["count"]) == (2, 1)
    assert found["tokens"] == {"n": 1, "prompt": 200, "completion": 40, "total": 240}
    assert found["cost"] == {"n": 0, "usd": None, "mean_usd": None}


def test_cost_and_usage_of_the_end_of_a_call(measure: Measure) -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    found = measure(
        with_fields(ended(1, sid("CA", 1)), usage=usage, cost_usd=0.0125),
        with_fields(ended(1, sid("CA", 2)), usage={}, cost_usd=None),
    )
    assert found["tokens"] == {"n": 1, "prompt": 7, "completion": 3, "total": 10}
    assert found["cost"] == {"n": 1, "usd": 0.0125, "mean_usd": 0.0125}


def test_a_later_record_of_a_turn_corrects_the_earlier(measure: Measure) -> None:
    found = measure(started(), turn(1, 1, outcome="open"), turn(1, 1, seq=2, interrupted=True), turn(1, 1, seq=3))
    assert (found["interruptions"]["n"], found["interruptions"]["count"]) == (1, 0)


def test_nothing_measured_is_null_and_never_zero(measure: Measure) -> None:
    found = measure()
    assert found["calls"] == 0
    for name, values in found.items():
        if isinstance(values, dict) and "n" in values:
            assert values["n"] == 0, name
            rest = {
                k: v
                for k, v in values.items()
                if k not in ("n", "count", "small", "findings", "distribution", "mix")
            }
            assert set(rest.values()) == {None}, name


def test_a_call_whose_results_are_all_redacted_has_no_scores(measure: Measure) -> None:
    redacted = OperatorOutcome(name="Inferred CSAT", parsed=False, reason="redacted")
    found = measure(started(), ended(), result(operators=[redacted]))
    assert found["calls"] == 1
    assert [found[name]["n"] for name in ("csat", "ces", "sentiment", "legal_risk", "hallucination")] == [0] * 5
    assert found["csat"]["mean"] is None


def test_small_numbers_are_shown_as_such(measure: Measure) -> None:
    assert measure(*scored(csat=[5] * 29))["csat"]["small"] is True


def test_thirty_are_not_small(measure: Measure) -> None:
    assert measure(*scored(csat=[5] * 30))["csat"]["small"] is False


def test_empty_buckets_are_present_and_buckets_are_half_open(tmp_path: Path) -> None:
    write(tmp_path, [started(minute, sid("CA", n)) for n, minute in enumerate((0, 59.99, 120, 180, -0.01))])
    table = CallTable(tmp_path)
    table.refresh()
    asked = Question(HOURS, Filters(start=HOURS[0], end=HOURS[-1]))
    found = table.query(lambda db: aggregates(db, asked, UTC_ZONE))
    table.close()
    assert [bucket["calls"] for bucket in found["buckets"]] == [2, 0, 1]
    assert found["buckets"][1]["csat"]["mean"] is None
    assert found["total"]["calls"] == 3
    assert found["buckets"][0]["start"] == "2026-11-20T12:00:00+00:00"


def test_groups_add_up_and_calls_without_the_property_are_a_group(tmp_path: Path) -> None:
    write(
        tmp_path,
        [
            started(1, sid("CA", 1)),
            started(2, sid("CA", 2)),
            started(3, sid("CA", 3), "es-US"),
            result(4, 9, None),
        ],
    )
    table = CallTable(tmp_path)
    table.refresh()
    asked = Question(HOURS, Filters(start=HOURS[0], end=HOURS[-1]), "agent")
    by_agent = table.query(lambda db: aggregates(db, asked, UTC_ZONE))["groups"]
    asked = Question(HOURS, Filters(start=HOURS[0], end=HOURS[-1]), "language")
    by_language = table.query(lambda db: aggregates(db, asked, UTC_ZONE))["groups"]
    table.close()
    assert [(group["group"], group["total"]["calls"]) for group in by_agent] == [("ana", 3), (None, 1)]
    assert [(group["group"], group["total"]["calls"]) for group in by_language] == [("pt-BR", 3), ("es-US", 1)]
    assert [bucket["calls"] for bucket in by_language[0]["buckets"]] == [3, 0, 0]


def test_many_groups_keep_the_largest_and_put_the_rest_together(tmp_path: Path) -> None:
    records = [started(n / 10, sid("CA", n), agent=f"agent{min(n, 30)}") for n in range(40)]
    write(tmp_path, records)
    table = CallTable(tmp_path)
    table.refresh()
    asked = Question(HOURS, Filters(start=HOURS[0], end=HOURS[-1]), "agent")
    groups = table.query(lambda db: aggregates(db, asked, UTC_ZONE))["groups"]
    table.close()
    assert (len(groups), groups[0]["group"], groups[0]["total"]["calls"]) == (20, "agent30", 10)
    assert groups[-1]["group"] == "(other)"
    assert sum(group["total"]["calls"] for group in groups) == 40


def test_two_periods_are_compared_with_the_difference_s_interval(tmp_path: Path) -> None:
    records = [result(n, n, None, csat=5 if n < 56 else 1, started_at=at(1)) for n in range(70)]
    records += [result(n, 100 + n, None, csat=5 if n < 48 else 1, started_at=at(-30)) for n in range(80)]
    write(tmp_path, records)
    table = CallTable(tmp_path)
    table.refresh()
    now = Question(HOURS, Filters(start=HOURS[0], end=HOURS[-1]))
    hour = [NOON - timedelta(hours=1), NOON]
    before = Question(hour, Filters(start=hour[0], end=hour[1]))
    found = table.query(lambda db: aggregates(db, now, UTC_ZONE, before))["compare"]
    table.close()
    top2 = found["differences"]["csat.top2_pct"]
    assert top2 == near(now=80.0, before=60.0, difference=20.0, low=5.24, high=33.39, significant=True)
    assert found["differences"]["ces.mean"] == dict.fromkeys(top2)
    assert found["total"]["csat"]["n"] == 80


def test_a_clock_that_is_centuries_off_neither_stops_nor_slows_the_answer(measure: Measure) -> None:
    far = [ended(1, sid("CA", n)) for n in range(2)]
    for record, year in zip(far, (1, 9999), strict=True):
        assert isinstance(record, CallEnded)
        record.at = datetime(year, 6, 1, tzinfo=UTC)
    assert measure(*far, started())["calls"] == 1
