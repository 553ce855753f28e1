"""`/api/events`: the same live feed as `/api/live`, as server-sent events for programs that have no WebSocket.

`id` is the number of the frame, so that whoever comes back with Last-Event-ID gets what it missed, or `resync`.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from conversations_api.parts import BOARD, FEED
from conversations_api.queries import Nothing, parse_query
from conversations_api.routes import Route
from shared.live_feed import LiveFeed
from shared.live_socket import LISTENERS, SEND_WITHIN_S
from shared.operators import Role
from shared.problem import Problem
from shared.service import OPERATORS, identity

SESSION_CHECK_S = 15.0
RECONNECT_MS = 2000


class _Frame(msgspec.Struct):
    seq: int
    topic: str
    data: msgspec.Raw


_decode = msgspec.json.Decoder(_Frame).decode


async def _events(request: web.Request) -> web.StreamResponse:
    """Until the listener leaves or its session ends."""
    parse_query(request.query, Nothing)
    feed, who = request.app[FEED], identity(request)
    if feed.closed:
        raise Problem(503, "This service is stopping.", headers={"Retry-After": "2"})
    last = request.headers.get("Last-Event-ID", "")
    position = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None
    headers = {"X-Accel-Buffering": "no"}
    async with sse_response(request, headers=headers, sep="\n", send_timeout=SEND_WITHIN_S) as response:
        with LISTENERS.track_inprogress(), contextlib.suppress(ConnectionError, TimeoutError):
            start = feed.head if position is None else position
            await response.send("{}", event="hello", id=str(min(start, feed.head)), retry=RECONNECT_MS)
            start = await _catch_up(response, feed, start)
            await response.send(request.app[BOARD].states.decode(), event="health", id=str(start))
            while not feed.closed and request.app[OPERATORS].still_valid(who):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SESSION_CHECK_S):
                        await feed.wait(start)
                start = await _catch_up(response, feed, start)
    return response


async def _catch_up(response: EventSourceResponse, feed: LiveFeed, position: int) -> int:
    """Sends what lies between the position and the head, which is the new position."""
    while position != feed.head:
        frames = feed.after(position)
        if frames is None:
            position = feed.head
            await response.send("{}", event="resync", id=str(position))
            continue
        for text in frames:
            found = _decode(text)
            await response.send(bytes(found.data).decode(), event=found.topic, id=str(found.seq))
            position += 1
    return position


ROUTES = (
    Route(
        "GET",
        "/api/events",
        _events,
        Role.VIEWER,
        "What happens, as server-sent events",
        "live",
        answer=bytes,
        content="text/event-stream",
    ),
)
