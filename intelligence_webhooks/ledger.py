"""What follows from the journals: known events, open work, current results, dead letters.

Everything here is derived. One SQLite file holds the data and the journal positions it stands for, changed in one
transaction, so that a start costs the journals' tail; the file may be thrown away at any time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from intelligence_webhooks import payload
from intelligence_webhooks.payload import BadPayload
from shared.journal_reader import Entry, JournalReader, Position
from shared.records import AnyRecord, DeadLetter, IntelEvent, IntelResult, decode

FILE_NAME = "intelligence.sqlite"
SCHEMA_VERSION = 1
# Events before what answers them, so that an answer always finds its event.
STREAMS = ("intel_events", "intel_results", "dead_letters")
SCHEMA = """
CREATE TABLE positions (stream TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE keys (key TEXT PRIMARY KEY, event_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answered (event_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE open_events (event_id TEXT PRIMARY KEY, subject TEXT NOT NULL, received_s REAL NOT NULL,
    line BLOB NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due_s REAL NOT NULL DEFAULT 0);
CREATE TABLE results (subject TEXT PRIMARY KEY, id TEXT NOT NULL, line BLOB NOT NULL);
CREATE INDEX results_by_id ON results (id);
CREATE TABLE dead_letters (id TEXT PRIMARY KEY, line BLOB NOT NULL);
CREATE TABLE replayed (dead_letter_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Work:
    """An event that waits for its result; `subject` is the transcript or conversation, `tries` those that failed."""

    event: IntelEvent
    subject: str
    tries: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all that the journals hold; `oldest_unresolved_s` is the age in seconds, null when none waits."""

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
        self._db = _open(data_dir / FILE_NAME)
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
            with self._transaction():
                for line in lines:
                    self._apply(line.raw) if isinstance(line, Entry) else self._count("skipped_lines")
                self._db.execute(
                    "INSERT OR REPLACE INTO positions VALUES (?, ?)", (stream, msgspec.json.encode(reader.positions))
                )
        except sqlite3.Error:
            reader.positions = before
            raise
        return len(lines)

    def _apply(self, raw: bytes) -> None:
        try:
            record = decode(raw)
        except msgspec.MsgspecError:
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
        """Open events whose time has come, oldest first, at most one per subject and none of the `busy` subjects."""
        rows = self._rows(
            "SELECT line, subject, tries, MIN(event_id) FROM open_events WHERE due_s <= ?"
            " AND subject NOT IN (SELECT value FROM json_each(?)) GROUP BY subject ORDER BY MIN(event_id) LIMIT ?",
            time.time(),
            msgspec.json.encode(list(busy)).decode(),
            limit,
        )
        return [Work(_as(IntelEvent, line), subject, tries) for line, subject, tries, _ in rows]

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
        return _as(IntelResult, rows[0][0]) if rows else None

    def results(self, limit: int, before_id: str | None = None) -> list[IntelResult]:
        """Current results, newest first, those older than `before_id`."""
        rows = self._rows(
            "SELECT line FROM results WHERE id < ? ORDER BY id DESC LIMIT ?", before_id or "~", limit
        )
        return [_as(IntelResult, line) for (line,) in rows]

    def dead_letters(self, limit: int, before_id: str | None = None) -> list[DeadLetter]:
        """Dead letters that nobody has replayed, newest first, those older than `before_id`."""
        rows = self._rows(
            "SELECT line FROM dead_letters WHERE id < ? AND id NOT IN (SELECT dead_letter_id FROM replayed)"
            " ORDER BY id DESC LIMIT ?",
            before_id or "~",
            limit,
        )
        return [_as(DeadLetter, line) for (line,) in rows]

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """The dead letter with this id, replayed or not."""
        rows = self._rows("SELECT line FROM dead_letters WHERE id = ?", letter_id)
        return _as(DeadLetter, rows[0][0]) if rows else None

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
        self._db.execute(
            "INSERT INTO counts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1", (name,)
        )

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def keys_of(event: IntelEvent) -> tuple[str, ...]:
    """The keys by which an event is known again: its own, and the natural key of its body."""
    with contextlib.suppress(BadPayload):
        return tuple(dict.fromkeys((event.event_key, payload.parse(event.body.encode()).natural_key)))
    return (event.event_key,)


def _as[T](type_: type[T], line: bytes) -> T: ...


def _open(path: Path) -> sqlite3.Connection:
    """The database, made anew when it is missing, damaged or of another version."""
    for _ in range(2):
        db = _connect(path)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version == SCHEMA_VERSION and db.execute("SELECT COUNT(*) FROM positions").fetchone():
                return db
            if version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
                return db
        except sqlite3.DatabaseError:
            pass
        db.close()
    raise sqlite3.DatabaseError(f"{path.name} cannot be made anew")
