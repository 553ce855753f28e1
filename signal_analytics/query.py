"""Questions as they come in a URL, parsed into typed values. Everything malformed is a Problem 400."""

from __future__ import annotations

import base64
import binascii
import functools
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast, get_args
from zoneinfo import ZoneInfo

import msgspec

from shared.problem import Problem
from signal_analytics.filters import Filters
from signal_analytics.periods import Bucket, TooManyBuckets, edges, floor_day, next_day

# How many buckets are shown when no beginning is named.
DEFAULT_BUCKETS: dict[Bucket, int] = {"hour": 24, "day": 30, "week": 12, "month": 12, "quarter": 8, "year": 5}
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100
NOT_YET = ("by",)


@dataclass(frozen=True, slots=True)
class Aggregates:
    """What GET /api/aggregates asks: buckets between edges, over the calls of the filters."""

    zone: ZoneInfo
    edges: list[datetime]
    filters: Filters


@dataclass(frozen=True, slots=True)
class Page:
    """What GET /api/calls asks: one page of the calls of the filters."""

    filters: Filters
    limit: int
    before: tuple[datetime, str] | None


class _Cursor(msgspec.Struct, array_like=True):
    started_at: datetime
    key: str


def parse_aggregates(query: Mapping[str, str], now: datetime) -> Aggregates:
    """The question for buckets. Raises Problem 400 naming the parameter at fault."""
    for name in NOT_YET:
        if name in query:
            raise _malformed(f"{name} is not available yet.")
    zone = parse_zone(query)
    bucket = _bucket(query)
    end = _moment(query, "to", zone) or _end_of_bucket(bucket, now, zone)
    start = _moment(query, "from", zone) or _default_start(bucket, end, zone)
    if start >= end:
        raise _malformed("from must be before to.")
    try:
        found = edges(bucket, start, end, zone)
    except (TooManyBuckets, OverflowError, ValueError) as error:
        raise _malformed("The period holds too many buckets: choose larger ones.") from error
    return Aggregates(zone, found, _filters(query, start, end))


def parse_today(query: Mapping[str, str], now: datetime) -> tuple[date, Aggregates]:
    """Today's date in the zone that is asked for, and the question for it. Raises Problem 400."""
    zone = parse_zone(query)
    today = now.astimezone(zone).date()
    start = datetime.combine(today, time(), zone).astimezone(UTC)
    end = datetime.combine(today + timedelta(days=1), time(), zone).astimezone(UTC)
    return today, Aggregates(zone, [start, end], _filters(query, start, end))


def parse_page(query: Mapping[str, str]) -> Page:
    """The question for a page of calls. Raises Problem 400."""
    zone = parse_zone(query)
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise _malformed("limit must be a positive whole number.")
    filters = _filters(query, _moment(query, "from", zone), _moment(query, "to", zone))
    return Page(filters, min(int(text[:9]), MAX_LIMIT), _before(query.get("cursor")))


def cursor_of(started_at: datetime, key: str) -> str:
    """The opaque cursor of the page that follows this call."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(started_at, key))).decode()


def parse_zone(query: Mapping[str, str]) -> ZoneInfo:
    """The IANA time zone of `tz`, UTC when absent. Raises Problem 400."""
    name = query.get("tz", "UTC")
    if name not in _zone_names():
        raise _malformed("tz must be an IANA time zone such as America/Sao_Paulo.")
    return ZoneInfo(name)


@functools.cache
def _zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _bucket(query: Mapping[str, str]) -> Bucket:
    name = query.get("bucket", "day")
    if name not in get_args(Bucket):
        raise _malformed(f"bucket must be one of {', '.join(get_args(Bucket))}.")
    return cast("Bucket", name)


def _moment(query: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    """A date (its midnight) or a time in ISO 8601; without an offset it is in the zone."""
    text = query.get(name)
    if text is None:
        return None
    try:
        # In a query a plus sign arrives as a space.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _malformed(f"{name} must be a date or time in ISO 8601, such as 2026-11-22.") from error


def _end_of_bucket(bucket: Bucket, now: datetime, zone: ZoneInfo) -> datetime:
    if bucket == "hour":
        return edges("hour", now, now + timedelta(microseconds=1), zone)[-1]
    first = floor_day(bucket, now.astimezone(zone).date())
    return datetime.combine(next_day(bucket, first), time(), zone).astimezone(UTC)


def _default_start(bucket: Bucket, end: datetime, zone: ZoneInfo) -> datetime:
    count = DEFAULT_BUCKETS[bucket]
    if bucket == "hour":
        return end - timedelta(hours=count)
    last = floor_day(bucket, (end - timedelta(microseconds=1)).astimezone(zone).date())
    return datetime.combine(next_day(bucket, last, 1 - count), time(), zone).astimezone(UTC)


def _filters(query: Mapping[str, str], start: datetime | None, end: datetime | None) -> Filters:
    return Filters(
        start=start,
        end=end,
        language=query.get("language") or None,
        channel=query.get("channel") or None,
        agent=query.get("agent") or None,
        service_sid=query.get("serviceSid") or None,
    )


def _before(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode("ascii")), type=_Cursor)
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        raise _malformed("cursor is not one of ours.") from error
    return found.started_at, found.key


def _malformed(sentence: str) -> Problem:
    return Problem(400, sentence, code=40000)
