"""The service: follows the journals, answers with measures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import duckdb
from aiohttp import web

from shared.config import Settings
from shared.erase_route import DERIVED
from shared.operators import Role
from shared.person import Person
from shared.service import READINESS, SETTINGS, add_route, create_service
from shared.telemetry import get_logger
from shared.tombstones import Tombstones
from signal_analytics import live, routes
from signal_analytics.load import CallTable
from signal_analytics.table_file import FILE_NAME
from signal_analytics.worker import WORKER, Worker

POLL_S = 0.2
log = get_logger("analytics")


def create_app(settings: Settings) -> web.Application:
    """The application with everything a service has and the routes of the analytics."""
    app = create_service(settings)
    app.cleanup_ctx.append(_worker)
    app[live.LISTENERS] = set()
    app.on_shutdown.append(live.end_listening)
    add_route(app, "GET", "/api/summary", routes.summary, Role.VIEWER)
    add_route(app, "GET", "/api/aggregates", routes.buckets, Role.VIEWER)
    add_route(app, "GET", "/api/calls", routes.calls, Role.VIEWER)
    add_route(app, "GET", "/api/skipped", routes.skipped, Role.VIEWER)
    add_route(app, "GET", "/api/live", live.live, Role.VIEWER)
    return app


async def _worker(app: web.Application) -> AsyncIterator[None]:
    """Opens the table, caught up with the journals, and follows them until the end."""
    loop = asyncio.get_running_loop()
    table = await loop.run_in_executor(None, CallTable, app[SETTINGS].data_dir)
    worker = app[WORKER] = Worker(table)

    async def rebuild(_: Person, __: Tombstones) -> dict[str, int]:
        return {FILE_NAME: await worker.do(CallTable.rebuild)}

    app[DERIVED].append(rebuild)
    try:
        await worker.refresh()
        follower = asyncio.create_task(_follow(app, worker))
        yield
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    finally:
        worker.close()


async def _follow(app: web.Application, worker: Worker) -> None:
    """Refreshes the table every 200 ms. A full disk is said in readiness and survived."""
    while True:
        await asyncio.sleep(POLL_S)
        try:
            await worker.refresh()
        except (duckdb.Error, OSError) as error:
            log.exception("the table cannot follow the journals")
            app[READINESS].set_failed("table", type(error).__name__)
        else:
            app[READINESS].clear("table")
