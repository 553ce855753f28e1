"""The search index as a file: its tables, and connections to it.

Disposable: what is in it comes from Twilio and from the journals, and a missing or foreign file is made anew.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

FILE = "conversations_search.sqlite"
VERSION = 2
# `words` has one row per conversation: all it is found by, and what it is filtered by as words of their own.
# The row's number is the second of the last activity, then the conversation's id: FTS5 gives rows in that order
# without sorting, so the newest fifty of a million hits cost fifty, and several words meet inside FTS5.
ID_BITS = 30
ID_MASK = (1 << ID_BITS) - 1
LAST_SECOND = (1 << 33) - 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS conversations (
    id INTEGER PRIMARY KEY,
    sid TEXT NOT NULL UNIQUE,
    service_sid TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    activity_ms INTEGER NOT NULL,
    channels INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0,
    unread INTEGER NOT NULL DEFAULT 0,
    document BLOB NOT NULL,
    touched_s REAL NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL DEFAULT 1,
    words_row INTEGER NOT NULL DEFAULT 0
);
-- One per order, each with every column that a filter without words asks for: counting reads only the index.
CREATE INDEX IF NOT EXISTS by_activity ON conversations (service_sid, activity_ms, id, state, created_ms);
CREATE INDEX IF NOT EXISTS by_created ON conversations (service_sid, created_ms, id, state, activity_ms);
CREATE INDEX IF NOT EXISTS by_updated
    ON conversations (service_sid, updated_ms, id, state, created_ms, activity_ms);
CREATE INDEX IF NOT EXISTS by_name ON conversations (service_sid, name, id, state, created_ms, activity_ms);
CREATE INDEX IF NOT EXISTS by_state ON conversations (service_sid, state, activity_ms, id, created_ms);
CREATE INDEX IF NOT EXISTS by_state_created ON conversations (service_sid, state, created_ms, id, activity_ms);
CREATE INDEX IF NOT EXISTS by_due ON conversations (due) WHERE due > 0;
CREATE TABLE IF NOT EXISTS participants (
    sid TEXT PRIMARY KEY,
    conversation INTEGER NOT NULL,
    identity TEXT,
    address TEXT,
    channel TEXT NOT NULL,
    last_read INTEGER,
    updated_ms INTEGER NOT NULL,
    document BLOB NOT NULL,
    touched_s REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_of ON participants (conversation);
CREATE INDEX IF NOT EXISTS by_identity ON participants (identity, conversation);
CREATE INDEX IF NOT EXISTS by_address ON participants (address, conversation);
CREATE TABLE IF NOT EXISTS messages (
    conversation INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sid TEXT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    more BLOB NOT NULL,
    touched_s REAL NOT NULL,
    PRIMARY KEY (conversation, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_message_sid ON messages (sid);
CREATE TABLE IF NOT EXISTS removed (sid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stale (
    sid TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    service_sid TEXT NOT NULL,
    conversation_sid TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    call_sid TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    direction TEXT NOT NULL,
    language TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    duration_s REAL,
    reason TEXT,
    turns INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_customer ON calls (customer, started_ms);
CREATE TABLE IF NOT EXISTS turns (
    call_sid TEXT NOT NULL,
    turn INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    caller_text TEXT NOT NULL,
    reply_text TEXT NOT NULL,
    heard_text TEXT NOT NULL,
    interrupted INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (call_sid, turn)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, tokenize = "unicode61 remove_diacritics 2", prefix = '1 2 3 4', detail = none
);
"""


def words_row(activity_ms: int, conversation: int) -> int:
    """The number of a conversation's row in `words`, by its last activity and its id."""
    return min(max(activity_ms // 1000, 0), LAST_SECOND) << ID_BITS | conversation


def open_writer(data_dir: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the file, and anew when it is damaged or of another version."""
    path = data_dir / FILE
    try:
        return _open(path)
    except sqlite3.DatabaseError:
        remove(data_dir)
        return _open(path)


def open_reader(data_dir: Path) -> sqlite3.Connection:
    """A connection that only reads, for one thread."""
    place = f"file:{data_dir / FILE}?mode=ro"
    db = sqlite3.connect(place, uri=True, check_same_thread=False, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA mmap_size=1073741824")
    db.execute("PRAGMA cache_size=-32768")
    db.execute("PRAGMA temp_store=MEMORY")
    return db


def remove(data_dir: Path) -> None:
    """Throws the index away."""
    for ending in ("", "-wal", "-shm"):
        (data_dir / f"{FILE}{ending}").unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    db.row_factory = sqlite3.Row
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, VERSION}:
            raise sqlite3.DatabaseError(f"version {version}")
        db.execute("PRAGMA journal_mode=WAL")
        # The journals and Twilio are the truth: after a power cut the file may be made anew.
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-65536")
        db.executescript(SCHEMA)
        db.execute(f"PRAGMA user_version={VERSION}")
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db
