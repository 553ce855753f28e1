"""Buckets of time: hours, days, ISO weeks, months, quarters and years of a time zone, as moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

Bucket = Literal["hour", "day", "week", "month", "quarter", "year"]
MAX_BUCKETS = 10_000


class TooManyBuckets(ValueError):
    """The period holds more buckets than anyone can read."""


def edges(bucket: Bucket, start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """The moments (UTC) at which the buckets that touch [start, end) begin, and the one at which the last ends.

    Buckets are half-open and follow each other without gaps, whatever the clocks do: a day is 23, 24 or 25
    hours long, an hour that the clocks repeat is two hours. Raises TooManyBuckets, or OverflowError outside the
    years 1 to 9999.
    """
    days_found = [floor_day(bucket, start.astimezone(zone).date())]
    while _midnight(days_found[-1], zone) < end:
        days_found.append(next_day(bucket, days_found[-1]))
        if len(days_found) > MAX_BUCKETS:
            raise TooManyBuckets(f"more than {MAX_BUCKETS} buckets")
    # A day that a zone skipped altogether has no length and is no bucket.
    moments = sorted({_midnight(day, zone) for day in days_found})
    found = _hours(moments, start, end) if bucket == "hour" else moments
    if len(found) - 1 > MAX_BUCKETS:
        raise TooManyBuckets(f"more than {MAX_BUCKETS} buckets")
    return found


def floor_day(bucket: Bucket, day: date) -> date:
    """The first day of the bucket that holds `day`; weeks begin on Monday (ISO 8601)."""
    match bucket:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
        case "year":
            return day.replace(month=1, day=1)
        case _:
            return day


def next_day(bucket: Bucket, first: date, count: int = 1) -> date:
    """The first day of the bucket that is `count` buckets after the one that begins at `first`."""
    match bucket:
        case "week":
            return first + timedelta(weeks=count)
        case "month" | "quarter" | "year":
            months = {"month": 1, "quarter": 3, "year": 12}[bucket] * count
            year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
            return date(year, month + 1, 1)
        case _:
            return first + timedelta(days=count)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment a local day begins; where the clocks skip midnight, the moment of the change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _hours(days: list[datetime], start: datetime, end: datetime) -> list[datetime]:
    """Hours counted from each day's beginning, from the one that holds `start` to the one that ends at `end`."""
    hour = timedelta(hours=1)
    starts = [
        moment
        for day, following in pairwise(days)
        for moment in (day + hour * n for n in range(int((following - day) / hour) + 1))
        if moment < following
    ]
    inside = [m for m, after in pairwise([*starts, days[-1]]) if after > start and m < end]
    last = next((m for m in starts if m > inside[-1]), days[-1])
    return [*inside, last]
