"""The ledger's SQLite file: made anew when it is missing, damaged or of another version, for it is all derived."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from shared.secrets_file import private_directory

SCHEMA_VERSION = 3
SCHEMA = """
CREATE TABLE positions (stream TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counts (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE keys (key TEXT PRIMARY KEY, event_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (event_id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, at_s REAL NOT NULL,
    replay_of TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE answered (event_id TEXT PRIMARY KEY, how TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE open_events (event_id TEXT PRIMARY KEY, subject TEXT NOT NULL, received_s REAL NOT NULL,
    line BLOB NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due_s REAL NOT NULL DEFAULT 0);
CREATE INDEX open_by_due ON open_events (due_s, event_id);
CREATE TABLE results (subject TEXT PRIMARY KEY, id TEXT NOT NULL, call_sid TEXT, service_sid TEXT,
    source TEXT NOT NULL, channel TEXT, language TEXT, sentiment TEXT, band TEXT, escalation INTEGER,
    unparsed INTEGER NOT NULL, started_s REAL NOT NULL, line BLOB NOT NULL);
CREATE INDEX results_by_id ON results (id);
CREATE INDEX results_by_call ON results (call_sid);
CREATE TABLE dead_letters (id TEXT PRIMARY KEY, reason TEXT NOT NULL, event_id TEXT NOT NULL, line BLOB NOT NULL);
CREATE TABLE replayed (dead_letter_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


def open_ledger_file(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any thread. Raises sqlite3.Error when no file can be made."""
    private_directory(path.parent)
    if path.exists():
        with contextlib.suppress(sqlite3.DatabaseError):
            db = connect(path)
            if db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,):
                return db
            db.close()
        _remove(path)
    db = connect(path)
    db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything inside happens, or nothing does."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """One more connection to the file, in autocommit mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    # NORMAL survives a crash of the process; after a power cut it may be older, never torn, and catches up.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    # Deleted rows are overwritten, so that what was erased does not stay in free pages.
    db.execute("PRAGMA secure_delete = ON")
    return db


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
