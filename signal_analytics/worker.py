"""The table and the one thread that uses it; answers kept until the table changes; those who wait for a change."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import duckdb
from aiohttp import web

from signal_analytics.load import CallTable, Changed

MOST_ANSWERS = 128
T = TypeVar("T")


class Worker:
    """Runs all work on the table in one thread, so that no query and no refresh blocks the event loop."""

    def __init__(self, table: CallTable) -> None:
        self.table = table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="analytics")
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._changes: asyncio.Condition = asyncio.Condition()
        self.latest = Changed(0, table.version)

    async def do(self, work: Callable[[CallTable], T]) -> T:
        """What `work` gives back when it is called with the table."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.table)

    async def ask(self, work: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """What `work` reads from the table."""
        return await self.do(lambda table: table.query(work))

    async def answer(self, tag: str, work: Callable[[duckdb.DuckDBPyConnection], bytes]) -> bytes:
        """The answer of that tag: kept from last time, or worked out now."""
        kept = self._answers.get(tag)
        if kept is not None:
            self._answers.move_to_end(tag)
            return kept
        body = await self.ask(work)
        self._answers[tag] = body
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)
        return body

    async def refresh(self) -> None:
        """Follows the journals once; wakes who waits when something has changed."""
        changed = await self.do(CallTable.refresh)
        if changed.lines or changed.calls:
            await self._tell(changed)

    async def rebuild(self) -> int:
        """Makes the table anew, which changes what was told; how many lines it was made of."""
        changed = await self.do(CallTable.rebuild)
        await self._tell(changed)
        return changed.lines

    async def _tell(self, changed: Changed) -> None:
        async with self._changes:
            self.latest = changed
            self._changes.notify_all()

    async def changes(self, version: int) -> AsyncIterator[Changed]:
        """Every change after `version`; those that come while one is handled are seen as one."""
        while True:
            async with self._changes:
                await self._changes.wait_for(lambda: self.latest.version > version)  # noqa: B023
                changed = self.latest
            yield changed
            version = changed.version

    def close(self) -> None:
        self._thread.shutdown()
        self.table.close()


WORKER = web.AppKey("worker", Worker)
