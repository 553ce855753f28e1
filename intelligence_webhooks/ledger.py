"""What follows from the journals: known events, open work, current results, dead letters.

Everything here is derived. One SQLite file holds the data and the journal positions it stands for, changed in one
transaction, so that a start costs the journals' tail; the file may be thrown away at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from intelligence_webhooks.ledger_file import connect, open_ledger_file, transaction
from intelligence_webhooks.ledger_views import LedgerViews, first_known
from shared.journal_reader import Entry, JournalReader, Position
from shared.person import Person, is_erased, masked
from shared.records import AnyRecord, Cleared, DeadLetter, Erased, IntelEvent, IntelResult, decode
from shared.segments import archived_paths
from shared.tombstones import Tombstones

FILE_NAME = "intelligence.sqlite"
# Events before what answers them, so that an answer finds its event.
STREAMS = ("intel_events", "intel_results", "dead_letters")
IDEMPOTENCY_HEADER = "i-twilio-idempotency-token"
ERASED = "erased"  # the reason of a dead letter that only says: this event is answered for good
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Ledger(LedgerViews):
    """The derived state of one DATA_DIR. Safe to use from any thread."""

    def __init__(self, data_dir: Path, tombstones: Tombstones | None = None) -> None:
        self._lock = threading.RLock()
        self._db = open_ledger_file(data_dir / FILE_NAME)
        super().__init__(connect(data_dir / FILE_NAME), connect(data_dir / FILE_NAME))
        self._data_dir = data_dir
        self._tombstones = tombstones or Tombstones(data_dir)
        stored = dict(self._db.execute("SELECT stream, value FROM positions").fetchall())
        self._readers = {
            stream: JournalReader(
                data_dir, stream, msgspec.json.decode(stored.get(stream, b"{}"), type=dict[str, Position])
            )
            for stream in STREAMS
        }
        if not stored:
            self._learn_archive()

    def close(self) -> None:
        with self._lock, self._reading, self._looking_up:
            for db in (self._keys, self._view, self._db):
                db.close()

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

    def _apply(self, raw: bytes, *, archived: bool = False) -> None:
        try:
            record = decode(raw)
        except UNREADABLE:
            self._count("skipped_lines")
            return
        if is_erased(raw, self._tombstones):  # from a restored copy, perhaps
            self._count("erased")
            return
        self._apply_record(record, raw, archived)

    def _apply_record(self, record: AnyRecord, raw: bytes, archived: bool) -> None:
        match record:
            case IntelEvent():
                self._apply_event(record, raw)
            case IntelResult():
                self._answer(record.event_id, "resolved")
                if not archived:
                    self._put_result(record, raw)
            case DeadLetter():
                self._answer(record.event_id, "dead")
                if not archived and record.reason != ERASED:
                    row = (record.id, record.reason, record.event_id, raw)
                    self._db.execute("INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?)", row)
            case Cleared():
                self._clear(record)
            case Erased():
                self._count("erased")
            case _:
                self._count("skipped_lines")

    def _apply_event(self, event: IntelEvent, raw: bytes) -> None:
        if event.replay_of:
            self._db.execute("INSERT OR IGNORE INTO replayed VALUES (?)", (event.replay_of,))
        elif first_known(self._db, keys_of(event)) is not None:
            return
        else:
            self._count("received")
        for key in keys_of(event):
            self._db.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, event.id))
        subject = event.transcript_sid or event.conversation_sid or event.id
        self._db.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?)",
            (event.id, event.kind, subject, event.at.timestamp(), event.replay_of),
        )
        if event.kind == "unknown":
            self._count("unknown")
            return
        self._db.execute(
            "INSERT OR IGNORE INTO open_events (event_id, subject, received_s, line)"
            " SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM answered WHERE event_id = ?)",
            (event.id, subject, event.at.timestamp(), raw, event.id),
        )

    def _put_result(self, result: IntelResult, raw: bytes) -> None:
        flag = result.escalation_requested
        row = {
            "subject": result.transcript_sid or result.conversation_sid or result.id,
            "id": result.id,
            "call_sid": result.call_sid,
            "service_sid": result.service_sid,
            "source": result.source,
            "channel": result.channel,
            "language": result.language,
            "sentiment": result.sentiment,
            "band": result.legal_risk.band if result.legal_risk else None,
            "escalation": None if flag is None else int(flag),
            "unparsed": sum(not outcome.parsed for outcome in result.operators),
            "started_s": (result.started_at or result.at).timestamp(),
            "line": raw,
        }
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT OR REPLACE INTO results VALUES ({marks})", (*row.values(),))  # noqa: S608

    def _answer(self, event_id: str, how: str) -> None:
        if event_id:
            self._db.execute("INSERT OR IGNORE INTO answered VALUES (?, ?)", (event_id, how))
            self._db.execute("DELETE FROM open_events WHERE event_id = ?", (event_id,))

    # ---- clearing and erasing ----

    def _clear(self, record: Cleared) -> None:
        """What was answered is not shown any more; what is still in the segments is read once more."""
        self._set_meta("archived_until", record.until)
        for table in ("results", "dead_letters"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - names from above
        self._db.execute(
            "DELETE FROM events WHERE event_id < ? AND event_id NOT IN (SELECT event_id FROM open_events)",
            (record.id,),
        )
        for stream in ("intel_results", "dead_letters"):
            self._readers[stream].positions = {}
            self._db.execute("DELETE FROM positions WHERE stream = ?", (stream,))

    def _learn_archive(self) -> None:
        """A new file learns from cleared segments which events are known, and which of them were still open."""
        with self._lock, transaction(self._db):
            for stream in STREAMS:
                for path in archived_paths(self._data_dir, stream):
                    for raw in _lines(path):
                        self._apply(raw, archived=True)

    def erase(self, who: Person, tombstones: Tombstones) -> int:
        """Removes a person's rows and masks mentions; how many rows. The write-ahead log is emptied as well."""
        changed = 0
        with self._lock:
            with transaction(self._db):
                for table, key in (("results", "subject"), ("dead_letters", "id"), ("open_events", "event_id")):
                    changed += self._erase_lines(table, key, who, tombstones)
                for event_id, subject in self._db.execute("SELECT event_id, subject FROM events").fetchall():
                    if tombstones.covers([subject]):
                        for table in ("events", "answered", "keys"):
                            self._db.execute(f"DELETE FROM {table} WHERE event_id = ?", (event_id,))  # noqa: S608
                        changed += 1
            with self._reading, self._looking_up:  # a reader at work would keep the log from being emptied
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return changed

    def _erase_lines(self, table: str, key: str, who: Person, tombstones: Tombstones) -> int:
        changed = 0
        for value, line in self._db.execute(f"SELECT {key}, line FROM {table}").fetchall():  # noqa: S608
            clean = masked(line, who, tombstones)
            if is_erased(line, tombstones):
                self._db.execute(f"DELETE FROM {table} WHERE {key} = ?", (value,))  # noqa: S608
            elif clean != line:
                self._db.execute(f"UPDATE {table} SET line = ? WHERE {key} = ?", (clean, value))  # noqa: S608
            else:
                continue
            changed += 1
        return changed

    def expire(self, before: datetime) -> int:
        """Removes what was written before this time and waits for nothing; how many rows. Keys stay known."""
        oldest_id = f"{int(before.timestamp() * 1000):012x}"
        done = "event_id < ? AND event_id NOT IN (SELECT event_id FROM open_events)"
        with self._lock, transaction(self._db):
            removed = self._db.execute("DELETE FROM results WHERE id < ?", (oldest_id,)).rowcount
            removed += self._db.execute("DELETE FROM dead_letters WHERE id < ?", (oldest_id,)).rowcount
            for table in ("events", "answered"):
                removed += self._db.execute(f"DELETE FROM {table} WHERE {done}", (oldest_id,)).rowcount  # noqa: S608
        return removed

    # ---- the resolver's and reconcile's marks ----

    def postpone(self, event_id: str, delay_s: float) -> None:
        """Counts a failed try and leaves the event alone for `delay_s`."""
        with self._lock:
            self._db.execute(
                "UPDATE open_events SET tries = tries + 1, due_s = ? WHERE event_id = ?",
                (time.time() + delay_s, event_id),
            )

    def move_watermark(self, at: datetime) -> None:
        """Reconcile has looked up to this time."""
        with self._lock:
            self._set_meta("watermark", at)

    def _set_meta(self, name: str, at: datetime) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, at.isoformat()))

    def _count(self, name: str) -> None:
        self._db.execute("INSERT INTO counts VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET n = n + 1", (name,))


def keys_of(event: IntelEvent) -> tuple[str, ...]:
    """What an event is known again by: its natural key, and Twilio's idempotency token where there was one.

    The token alone would not do: it is not covered by the signature, so that a replayed request may bring any.
    """
    token = event.headers.get(IDEMPOTENCY_HEADER)
    return (event.event_key, f"token:{token}") if token else (event.event_key,)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
