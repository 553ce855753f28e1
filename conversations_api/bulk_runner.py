"""Runs bulk jobs one after the other, each item as one write under Twilio's rate, and goes on after a restart."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec

from conversations_api.bulk_store import BulkStore, Order, Status
from conversations_api.bulk_tags import with_tags
from conversations_api.pace import Pace
from conversations_api.resources import CONVERSATION, PARTICIPANT, Resource, Verb
from conversations_api.upstream import Call, TwilioClient
from conversations_api.views import Conversation, View
from conversations_api.wire import Unreadable, view
from shared.live_feed import LiveFeed
from shared.problem import Problem
from shared.telemetry import get_logger

# Leaves a third of Twilio's rate to people.
ITEMS_PER_S = 20
AT_ONCE = 8
TRIES = 6
RETRY_S = 2.0
TOLD_EVERY_S = 0.5
POLL_S = 1.0
CLOSED, GONE, ALREADY_THERE, PAIR_IN_USE = 50377, 20404, 50437, 50416
log = get_logger("conversations.bulk")

# Told of every write that was done or refused: order, conversation sid, resource, verb, the answer, the problem.
Wrote = Callable[[Order, str, Resource, Verb, View | None, Problem | None], Awaitable[None]]


class BulkRunner:
    """Does what the store holds. `run` it; `wake` it when there is something new."""

    def __init__(self, store: BulkStore, client: TwilioClient, feed: LiveFeed, wrote: Wrote) -> None:
        self._store = store
        self._client = client
        self._feed = feed
        self._wrote = wrote
        self._pace = Pace(ITEMS_PER_S)
        self._news = asyncio.Event()
        self._told_at = 0.0

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Until cancelled; a job that was under way when the process ended goes on first."""
        while True:
            self._news.clear()
            try:
                order = await asyncio.to_thread(self._store.next_order)
                if order is not None:
                    await self._do(order)
                    continue
            except sqlite3.Error as error:
                log.error("bulk job interrupted", reason=str(error))
                await asyncio.sleep(POLL_S)
                continue
            await self._news.wait()

    async def tell(self, key: str, *, now: bool = True) -> None:
        """Publishes how far a job is; at most twice a second unless `now`."""
        if not now and time.monotonic() - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = time.monotonic()
        job = await asyncio.to_thread(self._store.job, key)
        if job is not None:
            self._feed.publish("jobs", msgspec.json.encode(job))

    async def _do(self, order: Order) -> None:
        await self.tell(order.id)
        while batch := await asyncio.to_thread(self._store.pending, order.id, AT_ONCE):
            await asyncio.to_thread(self._store.begin, order.id, [number for number, _, _ in batch])
            await asyncio.gather(*(self._item(order, number, sid, again) for number, sid, again in batch))
            await self.tell(order.id, now=False)
        if await asyncio.to_thread(self._store.finish, order.id, "done"):
            log.info("bulk job done", job=order.id)
        await self.tell(order.id)

    async def _item(self, order: Order, number: int, sid: str, again: bool) -> None:
        status, code, detail = await self._outcome(order, sid, again)
        await asyncio.to_thread(self._store.settle, order.id, number, status, code, detail)

    async def _outcome(self, order: Order, sid: str, again: bool) -> tuple[Status, int | None, str]:
        """`again`: the process ended while this item's write was perhaps on its way."""
        resource, verb, call = call_of(order, sid)
        for attempt in range(1, TRIES + 1):
            await self._pace.turn()
            try:
                change = await self._tagging(order, call) if order.action == "tag" else call
                if change is None:
                    return "done", None, "It was so already."
                raw = await self._client.send(change)
                written = None if verb == "delete" else view(raw, resource.view)
            except Problem as problem:
                if is_done_already(order, problem, again):
                    return "done", problem.code, "It was so already."
                if problem.status == 503 and attempt < TRIES:
                    await asyncio.sleep(float(problem.headers.get("Retry-After", RETRY_S)))
                    continue
                await self._wrote(order, sid, resource, verb, None, problem)
                return "failed", problem.code, problem.detail
            except Unreadable:
                return "failed", 502, "Twilio answered with something that cannot be used."
            await self._wrote(order, sid, resource, verb, written, None)
            return "done", None, ""
        raise AssertionError("the last attempt returns")

    async def _tagging(self, order: Order, write: Call) -> Call | None:
        """The write that adds an order's tags to what a conversation has; None when it has them all."""
        known = view(await self._client.send(Call("GET", write.path)), Conversation)
        attributes = with_tags(known.attributes, [tag for _, tag in order.form])
        if attributes == known.attributes:
            return None
        return replace(write, form=[("Attributes", msgspec.json.encode(attributes).decode())])


def call_of(order: Order, sid: str) -> tuple[Resource, Verb, Call]:
    """The one write of an item."""
    path = f"v1/Services/{order.service_sid}/Conversations/{sid}"
    match order.action:
        case "delete":
            return CONVERSATION, "delete", Call("DELETE", path, fires_webhooks=True)
        case "addParticipant":
            call = Call("POST", f"{path}/Participants", form=order.form, fires_webhooks=True)
            return PARTICIPANT, "create", call
        case _:
            return CONVERSATION, "update", Call("POST", path, form=order.form, fires_webhooks=True)


def is_done_already(order: Order, problem: Problem, again: bool) -> bool:
    """Whether the refusal says that things are as the job wants them.

    A pair of addresses in use may be that of another conversation; only for a write that was perhaps sent before
    the restart it counts as ours.
    """
    match order.action:
        case "close":
            return problem.code == CLOSED
        case "delete":
            return problem.code == GONE
        case "addParticipant":
            return problem.code == ALREADY_THERE or (again and problem.code == PAIR_IN_USE)
        case _:
            return False
