"""Webhook deliveries that are known already: each event is journalled once, however often it is delivered.

Twilio repeats deliveries, and a signed request can be replayed by whoever saw it, for ever: nothing in the
signature is a time. What is signed is therefore also the key. The keys live in a disposable SQLite file that
holds the journal position in the same transaction, so that a start reads only the journal's tail.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from shared.journal import Journal
from shared.journal_reader import BadLine, JournalReader, Position
from shared.records import ConversationEvent
from shared.telemetry import get_logger
from shared.tombstones import Tombstones

STREAM = "conversation_events"
KEPT = timedelta(days=30)
BATCH = 5000
# Differs between the deliveries of one event (seen live, not documented).
VOLATILE = {"RetryCount"}
SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (key TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_at ON deliveries (at);
CREATE TABLE IF NOT EXISTS position (stream TEXT PRIMARY KEY, positions BLOB NOT NULL);
"""
log = get_logger("conversations.deliveries")


def event_key(pairs: Sequence[tuple[str, str]]) -> str:
    """The same for every delivery of an event: a digest of the fields Twilio signed."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in sorted(pair for pair in pairs if pair[0] not in VOLATILE):
        for part in (name.encode(), value.encode()):
            digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()


class Deliveries:
    """The keys of `conversation_events` as of the last `catch_up`, and those remembered since."""

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / "conversations_index.sqlite"
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")  # the journal is the truth; this file can be thrown away
        self._db.executescript(SCHEMA)
        self._reader = JournalReader(data_dir, STREAM, self._positions())

    def close(self) -> None:
        self._db.close()

    def known(self, key: str) -> bool:
        with self._lock:
            return self._db.execute("SELECT 1 FROM deliveries WHERE key = ?", (key,)).fetchone() is not None

    def remember(self, key: str, at: datetime) -> None:
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO deliveries VALUES (?, ?)", (key, _text(at)))

    def catch_up(self) -> None:
        """Takes in what the journal has beyond the stored position, and forgets what is past keeping."""
        while batch := self._reader.read(BATCH):
            rows = [row for entry in batch if not isinstance(entry, BadLine) for row in _row(entry.raw)]
            positions = msgspec.json.encode(self._reader.positions)
            with self._lock:
                self._db.execute("BEGIN")
                self._db.executemany("INSERT OR IGNORE INTO deliveries VALUES (?, ?)", rows)
                self._db.execute("INSERT OR REPLACE INTO position VALUES (?, ?)", (STREAM, positions))
                self._db.execute("COMMIT")
        with self._lock:
            self._db.execute("DELETE FROM deliveries WHERE at < ?", (_text(datetime.now(UTC) - KEPT),))

    def _positions(self) -> dict[str, Position]:
        row = self._db.execute("SELECT positions FROM position WHERE stream = ?", (STREAM,)).fetchone()
        return msgspec.json.decode(row[0], type=dict[str, Position]) if row else {}


class Intake:
    """Journals each event once, also when its deliveries arrive at the same moment."""

    def __init__(self, journal: Journal, deliveries: Deliveries, tombstones: Tombstones) -> None:
        self._journal = journal
        self._deliveries = deliveries
        self._tombstones = tombstones
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def accept(self, event: ConversationEvent) -> bool:
        """True when the event is new; it is durable then. Raises JournalError when it could not be stored."""
        key = event.event_key
        if self._deliveries.known(key) or self._tombstones.covers([key]):
            return False  # an erased event stays erased, though Twilio's signature on it is good for ever
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._store(event))
            self._under_way[key] = task
            await asyncio.shield(task)
            return True
        await asyncio.shield(task)
        return False

    async def _store(self, event: ConversationEvent) -> None:
        try:
            await self._journal.commit(event)
            self._deliveries.remember(event.event_key, event.at)
        finally:
            del self._under_way[event.event_key]


def _row(raw: bytes) -> list[tuple[str, str]]:
    """The key and time of a journal line; none for our own writes and for lines we cannot read."""
    try:
        event = msgspec.json.decode(raw, type=ConversationEvent)
    except msgspec.MsgspecError:
        return []
    return [(event.event_key, _text(event.at))] if event.event_key else []


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
