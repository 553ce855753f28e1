"""The index against Twilio: the first filling, and passes that notice what no webhook has told.

A pass lists every conversation of every service, reads people and messages of those that need it, and looks after
those that were not listed. Where it is stands in the index, so that a restart goes on and does not begin again.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from conversations_api.index_documents import Change, Kind
from conversations_api.index_erasing import WRITER, forget_conversation, is_erased, is_of_erased, phones_of
from conversations_api.index_feed import IndexFeed
from conversations_api.index_pass import (
    BATCH,
    NEWEST,
    PassState,
    count_missed,
    due,
    take_contents,
    take_listed,
    take_newest,
    unseen,
)
from conversations_api.index_reader import Reader, all_of
from conversations_api.index_writer import mark_stale
from conversations_api.pace import ReadWindow
from conversations_api.resources import CONVERSATION, MESSAGE, PARTICIPANT, SERVICE, Resource
from conversations_api.search_index import SearchIndex, fact, set_fact
from conversations_api.upstream import TwilioClient
from conversations_api.wire import Unreadable, view
from shared.problem import Problem
from shared.telemetry import get_logger
from shared.tombstones import Tombstones

PASS_EVERY_S = 900.0
DEEP_EVERY_S = 86_400.0
NEWEST_READ = 50
REFRESH_EVERY_S = 0.5
RETRY_S = 5.0
Notify = Callable[[], Awaitable[None]]
FAILURES = (Problem, sqlite3.Error, Unreadable)
log = get_logger("conversations.index")


class IndexSync:
    """Keeps the index true to Twilio. `run` it; `ask` for a pass before its time."""

    def __init__(
        self,
        client: TwilioClient,
        window: ReadWindow,
        index: SearchIndex,
        feed: IndexFeed,
        tombstones: Tombstones,
        notify: Notify,
    ) -> None:
        self._reader = Reader(client, window)
        self._index = index
        self._feed = feed
        self._tombstones = tombstones
        self._notify = notify
        self._asked = asyncio.Event()
        self._deep = False

    def ask(self, *, deep: bool = False) -> None:
        """Begins a pass as soon as the one under way is over; a deep one reads every open conversation whole."""
        self._deep = self._deep or deep
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

    async def one_pass(self, *, deep: bool = False) -> PassState:
        """A whole pass, or the rest of the one that was interrupted. Raises Problem when Twilio fails."""
        self._deep = self._deep or deep
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
        state.deep_s = state.started_s if state.deep else state.deep_s
        await self._save(state)
        return state

    async def refresh(self) -> int:
        """Reads again what is stale, a batch of it; how many."""
        rows = await self._index.read(lambda db: db.execute("SELECT * FROM stale LIMIT ?", (BATCH,)).fetchall())
        if rows:
            await all_of([self._refresh_one(row) for row in rows])
            await self._read_due()
        return len(rows)

    # ---- the stages of a pass ----

    async def _begin(self, before: PassState) -> PassState:
        services = [row["sid"] async for row in self._reader.rows(SERVICE, "v1/Services")]
        stage = "listing" if services else "reading"
        now = time.time()
        deep, self._deep = self._deep or now - before.deep_s >= DEEP_EVERY_S, False
        state = PassState(before.number + 1, stage, services, [], now, before.finished_s, deep, before.deep_s)
        await self._save(state)
        return state

    async def _list(self, state: PassState) -> None:
        while state.services:
            service_sid = state.services[0]
            seen_s = time.time()
            path = f"v1/Services/{service_sid}/Conversations"
            rows, following = await self._reader.page(CONVERSATION, path, state.pages)
            listed = [_change("conversation", row, service_sid, row["sid"], seen_s) for row in rows]
            changes = [change for change in listed if not await self._stays_erased(change)]
            state.pages = following or []
            if following is None:
                state.services = state.services[1:]
            state.stage = "listing" if state.services else "reading"
            await self._index.write(lambda db, listed=changes: take_listed(db, listed, state))  # type: ignore[misc]
            await self._notify()

    async def _read_due(self) -> None:
        """People and messages of every conversation that needs it."""
        while rows := await self._index.read(due):
            await all_of([self._read_one(row) for row in rows])
            await self._notify()

    async def _read_one(self, row: sqlite3.Row) -> None:
        read = self._read_newest if row["due"] == NEWEST else self._read_contents
        try:
            await read(row["sid"], row["service_sid"])
        except Problem as problem:
            if problem.status != 404:
                raise
            await self._index.apply([_gone("conversation", row["sid"], row["service_sid"], row["sid"])])

    async def _read_newest(self, sid: str, service_sid: str) -> None:
        """One read: the messages that may have come without a webhook."""
        path = f"v1/Services/{service_sid}/Conversations/{sid}/Messages"
        seen_s = time.time()
        rows, following = await self._reader.page(MESSAGE, path, [("Order", "desc")], NEWEST_READ)
        listed = [_change("message", row, service_sid, sid, seen_s) for row in rows]
        changes = [change for change in listed if not is_erased(self._tombstones, change)]
        whole = following is None or not changes
        await self._index.write(lambda db: take_newest(db, sid, service_sid, changes, seen_s, whole=whole))

    async def _read_contents(self, sid: str, service_sid: str) -> None:
        base = f"v1/Services/{service_sid}/Conversations/{sid}"
        seen_s = time.time()
        people = [
            _change("participant", row, service_sid, sid, seen_s)
            async for row in self._reader.rows(PARTICIPANT, f"{base}/Participants")
        ]
        messages = [
            _change("message", row, service_sid, sid, seen_s)
            async for row in self._reader.rows(MESSAGE, f"{base}/Messages")
        ]
        phones = phones_of(people)
        kept = [message for message in messages if not is_erased(self._tombstones, message, phones)]
        if not kept and is_of_erased(self._tombstones, people, phones):
            # An erasure that knew the number only: from now on the conversation is known too.
            await asyncio.to_thread(self._tombstones.add, WRITER, [("sid", sid)])
            await self._index.write(lambda db: forget_conversation(db, sid))
            return
        changes = [*people, *kept]
        await self._index.write(lambda db: take_contents(db, sid, service_sid, changes, seen_s))

    async def _check_unseen(self, state: PassState) -> None:
        """Conversations that no page held: most were deleted, and no webhook said so."""
        rows = await self._index.read(lambda db: unseen(db, state))
        found = await all_of([self._refresh_conversation(row["sid"], row["service_sid"]) for row in rows])
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
            found = msgspec.to_builtins(view(await self._reader.get(path), resource.view))
            change = _change(kind, found, found.get("chatServiceSid") or service_sid, conversation, seen_s)
            if await self._stays_erased(change):
                return 0
        except Problem as problem:
            if problem.status != 404:
                raise
            change = _gone(kind, sid, service_sid, conversation)
        return int((await self._index.apply([change])).changed > 0)

    async def _stays_erased(self, change: Change) -> bool:
        """Whether it was erased, and is no conversation in which something was said since."""
        if not is_erased(self._tombstones, change):
            return False
        if change.kind != "conversation":
            return True
        path = f"v1/Services/{change.service_sid}/Conversations/{change.sid}/Messages"
        rows, _ = await self._reader.page(MESSAGE, path, [("Order", "desc")], 1)
        newest = [_change("message", row, change.service_sid, change.sid, change.seen_s) for row in rows]
        return all(is_erased(self._tombstones, message) for message in newest)

    async def _save(self, state: PassState) -> None:
        await self._index.write(lambda db: set_fact(db, "pass", state))
        await self._notify()


def _change(kind: Kind, row: dict[str, Any], service_sid: str, conversation: str, seen_s: float) -> Change:
    return Change(kind, row["sid"], service_sid, conversation, row, seen_s, certain=True)


def _gone(kind: Kind, sid: str, service_sid: str, conversation: str) -> Change:
    return Change(kind, sid, service_sid, conversation, {}, time.time(), gone=True)
