"""Questions as they come in a URL, parsed into typed values. Everything malformed is a Problem 400."""

from __future__ import annotations

import base64
import binascii
import functools
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast, get_args
from zoneinfo import ZoneInfo

import msgspec
from multidict import MultiMapping

from shared.problem import Problem
from signal_analytics.filters import SIGNALS, Filters
from signal_analytics.periods import Bucket, TooManyBuckets, edges, floor_day, next_day
from signal_analytics.tallies import DIMENSIONS, Question

# How many buckets are shown when no beginning is named.
DEFAULT_BUCKETS: dict[Bucket, int] = {"hour": 24, "day": 30, "week": 12, "month": 12, "quarter": 8, "year": 5}
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Aggregates:
    """What GET /api/aggregates asks: buckets of a zone, perhaps by a property, perhaps beside another period."""

    zone: ZoneInfo
    bucket: Bucket
    question: Question
    compared: Question | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What GET /api/calls asks: one page of the calls of the filters."""

    filters: Filters
    limit: int
    before: tuple[datetime, str] | None


class _Cursor(msgspec.Struct, array_like=True):
    started_at: datetime
    key: str


def parse_aggregates(query: Mapping[str, str], now: datetime, default: Bucket = "day") -> Aggregates:
    """The question for buckets. Raises Problem 400 naming the parameter at fault."""
    zone = parse_zone(query)
    bucket = _bucket(query, default)
    end = _moment(query, "to", zone) or _end_of_bucket(bucket, now, zone)
    start = _moment(query, "from", zone) or _default_start(bucket, end, zone)
    if start >= end:
        raise _malformed("from must be before to.")
    filters = parse_filters(query, start, end)
    question = Question(_edges(bucket, start, end, zone), filters, _by(query))
    return Aggregates(zone, bucket, question, _compared(query, question, bucket, zone))


def parse_today(query: Mapping[str, str], now: datetime) -> tuple[date, Aggregates]:
    """Today's date in the zone that is asked for, and the question for it. Raises Problem 400."""
    zone = parse_zone(query)
    today = now.astimezone(zone).date()
    start = datetime.combine(today, time(), zone).astimezone(UTC)
    end = datetime.combine(today + timedelta(days=1), time(), zone).astimezone(UTC)
    return today, Aggregates(zone, "day", Question([start, end], parse_filters(query, start, end)))


def parse_page(query: Mapping[str, str]) -> Page:
    """The question for a page of calls. Raises Problem 400."""
    zone = parse_zone(query)
    filters = parse_filters(query, _moment(query, "from", zone), _moment(query, "to", zone))
    return Page(filters, parse_limit(query), _before(query.get("cursor")))


def parse_limit(query: Mapping[str, str]) -> int:
    """`limit`, cut to the largest; DEFAULT_LIMIT when absent. Raises Problem 400."""
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise _malformed("limit must be a positive whole number.")
    return min(int(text[:9]), MAX_LIMIT)


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


def _bucket(query: Mapping[str, str], default: Bucket) -> Bucket:
    name = query.get("bucket", default)
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


def parse_filters(query: Mapping[str, str], start: datetime | None, end: datetime | None) -> Filters:
    """The filters of a question about calls that start in [start, end). Raises Problem 400."""
    signal = query.get("signal") or None
    if signal is not None and signal not in SIGNALS:
        raise _malformed(f"signal must be one of {', '.join(SIGNALS)}.")
    return Filters(
        start=start,
        end=end,
        language=_several(query, "language"),
        channel=_several(query, "channel"),
        agent=_several(query, "agent"),
        direction=_several(query, "direction"),
        service_sid=_several(query, "serviceSid"),
        segment=_segment(query.get("segment")),
        signal=signal,
        finding=query.get("finding") or None,
        caller=query.get("caller", "").strip().replace(" ", "+") or None,
    )


def _several(query: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The values of a parameter that may be repeated, or hold several with commas between them."""
    texts = query.getall(name, []) if isinstance(query, MultiMapping) else [query.get(name, "")]
    return tuple(dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip()))


def _segment(text: str | None) -> tuple[str, str] | None:
    if not text:
        return None
    trait, colon, value = text.partition(":")
    if not (trait and colon and value):
        raise _malformed("segment must be TRAIT:VALUE, such as plan:gold.")
    return trait, value


def _by(query: Mapping[str, str]) -> str | None:
    by = query.get("by") or None
    if by is None or by in DIMENSIONS or (by.startswith("segment:") and len(by) > len("segment:")):
        return by
    raise _malformed(f"by must be one of {', '.join(DIMENSIONS)} or segment:TRAIT.")


def _edges(bucket: Bucket, start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    try:
        return edges(bucket, start, end, zone)
    except (TooManyBuckets, OverflowError, ValueError) as error:
        raise _malformed("The period holds too many buckets: choose larger ones.") from error


def _compared(query: Mapping[str, str], question: Question, bucket: Bucket, zone: ZoneInfo) -> Question | None:
    """The period to compare with: as many buckets before, the same a year before, or FROM..TO."""
    text = query.get("compare") or None
    if text is None:
        return None
    first, last = question.filters.start or question.edges[0], question.filters.end or question.edges[-1]
    try:
        match text.split(".."):
            case ["previous"]:
                start, end = _periods_before(bucket, question.edges, zone), question.edges[0]
            case ["year"]:
                start, end = _year_before(first, zone), _year_before(last, zone)
            case [_, _]:
                named = dict(zip(("compare from", "compare to"), text.split(".."), strict=True))
                start, end = (_moment(named, name, zone) for name in named)  # type: ignore[assignment]
            case _:
                raise _malformed("compare must be previous, year, or FROM..TO.")
    except (OverflowError, ValueError) as error:
        raise _malformed("compare reaches before the year 1.") from error
    if not start or not end or start >= end:
        raise _malformed("compare must be a period: its beginning before its end.")
    return Question(_edges(bucket, start, end, zone), question.filters.between(start, end))


def _periods_before(bucket: Bucket, edges_: Sequence[datetime], zone: ZoneInfo) -> datetime:
    count = len(edges_) - 1
    if bucket == "hour":
        return edges_[0] - timedelta(hours=count)
    first = edges_[0].astimezone(zone).date()
    return datetime.combine(next_day(bucket, floor_day(bucket, first), -count), time(), zone).astimezone(UTC)


def _year_before(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    day = min(local.day, 28) if local.month == 2 else local.day  # 29 February has no day a year before
    return local.replace(year=local.year - 1, day=day).astimezone(UTC)


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
