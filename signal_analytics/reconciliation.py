"""One conversation as relay, Intelligence and Conversations saw it: where they differ, and in which calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from signal_analytics.filters import SIGNALS, Filters, stored_time

# Intelligence reports minutes after a call; a call that began so long ago and has no end lost it.
SETTLED = timedelta(minutes=15)
LONGEST_CALL = timedelta(hours=6)
ITEM = ("key", "call_sid", "transcript_sid", "conversation_sid", "started_at", "detail")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What differs: a sentence, a condition over `calls`, and SQL of what to show of each."""

    meaning: str
    condition: str
    detail: str = "NULL"


KINDS = {
    "result_missing": Mismatch(
        "The call ended more than 15 minutes ago and Intelligence has not reported on it.",
        "relay_ended AND NOT analysed AND ended_at < $settled",
        "reason",
    ),
    "call_missing": Mismatch(
        "Intelligence reported on a voice call that the relay did not see.",
        "analysed AND channel = 'voice' AND NOT relay_started AND NOT relay_ended",
    ),
    "never_ended": Mismatch(
        "The call began more than 6 hours ago and its end was never recorded.",
        "relay_started AND NOT relay_ended AND started_at < $long_ago",
    ),
    "start_missing": Mismatch(
        "The call's end was recorded and its beginning was not.", "relay_ended AND NOT relay_started", "reason"
    ),
    "duration_differs": Mismatch(
        "The durations of relay and Intelligence differ by more than 5 seconds and a tenth.",
        "abs(relay_duration_ms - intel_duration_ms) > greatest(5000, relay_duration_ms / 10)",
        "format('relay {} s, Intelligence {} s', relay_duration_ms / 1000, intel_duration_ms / 1000)",
    ),
    "language_differs": Mismatch(
        "The call began in one language and was transcribed in another.",
        "split_part(relay_language, '-', 1) <> split_part(intel_language, '-', 1)",
        "format('relay {}, Intelligence {}', relay_language, intel_language)",
    ),
    "escalation_differs": Mismatch(
        "The call was handed to a person and Intelligence heard nobody ask for one.",
        "escalated AND escalation_requested = false",
    ),
    "unscored": Mismatch(
        "Intelligence reported and no score could be read: redacted, or in an unknown wording.",
        SIGNALS["unscored"],
        "unparsed",
    ),
    "conversation_missing": Mismatch(
        "Intelligence names a conversation that Conversations never told us of.",
        "chat_sid IS NOT NULL AND chat_sid NOT IN (SELECT sid FROM chats)",
        "chat_sid",
    ),
}
UNANALYSED = "conversation_unanalysed"
UNANALYSED_MEANING = (
    "The conversation was closed more than 15 minutes ago and Intelligence has not reported on it."
)
_CLOSED = """
    SELECT sid, min(first_at) AS started_at, max(service_sid) AS service_sid FROM chats
    GROUP BY sid HAVING max(closed_at) < $settled
"""
_UNANALYSED = f"""
    SELECT * FROM ({_CLOSED}) WHERE sid NOT IN (SELECT chat_sid FROM results WHERE chat_sid IS NOT NULL)
        AND ($start::TIMESTAMP IS NULL OR started_at >= $start) AND ($end::TIMESTAMP IS NULL OR started_at < $end)
        AND (len($service) = 0 OR list_contains($service, service_sid))
"""


def mismatches(db: duckdb.DuckDBPyConnection, filters: Filters, now: datetime) -> dict[str, Any]:
    """How many calls each source saw, how many agree in all, and how many differ in what."""
    where, values = filters.where()
    kinds = ", ".join(f"count(*) FILTER (WHERE {found.condition})" for found in KINDS.values())
    some = " OR ".join(f"coalesce({found.condition}, false)" for found in KINDS.values())
    counts = f"""
        SELECT count(*) FILTER (WHERE relay_started OR relay_ended), count(*) FILTER (WHERE analysed),
            count(*) FILTER (WHERE relay_ended AND analysed AND NOT ({some})), {kinds}
        FROM calls WHERE {where}
    """
    ((relay, intelligence, matched, *numbers),) = db.execute(counts, values | _times(now)).fetchall()
    ((conversations,),) = db.execute("SELECT count(DISTINCT sid) FROM chats").fetchall()
    ((unanalysed,),) = db.execute(f"SELECT count(*) FROM ({_UNANALYSED})", _of_chats(filters, now)).fetchall()
    found = [
        {"kind": kind, "count": number, "meaning": KINDS[kind].meaning}
        for kind, number in zip(KINDS, numbers, strict=True)
    ]
    found.append({"kind": UNANALYSED, "count": unanalysed, "meaning": UNANALYSED_MEANING})
    return {
        "seen": {"relay": relay, "intelligence": intelligence, "conversations": conversations},
        "matched": matched,
        "mismatches": found,
    }


def listed_mismatches(
    db: duckdb.DuckDBPyConnection,
    kind: str,
    filters: Filters,
    now: datetime,
    rows: int,
    before: tuple[datetime, str] | None,
) -> list[dict[str, Any]]:
    """The calls (or conversations) of one kind, newest first."""
    if kind == UNANALYSED:
        values = _of_chats(filters, now)
        select = (
            "SELECT sid AS key, NULL AS call_sid, NULL AS transcript_sid, sid AS conversation_sid, started_at, "
            f"service_sid AS detail FROM ({_UNANALYSED})"
        )
    else:
        where, values = filters.where()
        needed = {name: value for name, value in _times(now).items() if f"${name}" in KINDS[kind].condition}
        values |= needed
        select = (
            f"SELECT key, call_sid, transcript_sid, conversation_sid, started_at, {KINDS[kind].detail} AS detail "
            f"FROM calls WHERE {where} AND ({KINDS[kind].condition})"
        )
    page = ""
    if before is not None:
        page = "WHERE (started_at, key) < ($before_start::TIMESTAMP, $before_key::VARCHAR)"
        values |= {"before_start": stored_time(before[0]), "before_key": before[1]}
    statement = f"SELECT * FROM ({select}) {page} ORDER BY started_at DESC, key DESC LIMIT {rows}"
    return [_item(found) for found in db.execute(statement, values).fetchall()]


def _item(values: tuple[Any, ...]) -> dict[str, Any]:
    item = dict(zip(ITEM, values, strict=True))
    return item | {"started_at": item["started_at"].replace(tzinfo=UTC)}


def _times(now: datetime) -> dict[str, datetime | None]:
    return {"settled": stored_time(now - SETTLED), "long_ago": stored_time(now - LONGEST_CALL)}


def _of_chats(filters: Filters, now: datetime) -> dict[str, Any]:
    return {
        "settled": stored_time(now - SETTLED),
        "start": stored_time(filters.start),
        "end": stored_time(filters.end),
        "service": list(filters.service_sid),
    }
