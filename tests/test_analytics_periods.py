"""Buckets of time: days as the clocks say, half-hour zones, ISO weeks, periods without gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signal_analytics.periods import Bucket, TooManyBuckets, edges

START = datetime(2026, 11, 20, tzinfo=UTC)
ZONES = ["UTC", "America/Sao_Paulo", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


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
