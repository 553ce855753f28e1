"""What a list may be filtered by: names of the query, each with its SQL condition and how its value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from intelligence_webhooks.ledger_views import STATE
from shared.problem import Problem

Read = Callable[[str], Any]
PAGING = {"limit", "cursor"}


def _yes_or_no(text: str) -> int:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return int(text == "true")


def _moment(text: str) -> float:
    """Seconds of a time in ISO 8601, UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time such as 2026-11-20 or 2026-11-20T10:00:00Z") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _one_of(*words: str) -> Read:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return read


RESULTS: dict[str, tuple[str, Read]] = {
    "transcript_sid": ("subject = ?", str),
    "conversation_sid": ("subject IS ?", str),
    "call_sid": ("call_sid = ?", str),
    "service_sid": ("service_sid = ?", str),
    "source": ("source = ?", _one_of("v2", "v3")),
    "channel": ("channel = ?", str.lower),
    "language": ("language = ?", str),
    "sentiment": ("sentiment = ?", _one_of("positive", "neutral", "negative", "mixed")),
    "band": ("band = ?", _one_of("low", "medium", "high")),
    "escalation": ("escalation = ?", _yes_or_no),
    "unparsed": ("(unparsed > 0) = ?", _yes_or_no),
    "from": ("started_s >= ?", _moment),
    "to": ("started_s < ?", _moment),
}
EVENTS: dict[str, tuple[str, Read]] = {
    "state": (f"({STATE}) = ?", _one_of("open", "resolved", "dead", "unknown")),
    "kind": ("e.kind = ?", _one_of("v2", "v3", "unknown")),
    "transcript_sid": ("e.subject = ?", str),
    "conversation_sid": ("e.subject IS ?", str),
    "from": ("e.at_s >= ?", _moment),
    "to": ("e.at_s < ?", _moment),
}
DEAD_LETTERS: dict[str, tuple[str, Read]] = {"reason": ("reason = ?", str)}


def conditions(query: Mapping[str, str], known: Mapping[str, tuple[str, Read]], *others: str) -> dict[str, Any]:
    """The SQL conditions of a query with their values.

    Raises Problem 400 for a value that cannot be read, and for a name that is not known: a misspelt filter would
    otherwise show everything.
    """
    found = {}
    for name, text in query.items():
        if name in PAGING or name in others:
            continue
        if name not in known:
            raise Problem(400, f"There is no filter {name[:40]!r}; known are {', '.join(known)}.", code=40000)
        condition, read = known[name]
        try:
            found[condition] = read(text)
        except (ValueError, OverflowError) as error:
            raise Problem(400, f"{name} {error}.", code=40000) from error
    return found
