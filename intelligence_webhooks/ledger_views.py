"""What is asked of the ledger: open work, current results, events with their state, dead letters, counts."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from shared.records import DeadLetter, IntelEvent, IntelResult

# Rows looked at for work; more events of one conversation than this wait for those before them.
LOOK_AHEAD = 64
NO_LATER_ID = "~"  # sorts behind every id
STATE = (
    "CASE WHEN e.kind = 'unknown' THEN 'unknown' WHEN o.event_id IS NOT NULL THEN 'open'"
    " ELSE COALESCE(a.how, 'open') END"
)

_event_decoder = msgspec.json.Decoder(IntelEvent)
_result_decoder = msgspec.json.Decoder(IntelResult)
_dead_letter_decoder = msgspec.json.Decoder(DeadLetter)


@dataclass(frozen=True, slots=True)
class Work:
    """An event that waits for its result; `subject` is its transcript or conversation, `tries` counts failures."""

    event: IntelEvent
    subject: str
    tries: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all that the journals hold; `oldest_unresolved_s` is an age, null when nothing waits."""

    received: int
    unknown: int
    unresolved: int
    results: int
    unparsed: int
    dead_letters: int
    skipped_lines: int
    erased: int
    oldest_unresolved_s: float | None


class EventView(msgspec.Struct, kw_only=True):
    """An event in a list; `due_at` is when it is tried next, `reason` why it became a dead letter."""

    id: str
    at: datetime
    kind: str
    state: Literal["open", "resolved", "dead", "unknown"]
    subject: str
    tries: int = 0
    due_at: datetime | None = None
    reason: str | None = None
    replay_of: str = ""


class LedgerViews:
    """The reading side of the ledger. Safe to use from any thread.

    It has connections of its own: in SQLite's write-ahead mode a reader sees the last commit and never waits for a
    writer. One is for keys alone, so that a webhook waits neither for the ledger to catch up nor for a long list.
    """

    def __init__(self, view: sqlite3.Connection, keys: sqlite3.Connection) -> None:
        self._reading, self._looking_up = threading.Lock(), threading.Lock()
        self._view, self._keys = view, keys

    def knows(self, keys: Iterable[str]) -> bool:
        """True when an event with any of these keys has been taken in."""
        with self._looking_up:
            return first_known(self._keys, keys) is not None

    def has_result(self, subject: str) -> bool:
        """True when there is a result for this transcript or conversation."""
        return bool(self._rows("SELECT 1 FROM results WHERE subject = ?", subject))

    def due(self, limit: int, busy: Iterable[str] = ()) -> list[Work]:
        """Open events whose time has come, those first that wait longest: one per subject, none of the `busy`."""
        taken = set(busy)
        rows = self._rows(
            "SELECT line, subject, tries FROM open_events WHERE due_s <= ? ORDER BY due_s, event_id LIMIT ?",
            time.time(),
            LOOK_AHEAD + len(taken),
        )
        found: dict[str, Work] = {}
        for line, subject, tries in rows:
            if subject not in taken and subject not in found and len(found) < limit:
                found[subject] = Work(_event_decoder.decode(line), subject, tries)
        return list(found.values())

    def result(self, subject: str) -> IntelResult | None:
        """The current result of a transcript or conversation."""
        rows = self._rows("SELECT line FROM results WHERE subject = ?", subject)
        return _result_decoder.decode(rows[0][0]) if rows else None

    def results(
        self, limit: int, before_id: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[IntelResult]:
        """Current results, newest first, those older than `before_id`; `where` maps SQL conditions to values."""
        conditions = {"id < ?": before_id or NO_LATER_ID, **(where or {})}
        return [_result_decoder.decode(line) for (line,) in self._newest("line FROM results", conditions, limit)]

    def events(
        self, limit: int, before_id: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[EventView]:
        """Accepted events with what became of them, newest first."""
        conditions = {"e.event_id < ?": before_id or NO_LATER_ID, **(where or {})}
        rows = self._newest(
            f"e.event_id AS id, e.at_s, e.kind, {STATE}, e.subject, o.tries, o.due_s, d.reason, e.replay_of"
            " FROM events e LEFT JOIN answered a USING (event_id) LEFT JOIN open_events o USING (event_id)"
            " LEFT JOIN dead_letters d ON a.how = 'dead' AND d.event_id = e.event_id",
            conditions,
            limit,
        )
        return [_event_view(row) for row in rows]

    def dead_letters(
        self, limit: int, before_id: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[DeadLetter]:
        """Dead letters that nobody has replayed, newest first, those older than `before_id`."""
        source = "line FROM dead_letters"
        conditions = {"id < ?": before_id or NO_LATER_ID, **(where or {})}
        rows = self._newest(source, conditions, limit, "id NOT IN (SELECT dead_letter_id FROM replayed)")
        return [_dead_letter_decoder.decode(line) for (line,) in rows]

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """The dead letter with this id, replayed or not."""
        rows = self._rows("SELECT line FROM dead_letters WHERE id = ?", letter_id)
        return _dead_letter_decoder.decode(rows[0][0]) if rows else None

    def is_replayed(self, letter_id: str) -> bool:
        return bool(self._rows("SELECT 1 FROM replayed WHERE dead_letter_id = ?", letter_id))

    def totals(self) -> Totals:
        """The counts for `/status`."""
        (row,) = self._rows(
            "SELECT (SELECT COUNT(*) FROM open_events), (SELECT MIN(received_s) FROM open_events),"
            " (SELECT COUNT(*) FROM results), (SELECT COALESCE(SUM(unparsed), 0) FROM results),"
            " (SELECT COUNT(*) FROM dead_letters WHERE id NOT IN (SELECT dead_letter_id FROM replayed))"
        )
        counts = dict(self._rows("SELECT name, n FROM counts"))
        unresolved, oldest_s, results, unparsed, dead = row
        return Totals(
            received=counts.get("received", 0),
            unknown=counts.get("unknown", 0),
            unresolved=unresolved,
            results=results,
            unparsed=unparsed,
            dead_letters=dead,
            skipped_lines=counts.get("skipped_lines", 0),
            erased=counts.get("erased", 0),
            oldest_unresolved_s=None if oldest_s is None else max(0.0, round(time.time() - oldest_s, 3)),
        )

    def lag_s(self) -> float:
        """How long the oldest event has waited that is not put off; 0 when the resolver keeps up."""
        now_s = time.time()
        ((oldest_s,),) = self._rows("SELECT MIN(MAX(received_s, due_s)) FROM open_events WHERE due_s <= ?", now_s)
        return 0.0 if oldest_s is None else max(0.0, round(now_s - oldest_s, 3))

    @property
    def watermark(self) -> datetime | None:
        """Up to when reconcile has looked; None before the first time."""
        return self._time("watermark")

    @property
    def archived_until(self) -> datetime | None:
        """When the data was cleared last: reconcile does not look behind it."""
        return self._time("archived_until")

    def _time(self, name: str) -> datetime | None:
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return datetime.fromisoformat(rows[0][0]) if rows else None

    def _newest(
        self, source: str, conditions: Mapping[str, Any], limit: int, *fixed: str
    ) -> Sequence[tuple[Any, ...]]:
        # The conditions are texts of this package; what a client sends is only ever a bound value.
        wanted = " AND ".join([*fixed, *conditions])
        statement = f"SELECT {source} WHERE {wanted} ORDER BY id DESC LIMIT ?"
        return self._rows(statement, *conditions.values(), limit)

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading:
            return self._view.execute(statement, values).fetchall()


def first_known(db: sqlite3.Connection, keys: Iterable[str]) -> str | None:
    """The event that one of these keys belongs to."""
    for key in keys:
        found = db.execute("SELECT event_id FROM keys WHERE key = ?", (key,)).fetchone()
        if found:
            return str(found[0])
    return None


def _event_view(row: tuple[Any, ...]) -> EventView:
    event_id, at_s, kind, state, subject, tries, due_s, reason, replay_of = row
    return EventView(
        id=event_id,
        at=datetime.fromtimestamp(at_s, UTC),
        kind=kind,
        state=state,
        subject=subject,
        tries=tries or 0,
        due_at=datetime.fromtimestamp(due_s, UTC) if due_s else None,
        reason=reason,
        replay_of=replay_of,
    )
