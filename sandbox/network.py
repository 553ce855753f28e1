"""A bad network between the phone company and the application: frames are late, in order, both ways."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec


class Network(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How bad it is: each frame takes `delay_ms` and up to `jitter_ms` more, real time."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.delay_ms < 0 or self.jitter_ms < 0:
            raise ValueError("delay_ms and jitter_ms cannot be negative")

    @property
    def is_good(self) -> bool:
        return not (self.delay_ms or self.jitter_ms)


LONGEST_GOODBYE_S = 2.0


@dataclass(slots=True)
class _Late:
    due_s: float
    item: Any


class SlowSocket:
    """A client socket whose frames arrive late. Only what a relay session uses of a socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, network: Network, rng: random.Random) -> None:
        self._socket = socket
        self._network = network
        self._rng = rng
        self._going: asyncio.Queue[_Late] = asyncio.Queue()
        self._coming: asyncio.Queue[_Late | None] = asyncio.Queue()
        self._tasks = [asyncio.create_task(self._send_late()), asyncio.create_task(self._read_ahead())]

    @property
    def closed(self) -> bool:
        return self._socket.closed

    def get_extra_info(self, name: str) -> Any:
        return self._socket.get_extra_info(name)

    async def send_str(self, text: str) -> None:
        self._going.put_nowait(_Late(self._due_s(), text))

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        """Sends what is under way first, as a goodbye does not overtake."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_GOODBYE_S):
                await self._going.join()
        self._tasks[0].cancel()
        return await self._socket.close(code=code, message=message)

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        try:
            while (late := await self._coming.get()) is not None:
                await _until(late.due_s)
                yield late.item
        finally:
            for task in self._tasks:
                task.cancel()

    async def _send_late(self) -> None:
        while True:
            late = await self._going.get()
            await _until(late.due_s)
            with suppress(ConnectionError):
                await self._socket.send_str(late.item)
            self._going.task_done()

    async def _read_ahead(self) -> None:
        async for message in self._socket:
            self._coming.put_nowait(_Late(self._due_s(), message))
        self._coming.put_nowait(None)

    def _due_s(self) -> float:
        delay_ms = self._network.delay_ms + self._rng.uniform(0, self._network.jitter_ms)
        return asyncio.get_running_loop().time() + delay_ms / 1000


async def _until(due_s: float) -> None:
    await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))


PhoneSocket = aiohttp.ClientWebSocketResponse | SlowSocket
OpenSocket = Callable[[str], Awaitable[PhoneSocket]]
