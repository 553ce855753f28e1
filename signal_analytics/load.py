"""Loading: journals followed into one DuckDB table with one row per call.

The file is derived and disposable. Rows and the journal positions they stand for change in one transaction, so
that a start costs the journals' tail; a file that is damaged or of another version is made anew.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path

import duckdb
import msgspec
import pandas as pd

from shared.journal import JournalLocked
from shared.journal_reader import Entry, JournalReader, Position
from shared.person import is_erased
from shared.secrets_file import private_directory
from shared.tombstones import Tombstones
from signal_analytics import statements
from signal_analytics.batch import Batch
from signal_analytics.call_row import CallRow, call_row
from signal_analytics.filters import Filters, stored_time

FILE_NAME = "analytics.duckdb"
SCHEMA_VERSION = "1"
STREAMS = ("calls", "intel_results")
# One thread and little memory: batches are small, and the machine is shared with live calls.
CONFIG: dict[str, str | bool | int | float | list[str]] = {"threads": "1", "memory_limit": "256MB"}


class CallTable:
    """The calls of one DATA_DIR; one process at a time. Safe to use from any thread, one at a time."""

    def __init__(self, data_dir: Path) -> None:
        """Raises JournalLocked when another process has the table open, or OSError."""
        self._file_lock = _take_lock(private_directory(data_dir) / "analytics.lock")
        self._lock = threading.Lock()
        self._path = data_dir / FILE_NAME
        self._tombstones = Tombstones(data_dir)
        self._db = _open(self._path)
        stored = dict(self._db.execute("SELECT stream, value FROM positions").fetchall())
        self._readers = {
            stream: JournalReader(
                data_dir, stream, msgspec.json.decode(stored.get(stream, "{}"), type=dict[str, Position])
            )
            for stream in STREAMS
        }

    def close(self) -> None:
        with self._lock:
            self._db.close()
        os.close(self._file_lock)

    def refresh(self) -> int:
        """Takes in what the journals hold beyond the last time; how many lines that were."""
        with self._lock:
            return sum(self._refresh(stream) for stream in STREAMS)

    def rebuild(self) -> int:
        """Makes the file anew from the journals, so that nothing of what was erased is left in its free pages."""
        with self._lock:
            self._tombstones.refresh()
            self._db.close()
            _remove(self._path)
            self._db = _open(self._path)
            for reader in self._readers.values():
                reader.positions = {}
            return sum(self._refresh(stream) for stream in STREAMS)

    def skipped_lines(self) -> int:
        """How many journal lines could not be read so far."""
        with self._lock:
            row = self._db.execute("SELECT coalesce(sum(lines), 0) FROM skipped").fetchone()
        return int(row[0]) if row else 0

    def measured_calls(self, filters: Filters) -> pd.DataFrame:
        """One row per call that the filters let through, oldest first; see measures.py for the columns."""
        with self._lock:
            frame: pd.DataFrame = self._db.execute(statements.MEASURED_CALLS, filters.parameters()).df()
        return frame.assign(started_at=frame["started_at"].dt.tz_localize("UTC"))

    def listed_calls(self, filters: Filters, rows: int, before: tuple[datetime, str] | None) -> list[CallRow]:
        """Up to `rows` calls, newest first; those older than `before` (start, key) when it is given."""
        start, key = before or (None, None)
        page = {"before_start": stored_time(start), "before_key": key, "rows": rows}
        with self._lock:
            found = self._db.execute(statements.LISTED_CALLS, filters.parameters() | page).fetchall()
        return [call_row(values) for values in found]

    # ---- inside ----

    def _refresh(self, stream: str) -> int:
        reader = self._readers[stream]
        taken = 0
        while True:
            before = dict(reader.positions)
            lines = reader.read()
            if not lines:
                return taken
            batch = Batch()
            for line in lines:
                if isinstance(line, Entry):
                    if not is_erased(line.raw, self._tombstones):
                        batch.add(line.raw)
                else:
                    batch.skipped += 1
            try:
                self._store(stream, batch, reader.positions)
            except BaseException:
                reader.positions = before
                raise
            taken += len(lines)

    def _store(self, stream: str, batch: Batch, positions: dict[str, Position]) -> None:
        self._db.execute("BEGIN TRANSACTION")
        try:
            self._put(batch)
            self._db.execute(statements.PUT_POSITION, [stream, msgspec.json.encode(positions).decode()])
            if batch.skipped:
                self._db.execute(statements.ADD_SKIPPED, [stream, batch.skipped])
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _put(self, batch: Batch) -> None:
        changed = {*batch.starts, *batch.ends, *(row.call_key for row in batch.results.values())}
        changed |= self._call_keys([*batch.results])
        for statement, rows in (
            (statements.PUT_STARTS, [*batch.starts.values()]),
            (statements.PUT_ENDS, [*batch.ends.values()]),
            (statements.PUT_RESULTS, [*batch.results.values()]),
        ):
            if rows:
                self._db.execute(statement, [msgspec.json.encode(rows).decode()])
        if changed:
            keys = sorted(changed)
            self._db.execute(statements.DROP_CALLS, [keys])
            self._db.execute(statements.PUT_CALLS, [keys])

    def _call_keys(self, subjects: Sequence[str]) -> set[str]:
        """The calls that these transcripts belonged to until now; a later line may tie one to its call."""
        if not subjects:
            return set()
        rows = self._db.execute(statements.CALL_KEYS_OF_SUBJECTS, [list(subjects)]).fetchall()
        return {str(key) for (key,) in rows}


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    """The database, made anew when it is missing, damaged or of another version."""
    if path.exists():
        try:
            db = _connect(path)
            if db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone() == (SCHEMA_VERSION,):
                return db
            db.close()
        except duckdb.Error:
            pass
        _remove(path)
    db = _connect(path)
    schema = resources.files(__package__).joinpath("tables.sql").read_text("utf-8")
    db.execute("BEGIN TRANSACTION")
    db.execute(schema)
    db.execute("INSERT INTO meta VALUES ('schema', ?)", [SCHEMA_VERSION])
    db.execute("COMMIT")
    path.chmod(0o600)
    return db


def _remove(path: Path) -> None:
    for suffix in ("", ".wal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(path, config=CONFIG)


def _take_lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalLocked("the analytics file is in use by another process") from None
    return descriptor
