"""How the index is: `/api/index`, and what each answer says of its freshness."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from typing import Literal

import msgspec
from aiohttp import web

from conversations_api.index_pass import PassState
from conversations_api.parts import INDEX, SYNC
from conversations_api.queries import Nothing, parse_query
from conversations_api.routes import Route
from conversations_api.search_index import SearchIndex, fact
from shared.live_feed import LiveFeed
from shared.operators import Role
from shared.service import audit, json_response

TOLD_EVERY_S = 1.0
State = Literal["building", "reconciling", "ready"]


class Freshness(msgspec.Struct):
    """`complete`: everything was read from Twilio once; `checked_at`: when it was last compared with Twilio."""

    complete: bool
    checked_at: datetime | None


class Progress(msgspec.Struct):
    """Conversations whose contents are read, of those known."""

    done: int
    total: int


class IndexStatus(msgspec.Struct, kw_only=True, rename="camel"):
    """The index: what it holds, how far it is, and how many differences no webhook had told."""

    state: State
    started_at: datetime | None
    finished_at: datetime | None
    conversations: int
    messages: int
    stale: int
    progress: Progress
    missed_events: int
    as_of: datetime


def freshness(db: sqlite3.Connection) -> Freshness:
    """What a list says of itself."""
    state = fact(db, "pass", PassState())
    return Freshness(bool(state.finished_s), _moment(state.finished_s))


def status(db: sqlite3.Connection) -> IndexStatus:
    """Everything at once."""
    state = fact(db, "pass", PassState())
    total, due, messages = db.execute(
        "SELECT count(*), coalesce(sum(due > 0), 0), coalesce(sum(messages), 0) FROM conversations"
    ).fetchone()
    return IndexStatus(
        state=_state(state),
        started_at=_moment(state.started_s),
        finished_at=_moment(state.finished_s),
        conversations=total,
        messages=messages,
        stale=db.execute("SELECT count(*) FROM stale").fetchone()[0],
        progress=Progress(total - due, total),
        missed_events=fact(db, "missed", 0),
        as_of=datetime.now(UTC),
    )


class StatusTeller:
    """Tells the consoles how far the index is, once a second at most; the end of a pass is always told."""

    def __init__(self, index: SearchIndex, feed: LiveFeed) -> None:
        self._index = index
        self._feed = feed
        self._told_at = float("-inf")

    async def tell(self) -> None:
        """Publishes the status when it is time."""
        state = await self._index.read(lambda db: fact(db, "pass", PassState()))
        if time.monotonic() - self._told_at < TOLD_EVERY_S and state.stage != "idle":
            return
        self._told_at = time.monotonic()
        self._feed.publish("index", msgspec.json.encode(await self._index.read(status)))


def _state(state: PassState) -> State:
    if not state.finished_s:
        return "building"
    return "ready" if state.stage == "idle" else "reconciling"


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


async def _show(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    return json_response(await request.app[INDEX].read(status))


async def _reconcile(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    request.app[SYNC].ask(deep=True)
    audit(request, "index.reconcile")
    return json_response(await request.app[INDEX].read(status), status=202)


async def _rebuild(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    await request.app[SYNC].rebuild()
    audit(request, "index.rebuild")
    return json_response(await request.app[INDEX].read(status), status=202)


ROUTES = (
    Route("GET", "/api/index", _show, Role.VIEWER, "How the search index is", "search", answer=IndexStatus),
    Route(
        "POST",
        "/api/index/reconcile",
        _reconcile,
        Role.SUPERVISOR,
        "Compare the index with Twilio now",
        "search",
        status=202,
        answer=IndexStatus,
    ),
    Route(
        "POST",
        "/api/index/rebuild",
        _rebuild,
        Role.ADMIN,
        "Throw the index away and read everything from Twilio again",
        "search",
        status=202,
        answer=IndexStatus,
    ),
)
