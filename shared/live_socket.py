"""A WebSocket that tells a browser what happens, resumed by number.

The first frame of the server is `hello`. A client that comes back sends `{"after": seq}` first and gets what it
missed, or `resync`. The door has checked role and Origin before the upgrade.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web
from prometheus_client import Gauge

from shared.live_feed import LiveFeed, frame
from shared.operators import Identity, Operators
from shared.service_keys import IDENTITY, OPERATORS

# How long the stream waits for `{"after": …}`; a client sends it as soon as the socket is open.
RESUME_WITHIN_S = 0.5
SEND_WITHIN_S = 10.0
HEARTBEAT_S = 20.0
SESSION_CHECK_S = 15.0
CLIENT_FRAME_BYTES = 4096
LISTENERS = Gauge("crosschannel_live_listeners", "Open live sockets")

# What a listener needs besides the frames: (topic, JSON) of the state now, told once after it has caught up.
Snapshot = Callable[[], Iterable[tuple[str, bytes]]]


class Resume(msgspec.Struct, forbid_unknown_fields=True):
    """What a returning client sends first: the last number it has seen."""

    after: int


@dataclass(slots=True)
class Listener:
    """One open socket and how far it has been told."""

    socket: web.WebSocketResponse
    feed: LiveFeed
    snapshot: Snapshot
    position: int
    resumed: asyncio.Event


async def serve_live(request: web.Request, feed: LiveFeed, snapshot: Snapshot) -> web.StreamResponse:
    """Serves a browser until it leaves, falls too far behind, or its session ends."""
    if feed.closed:
        raise web.HTTPServiceUnavailable(headers={"Retry-After": "2"})
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=CLIENT_FRAME_BYTES, compress=False)
    await socket.prepare(request)
    listener = Listener(socket, feed, snapshot, feed.head, asyncio.Event())
    with LISTENERS.track_inprogress():
        tasks = {
            asyncio.create_task(_listen(listener)),
            asyncio.create_task(_tell(listener)),
            asyncio.create_task(_watch_session(listener, request.app[OPERATORS], request[IDENTITY])),
        }
        await _first_of(tasks)
    return socket


async def _first_of(tasks: set[asyncio.Task[None]]) -> None:
    """Returns when one task ends; the others are cancelled and awaited. Raises what the first raised."""
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _listen(listener: Listener) -> None:
    """Reads what the client sends; only its first frame means something."""
    async for message in listener.socket:
        if listener.resumed.is_set():
            continue
        if message.type is not WSMsgType.TEXT:
            await listener.socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
            return
        try:
            listener.position = msgspec.json.decode(message.data, type=Resume).after
        except msgspec.MsgspecError:
            await listener.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"expected {after: seq}")
            return
        listener.resumed.set()


async def _tell(listener: Listener) -> None:
    feed, socket = listener.feed, listener.socket
    try:
        await _send(socket, frame(feed.head, "hello", b'{"resume_within_s":%.1f}' % RESUME_WITHIN_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESUME_WITHIN_S):
                await listener.resumed.wait()
        listener.resumed.set()
        await _catch_up(listener)
        for topic, data in listener.snapshot():
            await _send(socket, frame(listener.position, topic, data))
        while not feed.closed:
            await feed.wait(listener.position)
            await _catch_up(listener)
        await socket.close(code=WSCloseCode.SERVICE_RESTART)
    except TimeoutError:  # does not read: the heap must not hold what it will never take
        await _close(socket, WSCloseCode.TRY_AGAIN_LATER)


async def _catch_up(listener: Listener) -> None:
    """Sends what lies between the listener's position and the head."""
    feed = listener.feed
    while listener.position != feed.head:
        frames = feed.after(listener.position)
        if frames is None:
            listener.position = feed.head
            await _send(listener.socket, frame(feed.head, "resync", b"{}"))
            continue
        for text in frames:
            await _send(listener.socket, text)
            listener.position += 1


async def _send(socket: web.WebSocketResponse, text: str) -> None:
    """Sends, waiting for a slow reader. Raises TimeoutError when it takes nothing for too long."""
    async with asyncio.timeout(SEND_WITHIN_S):
        await socket.send_str(text)


async def _close(socket: web.WebSocketResponse, code: WSCloseCode) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await socket.close(code=code)


async def _watch_session(listener: Listener, operators: Operators, who: Identity) -> None:
    """Returns, with the socket closed, once the operator has signed out or was revoked."""
    while True:
        await asyncio.sleep(SESSION_CHECK_S)
        if not operators.still_valid(who):
            await listener.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the session has ended")
            return
