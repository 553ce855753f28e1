"""A service with nothing of its own but a slow request, a failing one, and a part that takes its time to stop.

Its settings are those of signal_analytics, from the environment; DRAIN_MS is how long it takes to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from aiohttp import web

from shared.config import Settings
from shared.door import PUBLIC
from shared.runner import run_service
from shared.service import READINESS, add_route, create_service


async def hang(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError(f"no answer for {request.query.get('caller')}")


async def listen(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for _ in socket:
        pass
    return socket


async def stop_slowly(deadline_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), int(os.environ.get("DRAIN_MS", "0")) / 1000)


def build(settings: Settings) -> web.Application:
    app = create_service(settings)
    add_route(app, "GET", "/hang", hang, PUBLIC)
    add_route(app, "GET", "/fail", fail, PUBLIC)
    add_route(app, "GET", "/listen", listen, PUBLIC)
    app[READINESS].on_drain.append(stop_slowly)
    return app


if __name__ == "__main__":
    run_service(build, "signal_analytics")
