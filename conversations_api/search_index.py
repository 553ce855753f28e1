"""The search index as a part of the service: one thread that writes, a few that read, all off the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from conversations_api.index_documents import Change
from conversations_api.index_schema import open_reader, open_writer, remove
from conversations_api.index_writer import Applied, apply

T = TypeVar("T")
READERS = 4
# How long a list waits for what this process wrote a moment ago.
SETTLE_WITHIN_S = 0.3


class SearchIndex:
    """Conversations, people, messages and calls, searchable. `close` it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._db = open_writer(data_dir)
        self._writer = ThreadPoolExecutor(1, "index-writer")
        self._readers = ThreadPoolExecutor(READERS, "index-reader")
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._generation = 0
        self._told = 0
        self._taken_in = 0
        self._news = asyncio.Event()
        self._settled = asyncio.Condition()

    def close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        for db in (*self._open, self._db):
            db.close()

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in one transaction; what it raises undoes it."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._transact, work)

    async def apply(self, changes: Sequence[Change]) -> Applied:
        """Puts changes in."""
        return await self.write(lambda db: apply(db, changes))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` on a connection that sees one state of the index."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._look, work)

    async def empty(self) -> None:
        """Throws everything away; whoever reads meanwhile still sees what was."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._empty)

    async def compact(self) -> None:
        """Writes the file anew without what was deleted in it."""
        await asyncio.get_running_loop().run_in_executor(self._writer, self._compact)

    # ---- how a list sees what was written a moment ago ----

    def tell(self) -> None:
        """The journal has something new for the index."""
        self._told += 1
        self._news.set()

    async def news(self, within_s: float) -> int:
        """Waits for `tell`, or a while; gives back what `took_in` is to be told after the journal was read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._news.wait()
        self._news.clear()
        return self._told

    async def took_in(self, told: int) -> None:
        """Everything told up to there is in the index."""
        async with self._settled:
            self._taken_in = max(self._taken_in, told)
            self._settled.notify_all()

    async def settled(self) -> bool:
        """Waits until the index holds what was told before; False when that takes too long."""
        told = self._told
        if self._taken_in >= told:
            return True
        try:
            async with asyncio.timeout(SETTLE_WITHIN_S), self._settled:
                await self._settled.wait_for(lambda: self._taken_in >= told)
        except TimeoutError:
            return False
        return True

    # ---- inside the threads ----

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            result = work(self._db)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return result

    def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        generation, db = getattr(self._local, "reader", (-1, None))
        if db is None or generation != self._generation:
            if db is not None:
                self._open.remove(db)
                db.close()
            db = open_reader(self._data_dir)
            self._open.append(db)
            self._local.reader = (self._generation, db)
        db.execute("BEGIN")
        try:
            return work(db)
        finally:
            db.execute("ROLLBACK")

    def _compact(self) -> None:
        self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _empty(self) -> None:
        self._db.close()
        remove(self._data_dir)
        self._db = open_writer(self._data_dir)
        self._generation += 1


def fact(db: sqlite3.Connection, name: str, default: T) -> T:
    """A stored fact, of the type of `default`."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return default if row is None else msgspec.json.decode(row[0], type=type(default))


def set_fact(db: sqlite3.Connection, name: str, value: Any) -> None:
    """Stores a fact in the transaction."""
    db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, msgspec.json.encode(value)))
