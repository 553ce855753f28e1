"""The index against Twilio: the first filling, and passes that notice what no webhook has told.

A pass lists every conversation of every service, reads people and messages of those that need it, and looks after
those that were not listed. Where it is stands in the index, so that a restart goes on and does not begin again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec

from conversations_api.cursor import page_pairs
from conversations_api.index_documents import Change, Kind
from conversations_api.index_feed import IndexFeed
from conversations_api.index_pass import BATCH, PassState, count_missed, due, take_contents, take_listed, unseen
from conversations_api.index_writer import mark_stale
from conversations_api.pace import Pace
from conversations_api.resources import CONVERSATION, MESSAGE, PARTICIPANT, SERVICE, Resource
from conversations_api.search_index import SearchIndex, fact, set_fact
from conversations_api.upstream import Call, TwilioClient
from conversations_api.wire import Unreadable, page, view
from shared.problem import Problem
from shared.telemetry import get_logger

# Twilio does not count reads, but limits how many run at once; this leaves most of it to people.
READS_PER_S = 100
AT_ONCE = 8
PASS_EVERY_S = 900.0
REFRESH_EVERY_S = 0.5
RETRY_S = 5.0
Notify = Callable[[], Awaitable[None]]
FAILURES = (Problem, sqlite3.Error, Unreadable)
log = get_logger("conversations.index")


class IndexSync:
    """Keeps the index true to Twilio. `run` it; `ask` for a pass before its time."""

    def __init__(self, client: TwilioClient, index: SearchIndex, feed: IndexFeed, notify: Notify) -> None:
        self._client = client
        self._index = index
        self._feed = feed
        self._notify = notify
        self._pace = Pace(READS_PER_S)
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Begins a pass as soon as the one under way is over."""
        self._asked.set()

    async def rebuild(self) -> None:
        """Throws the index away and begins anew: the calls from their journal, all else from Twilio."""
        await self._index.empty()
        await self._feed.start()
        self._index.tell()
        self.ask()

    async def run(self) -> None:
        """Passes and refreshes until cancelled; when Twilio fails, later again from where it was."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._passes())
            tasks.create_task(self._refreshes())

    async def _passes(self) -> None:
        while True:
            try:
                await self.one_pass()
            except FAILURES as error:
                log.warning("index pass interrupted", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PASS_EVERY_S):
                    await self._asked.wait()
            self._asked.clear()

    async def _refreshes(self) -> None:
        while True:
            try:
                done = await self.refresh()
            except FAILURES as error:
                log.warning("index refresh interrupted", reason=str(error))
                done = 0
                await asyncio.sleep(RETRY_S)
            if not done:
                await asyncio.sleep(REFRESH_EVERY_S)

    async def one_pass(self) -> PassState:
        """A whole pass, or the rest of the one that was interrupted. Raises Problem when Twilio fails."""
        state = await self._index.read(lambda db: fact(db, "pass", PassState()))
        if state.stage == "idle":
            state = await self._begin(state)
        if state.stage == "listing":
            await self._list(state)
        if state.stage == "reading":
            await self._read_due()
            state.stage = "checking"
            await self._save(state)
        await self._check_unseen(state)
        state.stage, state.finished_s = "idle", time.time()
        await self._save(state)
        return state

    async def refresh(self) -> int:
        """Reads again what is stale, a batch of it; how many."""
        rows = await self._index.read(lambda db: db.execute("SELECT * FROM stale LIMIT ?", (BATCH,)).fetchall())
        if rows:
            await self._all([self._refresh_one(row) for row in rows])
            await self._read_due()
        return len(rows)

    # ---- the stages of a pass ----

    async def _begin(self, before: PassState) -> PassState:
        services = [row["sid"] async for row in self._rows(SERVICE, "v1/Services")]
        stage = "listing" if services else "reading"
        state = PassState(before.number + 1, stage, services, [], time.time(), before.finished_s)
        await self._save(state)
        return state

    async def _list(self, state: PassState) -> None:
        while state.services:
            service_sid = state.services[0]
            seen_s = time.time()
            path = f"v1/Services/{service_sid}/Conversations"
            rows, following = await self._page(CONVERSATION, path, state.pages)
            changes = [_change("conversation", row, service_sid, row["sid"], seen_s) for row in rows]
            state.pages = following or []
            if following is None:
                state.services = state.services[1:]
            state.stage = "listing" if state.services else "reading"
            await self._index.write(lambda db, listed=changes: take_listed(db, listed, state))  # type: ignore[misc]
            await self._notify()

    async def _read_due(self) -> None:
        """People and messages of every conversation that needs it."""
        while rows := await self._index.read(due):
            await self._all([self._read_contents(row["sid"], row["service_sid"]) for row in rows])
            await self._notify()

    async def _read_contents(self, sid: str, service_sid: str) -> None:
        base = f"v1/Services/{service_sid}/Conversations/{sid}"
        seen_s = time.time()
        try:
            people = [row async for row in self._rows(PARTICIPANT, f"{base}/Participants")]
            messages = [row async for row in self._rows(MESSAGE, f"{base}/Messages")]
        except Problem as problem:
            if problem.status != 404:
                raise
            await self._index.apply([_gone("conversation", sid, service_sid, sid)])
            return
        changes = [_change("participant", row, service_sid, sid, seen_s) for row in people]
        changes += [_change("message", row, service_sid, sid, seen_s) for row in messages]
        await self._index.write(lambda db: take_contents(db, sid, service_sid, changes, seen_s))

    async def _check_unseen(self, state: PassState) -> None:
        """Conversations that no page held: most were deleted, and no webhook said so."""
        rows = await self._index.read(lambda db: unseen(db, state))
        found = await self._all([self._refresh_conversation(row["sid"], row["service_sid"]) for row in rows])
        await self._index.write(lambda db: count_missed(db, state, sum(found)))

    # ---- single things ----

    async def _refresh_one(self, row: sqlite3.Row) -> int:
        """Reads one stale thing; it is marked again when that fails."""
        await self._index.write(lambda db: db.execute("DELETE FROM stale WHERE sid = ?", (row["sid"],)).rowcount)
        kind, sid = row["kind"], row["sid"]
        service_sid, conversation = row["service_sid"], row["conversation_sid"]
        try:
            if kind == "conversation":
                return await self._refresh_conversation(sid, service_sid)
            resource = PARTICIPANT if kind == "participant" else MESSAGE
            base = f"v1/Services/{service_sid}" if service_sid else "v1"
            path = f"{base}/Conversations/{conversation}/{resource.upstream}/{sid}"
            return await self._refresh_path(kind, resource, path, sid, service_sid, conversation)
        except (Problem, Unreadable):
            await self._index.write(lambda db: mark_stale(db, kind, sid, service_sid, conversation))
            raise

    async def _refresh_conversation(self, sid: str, service_sid: str) -> int:
        base = f"v1/Services/{service_sid}" if service_sid else "v1"
        return await self._refresh_path(
            "conversation", CONVERSATION, f"{base}/Conversations/{sid}", sid, service_sid, sid
        )

    async def _refresh_path(
        self, kind: Kind, resource: Resource, path: str, sid: str, service_sid: str, conversation: str
    ) -> int:
        """1 when the index was wrong about it."""
        seen_s = time.time()
        try:
            await self._pace.turn()
            found = msgspec.to_builtins(view(await self._client.send(Call("GET", path)), resource.view))
            change = _change(kind, found, found.get("chatServiceSid") or service_sid, conversation, seen_s)
        except Problem as problem:
            if problem.status != 404:
                raise
            change = _gone(kind, sid, service_sid, conversation)
        return int((await self._index.apply([change])).changed > 0)

    # ---- reading from Twilio ----

    async def _page(
        self, resource: Resource, path: str, pages: Sequence[tuple[str, str]]
    ) -> tuple[list[dict[str, Any]], list[tuple[str, str]] | None]:
        """The rows of a page and the parameters of the next, None after the last."""
        await self._pace.turn()
        size = ("PageSize", str(resource.page_max))
        items, following = page(await self._client.send(Call("GET", path, [size, *pages])), resource.view)
        return [msgspec.to_builtins(item) for item in items], page_pairs(following) if following else None

    async def _rows(self, resource: Resource, path: str) -> AsyncIterator[dict[str, Any]]:
        pages: list[tuple[str, str]] | None = []
        while pages is not None:
            rows, pages = await self._page(resource, path, pages)
            for row in rows:
                yield row

    async def _all(self, work: Sequence[Awaitable[Any]]) -> list[Any]:
        """Does everything, a few at a time. Raises the first failure, after the others have ended."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(job: Awaitable[Any]) -> Any:
            async with gate:
                return await job

        results = await asyncio.gather(*(one(job) for job in work), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    async def _save(self, state: PassState) -> None:
        await self._index.write(lambda db: set_fact(db, "pass", state))
        await self._notify()


def _change(kind: Kind, row: dict[str, Any], service_sid: str, conversation: str, seen_s: float) -> Change:
    return Change(kind, row["sid"], service_sid, conversation, row, seen_s, certain=True)


def _gone(kind: Kind, sid: str, service_sid: str, conversation: str) -> Change:
    return Change(kind, sid, service_sid, conversation, {}, time.time(), gone=True)
