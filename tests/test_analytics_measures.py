"""Measures against values computed by hand, and buckets of time that partition the calls."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signal_analytics.measures import measured, wilson, with_bucket
from signal_analytics.periods import Bucket, TooManyBuckets, edges
from signal_analytics.report import buckets_of, measures_of

START = datetime(2026, 11, 20, tzinfo=UTC)
# How fast an example runs says more about the machine than about the code.
calm = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
EDGES = [START, START + timedelta(hours=1), START + timedelta(hours=2), START + timedelta(hours=3)]
ZONES = ["UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def calls(*rows: dict[str, Any]) -> pd.DataFrame:
    """A frame of calls; a row without `started_at` starts at half past midnight."""
    empty = {"csat": None, "ces": None, "sentiment": None, "legal_risk": None, "legal_risk_band": None}
    complete = [{"started_at": START + timedelta(minutes=30), **empty, **row} for row in rows]
    frame = pd.DataFrame(complete, columns=["started_at", *empty])
    return frame.assign(
        started_at=pd.to_datetime(frame["started_at"], utc=True).dt.as_unit("us"),
        **{name: frame[name].astype("float64") for name in ("csat", "ces", "legal_risk")},
        **{
            name: frame[name].astype("str").where(frame[name].notna()) for name in ("sentiment", "legal_risk_band")
        },
    )


def one_bucket(*rows: dict[str, Any]) -> dict[str, Any]:
    return measures_of(measured(with_bucket(calls(*rows), EDGES[:2]), 1).to_dict("records")[0])


def test_csat_by_hand() -> None:
    found = one_bucket(*({"csat": value} for value in (1, 4, 5, 5)), {"csat": None})["csat"]
    assert (found["n"], found["mean"], found["top2_pct"]) == (4, 3.75, 75.0)
    assert found["low"] == pytest.approx(30.06, abs=0.01)
    assert found["high"] == pytest.approx(95.44, abs=0.01)


def test_ces_by_hand() -> None:
    found = one_bucket(*({"ces": value} for value in (2, 5, 7)))["ces"]
    assert found == {"n": 3, "mean": 4.666667, "easy_pct": 66.666667}


def test_sentiment_by_hand_with_mixed_counted() -> None:
    labels = ("positive", "positive", "mixed", "negative", None)
    found = one_bucket(*({"sentiment": label} for label in labels))["sentiment"]
    assert found == {"n": 4, "positive_pct": 50.0, "neutral_pct": 0.0, "negative_pct": 25.0, "mixed_pct": 25.0}


def test_legal_risk_by_hand_is_a_mean_and_never_a_sum() -> None:
    rows = [
        {"legal_risk": value, "legal_risk_band": "high" if value >= 70 else "low"} for value in range(0, 101, 10)
    ]
    found = one_bucket(*rows)["legal_risk"]
    assert found == {"n": 11, "mean": 50.0, "p95": 95.0, "high_pct": 36.363636}
    assert one_bucket(*rows, *rows)["legal_risk"]["mean"] == 50.0


def test_a_bucket_without_answers_has_nulls_and_no_zeros() -> None:
    found = one_bucket({})
    assert found["calls"] == 1
    assert found["csat"] == {"n": 0, "mean": None, "top2_pct": None, "low": None, "high": None}
    assert found["sentiment"]["neutral_pct"] is None
    assert found["legal_risk"] == {"n": 0, "mean": None, "p95": None, "high_pct": None}


def test_empty_buckets_are_present_between_full_ones() -> None:
    frame = calls({"csat": 5}, {"csat": 1, "started_at": EDGES[2]})
    buckets = buckets_of(measured(with_bucket(frame, EDGES), 3), EDGES, ZoneInfo("UTC"))
    assert [bucket["calls"] for bucket in buckets] == [1, 0, 1]
    assert [bucket["csat"]["mean"] for bucket in buckets] == [5.0, None, 1.0]
    assert buckets[1]["start"] == "2026-11-20T01:00:00+00:00"


def test_no_calls_at_all_still_give_every_bucket() -> None:
    buckets = buckets_of(measured(with_bucket(calls(), EDGES), 3), EDGES, ZoneInfo("UTC"))
    assert [bucket["csat"]["n"] for bucket in buckets] == [0, 0, 0]


def test_buckets_are_half_open() -> None:
    frame = calls(*({"started_at": edge} for edge in EDGES), {"started_at": START - timedelta(microseconds=1)})
    assert with_bucket(frame, EDGES)["bucket"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(25, 30, 0.664, 0.927), (8, 10, 0.490, 0.943), (5, 5, 0.566, 1.0), (0, 5, 0.0, 0.434), (1, 1, 0.207, 1.0)],
)
def test_wilson_intervals(successes: int, n: int, low: float, high: float) -> None:
    found = wilson(pd.Series([successes]), pd.Series([n])).iloc[0]
    assert found["low"] == pytest.approx(low, abs=0.0006)
    assert found["high"] == pytest.approx(high, abs=0.0006)
    assert found["low"] >= 0.0
    assert math.copysign(1, found["low"]) == 1.0  # 0 of 5 is 0 and not -0


def test_a_share_of_all_ends_at_exactly_a_hundred() -> None:
    assert one_bucket(*({"csat": 5} for _ in range(6)))["csat"]["high"] == 100.0


def test_wilson_of_nothing_is_missing() -> None:
    assert wilson(pd.Series([0]), pd.Series([0])).isna().all(axis=None)


answers = st.fixed_dictionaries(
    {
        "started_at": st.integers(-60, 200).map(lambda minutes: START + timedelta(minutes=minutes)),
        "csat": st.none() | st.integers(1, 5),
        "ces": st.none() | st.integers(1, 7),
        "sentiment": st.none() | st.sampled_from(["positive", "neutral", "negative", "mixed"]),
        "legal_risk": st.none() | st.integers(0, 100),
    }
)


@calm
@given(st.lists(answers, max_size=30))
def test_buckets_partition_the_calls(rows: list[dict[str, Any]]) -> None:
    buckets = measured(with_bucket(calls(*rows), EDGES), 3)
    inside = [row for row in rows if EDGES[0] <= row["started_at"] < EDGES[-1]]
    assert buckets["calls"].sum() == len(inside)
    assert buckets["csat_n"].sum() == sum(row["csat"] is not None for row in inside)


@calm
@given(st.lists(answers, max_size=30))
def test_measures_agree_with_plain_python(rows: list[dict[str, Any]]) -> None:
    frame = measured(with_bucket(calls(*rows), EDGES), 3)
    for number in range(3):
        inside = [row for row in rows if EDGES[number] <= row["started_at"] < EDGES[number + 1]]
        scores = [row["csat"] for row in inside if row["csat"] is not None]
        found = frame.loc[number]
        assert found["calls"] == len(inside)
        assert found["csat_n"] == len(scores)
        if scores:
            assert found["csat_mean"] == pytest.approx(sum(scores) / len(scores))
            assert found["csat_top2_pct"] == pytest.approx(100 * sum(s >= 4 for s in scores) / len(scores))


# ---- time ----


@calm
@given(
    st.sampled_from(ZONES),
    st.sampled_from(get_args(Bucket)),
    st.datetimes(datetime(2011, 12, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(minutes=1), timedelta(days=40)),
)
def test_edges_cover_the_period_without_gaps(
    zone: str, bucket: Bucket, start: datetime, length: timedelta
) -> None:
    found = edges(bucket, start, start + length, ZoneInfo(zone))
    assert found == sorted(set(found))
    assert found[0] <= start < found[1]
    assert found[-2] < start + length <= found[-1]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29), 23),
        ("Europe/Berlin", datetime(2026, 10, 25), 25),
        ("Europe/Berlin", datetime(2026, 10, 26), 24),
        ("Australia/Lord_Howe", datetime(2026, 4, 5), 25),  # the clocks go back by half an hour
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_say(zone: str, day: datetime, hours: int) -> None:
    local = day.replace(tzinfo=ZoneInfo(zone))
    following = (day + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    found = edges("hour", local.astimezone(UTC), following.astimezone(UTC), ZoneInfo(zone))
    assert len(found) - 1 == hours
    assert (found[0], found[-1]) == (local.astimezone(UTC), following.astimezone(UTC))


def test_half_hour_zones_begin_their_hours_at_half_past() -> None:
    found = edges("hour", START, START + timedelta(minutes=1), ZoneInfo("Asia/Kolkata"))
    assert [edge.minute for edge in found] == [30, 30]


def test_weeks_begin_on_monday_and_week_53_ends_the_year() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    found = edges("week", datetime(2026, 12, 31, tzinfo=UTC), datetime(2027, 1, 5, tzinfo=UTC), zone)
    local = [edge.astimezone(zone) for edge in found]
    assert [edge.strftime("%G-W%V %a") for edge in local] == ["2026-W53 Mon", "2027-W01 Mon", "2027-W02 Mon"]


def test_quarters_and_years_begin_at_local_midnight() -> None:
    zone = ZoneInfo("America/Sao_Paulo")
    quarter = edges("quarter", START, START + timedelta(days=1), zone)
    assert [edge.isoformat() for edge in quarter] == ["2026-10-01T03:00:00+00:00", "2027-01-01T03:00:00+00:00"]
    year = edges("year", START, START + timedelta(days=1), zone)
    assert [edge.isoformat() for edge in year] == ["2026-01-01T03:00:00+00:00", "2027-01-01T03:00:00+00:00"]


def test_a_day_that_a_zone_skipped_is_no_bucket() -> None:
    zone = ZoneInfo("Pacific/Apia")  # there was no 30 December 2011
    found = edges("day", datetime(2011, 12, 29, 12, tzinfo=UTC), datetime(2011, 12, 31, 12, tzinfo=UTC), zone)
    assert [edge.astimezone(zone).day for edge in found] == [29, 31, 1, 2]


def test_too_many_buckets_are_refused() -> None:
    with pytest.raises(TooManyBuckets):
        edges("day", datetime(1900, 1, 1, tzinfo=UTC), START, ZoneInfo("UTC"))
