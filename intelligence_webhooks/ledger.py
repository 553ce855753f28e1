"""What follows from the journals: known events, open work, current results, dead letters.

Everything here is derived. One SQLite file holds the data and the journal positions it stands for, changed in one
transaction, so that a start costs the journals' tail; the file may be thrown away at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from intelligence_webhooks.ledger_file import open_ledger_file, transaction
from shared.journal_reader import Entry, JournalReader, Position
from shared.records import AnyRecord, DeadLetter, IntelEvent, IntelResult, decode

FILE_NAME = "intelligence.sqlite"
# Events before what answers them, so that an answer finds its event.
STREAMS = ("intel_events", "intel_results", "dead_letters")
IDEMPOTENCY_HEADER = "i-twilio-idempotency-token"
# Rows looked at for work; more events of one conversation than this wait for those before them.
LOOK_AHEAD = 64
NO_LATER_ID = "~"  # sorts behind every id
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

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
    dead_letters: int
    skipped_lines: int
    oldest_unresolved_s: float | None


class Ledger:
    """The derived state of one DATA_DIR. Safe to use from any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._lock = threading.Lock()
        self._db = open_ledger_file(data_dir / FILE_NAME)
        stored = dict(self._db.execute("SELECT stream, value FROM positions").fetchall())
        self._readers = {
            stream: JournalReader(
                data_dir, stream, msgspec.json.decode(stored.get(stream, b"{}"), type=dict[str, Position])
            )
            for stream in STREAMS
        }

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # ---- following the journals ----

    def catch_up(self) -> int:
        """How many lines were taken in; afterwards the state stands for all that the journals held at the call."""
        taken = 0
        with self._lock:
            for stream in STREAMS:
                while lines := self._take(stream):
                    taken += lines
        return taken

    def _take(self, stream: str) -> int:
        reader = self._readers[stream]
        before = dict(reader.positions)
        lines = reader.read()
        if not lines:
            return 0
        try:
            with transaction(self._db):
                for line in lines:
                    self._apply(line.raw) if isinstance(line, Entry) else self._count("skipped_lines")
                self._db.execute(
                    "INSERT OR REPLACE INTO positions VALUES (?, ?)",
                    (stream, msgspec.json.encode(reader.positions)),
                )
        except BaseException:
            reader.positions = before
            raise
        return len(lines)

    def _apply(self, raw: bytes) -> None:
        try:
            record = decode(raw)
        except UNREADABLE:
            self._count("skipped_lines")
            return
        self._apply_record(record, raw)

    def _apply_record(self, record: AnyRecord, raw: bytes) -> None:
        match record:
            case IntelEvent():
                self._apply_event(record, raw)
            case IntelResult():
                self._answer(record.event_id)
                subject = record.transcript_sid or record.conversation_sid or record.id
                self._db.execute(
                    "INSERT INTO results VALUES (?, ?, ?) ON CONFLICT (subject) DO UPDATE"
                    " SET id = excluded.id, line = excluded.line",
                    (subject, record.id, raw),
                )
            case DeadLetter():
                self._answer(record.event_id)
                self._db.execute("INSERT OR IGNORE INTO dead_letters VALUES (?, ?)", (record.id, raw))
            case _:
                self._count("skipped_lines")

    def _apply_event(self, event: IntelEvent, raw: bytes) -> None:
        if event.replay_of:
            self._db.execute("INSERT OR IGNORE INTO replayed VALUES (?)", (event.replay_of,))
        elif self._first_known(keys_of(event)) is not None:
            return
        else:
            self._count("received")
        for key in keys_of(event):
            self._db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, event.id))
        if event.kind == "unknown":
            self._count("unknown")
            return
        subject = event.transcript_sid or event.conversation_sid or event.id
        self._db.execute(
            "INSERT OR IGNORE INTO open_events (event_id, subject, received_s, line)"
            " SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM answered WHERE event_id = ?)",
            (event.id, subject, event.at.timestamp(), raw, event.id),
        )

    def _answer(self, event_id: str) -> None:
        if event_id:
            self._db.execute("INSERT OR IGNORE INTO answered VALUES (?)", (event_id,))
            self._db.execute("DELETE FROM open_events WHERE event_id = ?", (event_id,))

    # ---- asking ----

    def knows(self, keys: Iterable[str]) -> bool:
        """True when an event with any of these keys has been taken in."""
        with self._lock:
            return self._first_known(keys) is not None

    def has_result(self, subject: str) -> bool:
        """True when there is a result for this transcript or conversation."""
        return bool(self._rows("SELECT 1 FROM results WHERE subject = ?", subject))

    def due(self, limit: int, busy: Iterable[str] = ()) -> list[Work]:
        """Open events whose time has come, those first that wait longest: one per subject, none of the `busy`."""
        rows = self._rows(
            "SELECT line, subject, tries FROM open_events WHERE due_s <= ? ORDER BY due_s, event_id LIMIT ?",
            time.time(),
            LOOK_AHEAD,
        )
        found: dict[str, Work] = {}
        taken = set(busy)
        for line, subject, tries in rows:
            if subject not in taken and len(found) < limit:
                found.setdefault(subject, Work(_event_decoder.decode(line), subject, tries))
        return list(found.values())

    def postpone(self, event_id: str, delay_s: float) -> None:
        """Counts a failed try and leaves the event alone for `delay_s`."""
        with self._lock:
            self._db.execute(
                "UPDATE open_events SET tries = tries + 1, due_s = ? WHERE event_id = ?",
                (time.time() + delay_s, event_id),
            )

    def result(self, subject: str) -> IntelResult | None:
        """The current result of a transcript or conversation."""
        rows = self._rows("SELECT line FROM results WHERE subject = ?", subject)
        return _result_decoder.decode(rows[0][0]) if rows else None

    def results(self, limit: int, before_id: str | None = None) -> list[IntelResult]:
        """Current results, newest first, those older than `before_id`."""
        rows = self._rows(
            "SELECT line FROM results WHERE id < ? ORDER BY id DESC LIMIT ?", before_id or NO_LATER_ID, limit
        )
        return [_result_decoder.decode(line) for (line,) in rows]

    def dead_letters(self, limit: int, before_id: str | None = None) -> list[DeadLetter]:
        """Dead letters that nobody has replayed, newest first, those older than `before_id`."""
        rows = self._rows(
            "SELECT line FROM dead_letters WHERE id < ? AND id NOT IN (SELECT dead_letter_id FROM replayed)"
            " ORDER BY id DESC LIMIT ?",
            before_id or NO_LATER_ID,
            limit,
        )
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
            " (SELECT COUNT(*) FROM results),"
            " (SELECT COUNT(*) FROM dead_letters) - (SELECT COUNT(*) FROM replayed)"
        )
        counts = dict(self._rows("SELECT name, n FROM counts"))
        unresolved, oldest_s, results, dead = row
        return Totals(
            received=counts.get("received", 0),
            unknown=counts.get("unknown", 0),
            unresolved=unresolved,
            results=results,
            dead_letters=dead,
            skipped_lines=counts.get("skipped_lines", 0),
            oldest_unresolved_s=None if oldest_s is None else max(0.0, round(time.time() - oldest_s, 3)),
        )

    @property
    def watermark(self) -> datetime | None:
        """Up to when reconcile has looked; None before the first time."""
        rows = self._rows("SELECT value FROM meta WHERE name = 'watermark'")
        return datetime.fromisoformat(rows[0][0]) if rows else None

    @watermark.setter
    def watermark(self, at: datetime) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('watermark', ?)", (at.isoformat(),))

    # ---- inside ----

    def _first_known(self, keys: Iterable[str]) -> str | None:
        for key in keys:
            found = self._db.execute("SELECT event_id FROM keys WHERE key = ?", (key,)).fetchone()
            if found:
                return str(found[0])
        return None

    def _count(self, name: str) -> None:
        self._db.execute("INSERT INTO counts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1", (name,))

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()


def keys_of(event: IntelEvent) -> tuple[str, ...]:
    """What an event is known again by: its natural key, and Twilio's idempotency token where there was one.

    The token alone would not do: it is not covered by the signature, so that a replayed request may bring any.
    """
    token = event.headers.get(IDEMPOTENCY_HEADER)
    return (event.event_key, f"token:{token}") if token else (event.event_key,)
