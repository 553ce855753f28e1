"""WebSockets under `/svc/…`: joined to the service's own socket, frame by frame in both directions.

The service is asked first, so that its refusal reaches the caller as an HTTP answer. The door has checked role
and Origin before.
"""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

from conversations_api.parts import NEIGHBOURS
from shared.problem import Problem

FRAME_BYTES = 1024 * 1024
HEARTBEAT_S = 20.0
HANDSHAKE_WITHIN_S = 5.0
CLOSE_WITHIN_S = 2.0
# Codes that only an endpoint itself may report; on the wire they are an error (RFC 6455, 7.4.1).
NOT_ON_THE_WIRE = {1004, 1005, 1006, 1015}

Socket = web.WebSocketResponse | ClientWebSocketResponse


def is_upgrade(request: web.Request) -> bool:
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


def unanswered(service: str, error: Exception) -> Problem:
    """The problem when a service gave no answer at all."""
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return Problem(504, f"The {service} service did not answer in time.")
    return Problem(502, f"The {service} service cannot be reached.", headers={"Retry-After": "5"})


async def forward_socket(request: web.Request, target: URL, headers: CIMultiDict[str]) -> web.StreamResponse:
    """Serves until either side closes; the other side gets the same close code."""
    protocols = [
        name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if name.strip()
    ]
    service = target.host or ""
    try:
        async with asyncio.timeout(HANDSHAKE_WITHIN_S):
            inner = await request.app[NEIGHBOURS].ws_connect(
                target, headers=headers, protocols=protocols, heartbeat=HEARTBEAT_S, max_msg_size=FRAME_BYTES
            )
    except aiohttp.WSServerHandshakeError as refusal:
        raise _refused(refusal.status) from refusal
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unanswered(service, error) from error
    outer = web.WebSocketResponse(
        protocols=[inner.protocol] if inner.protocol else (),
        heartbeat=HEARTBEAT_S,
        max_msg_size=FRAME_BYTES,
        compress=False,
    )
    try:
        await outer.prepare(request)
        await _join(outer, inner)
    finally:
        await inner.close()
    return outer


def _refused(status: int) -> Problem:
    """The service's refusal, when it concerns the caller."""
    if status in {401, 403, 404}:
        return Problem(status, "The service refused the connection.")
    return Problem(502, "The service does not take this connection.")


async def _join(outer: web.WebSocketResponse, inner: ClientWebSocketResponse) -> None:
    pumps = [asyncio.create_task(_pump(outer, inner)), asyncio.create_task(_pump(inner, outer))]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(source: Socket, sink: Socket) -> None:
    """Passes frames on until the source ends; a sink that is slow slows its source."""
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        else:
            break
    code = source.close_code
    if code is None or code in NOT_ON_THE_WIRE:
        code = WSCloseCode.GOING_AWAY
    async with asyncio.timeout(CLOSE_WITHIN_S):
        await sink.close(code=code)
