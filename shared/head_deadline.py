"""Connections whose request head does not come: aiohttp has one deadline for those and for idle ones.

A connection between two requests may be idle for long, since clients reuse it. A head that trickles in, or a new
connection on which nothing is said, is an attack or a fault: a few hundred of them would hold every descriptor.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler


class GuardedRunner(web.AppRunner):
    """An AppRunner that closes connections on which no whole request head arrives within `head_deadline_s`."""

    __slots__ = ("_head_deadline_s",)

    def __init__(self, app: web.Application, *, head_deadline_s: float, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._head_deadline_s = head_deadline_s

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return _GuardedServer(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
            head_deadline_s=self._head_deadline_s,
            **plain._kwargs,
        )


class _GuardedServer(web.Server):
    def __init__(self, *args: Any, head_deadline_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_deadline_s = head_deadline_s

    def __call__(self) -> RequestHandler:
        return _GuardedHandler(self._head_deadline_s, self, loop=self._loop, **self._kwargs)


class _GuardedHandler(RequestHandler):
    __slots__ = ("_head_deadline_s", "_head_timer")

    def __init__(self, head_deadline_s: float, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_deadline_s = head_deadline_s
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        waiting = self._is_waiting()
        super().data_received(data)
        if self._messages:  # a whole head: its body has a deadline of its own
            self._forget_head()
        elif waiting and self._head_timer is None and data.strip():
            self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        """True while no request is being handled; a socket that was upgraded is one that never ends."""
        return self._waiter is not None and not self._waiter.done()

    def _await_head(self) -> None:
        self._head_timer = self._loop.call_later(self._head_deadline_s, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_waiting():
            self.force_close()

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
