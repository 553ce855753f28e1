"""The analytics file itself: opened, made anew when it cannot be used, held by one process at a time."""

from __future__ import annotations

import fcntl
import os
from importlib import resources
from pathlib import Path

import duckdb

from shared.journal import JournalLocked
from shared.records import new_id

FILE_NAME = "analytics.duckdb"
# Hashes of sids are stored, and another DuckDB may hash in another way.
SCHEMA_VERSION = f"3 {duckdb.__version__}"
# Little memory, since the machine is shared with live calls; what does not fit goes to a file beside this one.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "threads": str(min(4, os.cpu_count() or 1)),
    "memory_limit": "512MB",
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def sql(name: str) -> str:
    """The statements of `sql/NAME.sql`."""
    return resources.files(__package__).joinpath("sql", f"{name}.sql").read_text("utf-8")


def open_file(path: Path) -> duckdb.DuckDBPyConnection:
    """The database, made anew when it is missing, damaged or of another version."""
    if path.exists():
        try:
            db = _connect(path)
            if db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchall() == [(SCHEMA_VERSION,)]:
                return db
            db.close()
        except duckdb.Error:
            pass
        remove_file(path)
    db = _connect(path)
    db.execute("BEGIN TRANSACTION")
    db.execute(sql("tables"))
    db.execute("INSERT INTO meta VALUES ('schema', ?), ('birth', ?), ('version', '0')", [SCHEMA_VERSION, new_id()])
    db.execute("COMMIT")
    path.chmod(0o600)
    return db


def remove_file(path: Path) -> None:
    for suffix in ("", ".wal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def take_lock(path: Path) -> int:
    """A descriptor that holds the lock. Raises JournalLocked when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalLocked("the analytics file is in use by another process") from None
    return descriptor


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    db = duckdb.connect(path, config=CONFIG)
    db.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    return db
