"""Loading: journals followed into one DuckDB table with one row per call.

The file is derived and disposable. Rows and the journal positions they stand for change in one transaction, so
that a start costs the journals' tail; a file that is damaged or of another version is made anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import msgspec

from shared.journal_reader import BadLine, Position
from shared.journal_spans import SpanReader
from shared.secrets_file import private_directory
from shared.tombstones import Tombstones
from signal_analytics.columns import CALLS, CHATS, RESULTS, STREAMS, Stream
from signal_analytics.erased import forget_erased
from signal_analytics.staging import Stage
from signal_analytics.table_file import FILE_NAME, open_file, remove_file, sql, take_lock

# What one transaction takes in: large enough for DuckDB's speed, small enough for its memory.
BATCH_BYTES = 192 * 1024 * 1024
# How many calls are put together at once: each takes memory while it is, about a kilobyte.
PART_CALLS = 100_000
APPLY = {CALLS.name: "apply_events", RESULTS.name: "apply_results", CHATS.name: "apply_chats"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed:
    """What a refresh changed: how many calls, and the span of their starts (UTC); None when no call did."""

    lines: int
    version: int
    calls: int = 0
    first: datetime | None = None
    last: datetime | None = None


class CallTable:
    """The calls of one DATA_DIR; one process at a time. Safe to use from any thread, one at a time."""

    def __init__(self, data_dir: Path) -> None:
        """Raises JournalLocked when another process has the table open, or OSError."""
        self._file_lock = take_lock(private_directory(data_dir) / "analytics.lock")
        self._lock = threading.Lock()
        self._data_dir = data_dir
        self._tombstones = Tombstones(data_dir)
        self._open()

    def _open(self) -> None:
        self._db = open_file(self._data_dir / FILE_NAME)
        self._db.execute(sql("touch"), {"most": 0})  # who asks what has changed is told: nothing yet
        self._stage = Stage(self._db, self._data_dir)
        known = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        self._birth, self._version = str(known["birth"]), int(known["version"])
        stored = dict(self._db.execute("SELECT stream, value FROM positions").fetchall())
        self._readers = {
            stream.name: SpanReader(
                self._data_dir,
                stream.name,
                msgspec.json.decode(stored.get(stream.name, "{}"), type=dict[str, Position]),
            )
            for stream in STREAMS
        }

    def close(self) -> None:
        with self._lock:
            self._db.close()
        os.close(self._file_lock)

    @property
    def version(self) -> int:
        """Rises whenever an answer may have changed."""
        return self._version

    @property
    def tag(self) -> str:
        """The version together with the file's birth: what an answer's ETag is made of."""
        return f"{self._birth}-{self._version}"

    def query(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """What `work` gives back when it reads the table."""
        with self._lock:
            return work(self._db)

    def change(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """As `query`, for work that changes what answers say: in a transaction, with a new version."""
        with self._lock, self._transaction():
            found = work(self._db)
            self._count_version()
            return found

    def refresh(self) -> Changed:
        """Takes in what the journals hold beyond the last time."""
        with self._lock:
            lines = sum(self._follow(stream) for stream in STREAMS)
            if lines or self._has_stale():
                return self._assemble(lines)
            return Changed(0, self._version)

    def rebuild(self) -> Changed:
        """Makes the file anew from the journals, so that nothing of what was erased there is left.

        The version goes on rising, since listeners wait for a greater one.
        """
        with self._lock:
            self._tombstones.refresh()
            before = self._version
            self._db.close()
            remove_file(self._data_dir / FILE_NAME)
            self._open()
            self._version = before
            with self._transaction():
                self._count_version()
        return self.refresh()

    # ---- inside ----

    def _follow(self, stream: Stream) -> int:
        reader = self._readers[stream.name]
        taken = 0
        while True:
            before = dict(reader.positions)
            try:
                spans = reader.read_spans(BATCH_BYTES)
                if not spans:
                    return taken
                bad = self._stage.fill(stream, spans)
                if len(self._tombstones):
                    forget_erased(self._db, stream, self._tombstones)
                self._store(stream, bad, reader.positions)
            except BaseException:
                reader.positions = before
                raise
            taken += sum(span.lines for span in spans)

    def _store(self, stream: Stream, bad: list[BadLine], positions: dict[str, Position]) -> None:
        with self._transaction():
            self._db.execute(sql(APPLY[stream.name]))
            stored = msgspec.json.encode(positions).decode()
            self._db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", [stream.name, stored])
            for line in bad:
                values = [stream.name, line.file, line.line, line.reason[:200]]
                self._db.execute("INSERT INTO rejects VALUES (?, ?, ?, ?)", values)
            self._count_version()

    def _assemble(self, lines: int) -> Changed:
        """Puts the stale calls together in parts; those after a part that fails wait for the next refresh."""
        parts: list[tuple[int, datetime, datetime]] = []
        more = True
        while more:  # once at least: what was touched before is no change any more
            with self._transaction():
                self._db.execute(sql("touch"), {"most": PART_CALLS})
                self._db.execute(sql("assemble"))
                self._count_version()
                found = self._db.execute("SELECT count(*), min(started_at), max(started_at) FROM after").fetchall()
            parts += [part for part in found if part[0]]
            more = self._has_stale()
        if not parts:
            return Changed(lines, self._version)
        calls, firsts, lasts = zip(*parts, strict=True)
        return Changed(
            lines, self._version, sum(calls), min(firsts).replace(tzinfo=UTC), max(lasts).replace(tzinfo=UTC)
        )

    def _has_stale(self) -> bool:
        return bool(self._db.execute("SELECT 1 FROM stale LIMIT 1").fetchall())

    def _count_version(self) -> None:
        self._version += 1
        self._db.execute("UPDATE meta SET value = ? WHERE name = 'version'", [str(self._version)])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN TRANSACTION")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
