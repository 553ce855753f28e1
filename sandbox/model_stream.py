"""Server-sent events of the model at their pace, and what can go wrong on their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from aiohttp import web

from sandbox.faults import Fault
from sandbox.pacing import Pacing
from sandbox.product import drop_connection

MALFORMED = b'data: {"id":"chatcmpl-broken","choices":[{"delta":{"content":"\n\n'


class Event(Protocol):
    """Something to send; `is_token` when it takes a token's time."""

    @property
    def is_token(self) -> bool: ...

    def encoded(self) -> bytes: ...


async def stream_events(
    request: web.Request, events: Iterator[Event], pacing: Pacing, seed: str, fault: Fault
) -> web.StreamResponse:
    """Sends the events when they are due. A client that hangs up ends it; a cut drops the connection."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    try:
        async for data in _with_faults(_paced(events, pacing, seed, fault), fault):
            await response.write(data)
    except ConnectionError:
        return response  # barge-in: the client closed the stream
    except _Cut:
        drop_connection(request)
        return response
    await response.write_eof()
    return response


class _Cut(Exception):
    """The stream ends here without a goodbye."""


async def _paced(events: Iterator[Event], pacing: Pacing, seed: str, fault: Fault) -> AsyncIterator[bytes]:
    """The events when they are due: counted from the beginning, so that delays do not add up."""
    loop = asyncio.get_running_loop()
    due_s = loop.time() + pacing.first_s(seed) + fault.first_token_ms / 1000
    gaps_s = pacing.gaps_s(seed)
    for number, event in enumerate(events):
        wait_s = due_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        if fault.malformed and number == 1:
            yield MALFORMED
        yield event.encoded()
        due_s += next(gaps_s) if event.is_token else 0.0


async def _with_faults(stream: AsyncIterator[bytes], fault: Fault) -> AsyncIterator[bytes]:
    """The bytes, with silence after so many of them, or none after so many."""
    sent, silent = 0, False
    async for data in stream:
        if fault.stall_after_bytes is not None and not silent and sent + len(data) >= fault.stall_after_bytes:
            silent = True
            await asyncio.sleep(fault.stall_ms / 1000)
        if fault.cut_after_bytes is not None and sent + len(data) >= fault.cut_after_bytes:
            yield data[: fault.cut_after_bytes - sent]
            raise _Cut
        sent += len(data)
        yield data
