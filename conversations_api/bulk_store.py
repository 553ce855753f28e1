"""Bulk jobs on disk: what is to be done to which conversation, and what came of it. Not disposable.

Every item says `begun` before its write is sent, so that after a kill what may have been done already is known.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from conversations_api.index_documents import moment
from shared.records import new_id, utc_now

FILE = "bulk_jobs.sqlite"
KEPT_JOBS = 200
Action = Literal["close", "delete", "update", "addParticipant", "tag"]
State = Literal["queued", "running", "done", "cancelled"]
Status = Literal["pending", "done", "failed", "skipped"]
SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, action TEXT NOT NULL, service_sid TEXT NOT NULL, form TEXT NOT NULL, state TEXT NOT NULL,
    created_by TEXT NOT NULL, role TEXT NOT NULL, total INTEGER NOT NULL,
    created_ms INTEGER NOT NULL, started_ms INTEGER, finished_ms INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    job TEXT NOT NULL, number INTEGER NOT NULL, sid TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending',
    begun INTEGER NOT NULL DEFAULT 0, code INTEGER, detail TEXT NOT NULL DEFAULT '', PRIMARY KEY (job, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_status ON items (job, status, number);
"""


class Job(msgspec.Struct, kw_only=True, rename="camel"):
    """A job as everybody may see it."""

    id: str
    action: Action
    service_sid: str
    state: State
    total: int
    done: int
    failed: int
    skipped: int
    created_by: str
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    per_second: float | None = None


class Item(msgspec.Struct, kw_only=True):
    """One conversation of a job."""

    number: int
    sid: str
    status: Status
    code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What the runner does: the write of every item, on whose behalf."""

    id: str
    action: Action
    service_sid: str
    form: list[tuple[str, str]]
    created_by: str
    role: str


class BulkStore:
    """The jobs' file. Its calls take a millisecond and are made from a thread."""

    def __init__(self, data_dir: Path) -> None:
        path = data_dir / FILE
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:  # a statement that still runs in its thread would take the process with it
            self._db.close()

    def add(
        self,
        action: Action,
        service_sid: str,
        form: Sequence[tuple[str, str]],
        sids: Sequence[str],
        by: tuple[str, str],
    ) -> str:
        """Stores a job for an operator (name, role) and gives back its id; it is durable then."""
        key = new_id()
        values = (key, action, service_sid, msgspec.json.encode(form).decode(), "queued", *by, len(sids))
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO jobs (id, action, service_sid, form, state, created_by, role, total, created_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, _now_ms()),
            )
            self._db.executemany(
                "INSERT INTO items (job, number, sid) VALUES (?, ?, ?)",
                [(key, number, sid) for number, sid in enumerate(sids)],
            )
            self._forget_old()
        return key

    def job(self, key: str) -> Job | None:
        with self._lock:
            row = self._db.execute("SELECT * FROM jobs WHERE id = ?", (key,)).fetchone()
            return self._shown(row) if row is not None else None

    def jobs(self) -> list[Job]:
        """All jobs kept, the newest first."""
        with self._lock:
            return [self._shown(row) for row in self._db.execute("SELECT * FROM jobs ORDER BY id DESC").fetchall()]

    def items(self, key: str, status: Status | None, after: int, limit: int) -> list[Item]:
        """Items with a number above `after`."""
        with self._lock:
            rows = self._db.execute(
                "SELECT * FROM items WHERE job = ? AND number > ? AND (? IS NULL OR status = ?)"
                " ORDER BY number LIMIT ?",
                (key, after, status, status, limit),
            ).fetchall()
        return [
            Item(
                number=row["number"], sid=row["sid"], status=row["status"], code=row["code"], detail=row["detail"]
            )
            for row in rows
        ]

    def next_order(self) -> Order | None:
        """The oldest job that is not over, running from now on."""
        with self._lock:
            row = self._db.execute(
                "SELECT * FROM jobs WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            self._db.execute(
                "UPDATE jobs SET state = 'running', started_ms = coalesce(started_ms, ?) WHERE id = ?",
                (_now_ms(), row["id"]),
            )
        form = msgspec.json.decode(row["form"], type=list[tuple[str, str]])
        return Order(row["id"], row["action"], row["service_sid"], form, row["created_by"], row["role"])

    def pending(self, key: str, limit: int) -> list[tuple[int, str, bool]]:
        """(number, sid, whether its write may have been sent) of items still to be done, while the job runs."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, sid, begun FROM items WHERE job = ? AND status = 'pending'"
                " AND (SELECT state FROM jobs WHERE id = job) = 'running' ORDER BY number LIMIT ?",
                (key, limit),
            ).fetchall()
        return [(row["number"], row["sid"], bool(row["begun"])) for row in rows]

    def begin(self, key: str, numbers: Sequence[int]) -> None:
        """Their writes are about to be sent."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE items SET begun = 1 WHERE job = ? AND number = ?", [(key, number) for number in numbers]
            )

    def settle(self, key: str, number: int, status: Status, code: int | None, detail: str) -> None:
        """What came of an item."""
        with self._lock:
            self._db.execute(
                "UPDATE items SET status = ?, code = ?, detail = ? WHERE job = ? AND number = ?",
                (status, code, detail, key, number),
            )

    def finish(self, key: str, state: State) -> bool:
        """Ends a job that is not over; what is still pending is skipped. False when it was over already."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            ended = self._db.execute(
                "UPDATE jobs SET state = ?, finished_ms = ? WHERE id = ? AND state IN ('queued', 'running')",
                (state, _now_ms(), key),
            ).rowcount
            if ended:
                self._db.execute(
                    "UPDATE items SET status = 'skipped' WHERE job = ? AND status = 'pending'", (key,)
                )
        return bool(ended)

    def _shown(self, row: sqlite3.Row) -> Job:
        counts = dict(
            self._db.execute(
                "SELECT status, count(*) FROM items WHERE job = ? GROUP BY status", (row["id"],)
            ).fetchall()
        )
        seconds = ((row["finished_ms"] or _now_ms()) - row["started_ms"]) / 1000 if row["started_ms"] else 0.0
        settled = counts.get("done", 0) + counts.get("failed", 0)
        return Job(
            id=row["id"],
            action=row["action"],
            service_sid=row["service_sid"],
            state=row["state"],
            total=row["total"],
            done=counts.get("done", 0),
            failed=counts.get("failed", 0),
            skipped=counts.get("skipped", 0),
            created_by=row["created_by"],
            created_at=moment(row["created_ms"]),
            started_at=moment(row["started_ms"]),
            finished_at=moment(row["finished_ms"]),
            per_second=round(settled / seconds, 1) if seconds > 0 else None,
        )

    def _forget_old(self) -> None:
        old = self._db.execute(
            "SELECT id FROM jobs WHERE state IN ('done', 'cancelled') ORDER BY id DESC LIMIT -1 OFFSET ?",
            (KEPT_JOBS,),
        ).fetchall()
        for row in old:
            self._db.execute("DELETE FROM items WHERE job = ?", (row["id"],))
            self._db.execute("DELETE FROM jobs WHERE id = ?", (row["id"],))


def _now_ms() -> int:
    return int(utc_now().timestamp() * 1000)
