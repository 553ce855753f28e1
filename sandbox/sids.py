"""Identifiers and dates as Twilio writes them."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def new_sid(prefix: str) -> str:
    """A new SID: the two letters of its kind and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


def derived_sid(prefix: str, *parts: str) -> str:
    """A SID that is always the same for the same parts, for things that every start makes again."""
    return prefix + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def is_sid(text: str, prefix: str) -> bool:
    return re.fullmatch(prefix + "[0-9a-fA-F]{32}", text) is not None


def now_text() -> str:
    return date_text(datetime.now(UTC))


def date_text(moment: datetime) -> str:
    """A moment in ISO 8601 with seconds, in UTC: 2015-12-16T22:18:37Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_date(text: str) -> datetime:
    """The moment of an ISO 8601 date or date-time, in UTC when it names no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """The length of an ISO 8601 duration such as PT10M or P1DT2H. Raises ValueError."""
    match = DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"{text!r} is not an ISO 8601 duration")
    days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
