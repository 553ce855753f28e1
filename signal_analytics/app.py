"""The service: follows the journals, answers with measures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import aiohttp
import duckdb
from aiohttp import web

from shared.config import Settings
from shared.erase_route import DERIVED
from shared.operators import Role
from shared.person import Person
from shared.service import READINESS, SETTINGS, add_route, create_service
from shared.telemetry import get_logger
from shared.tombstones import Tombstones
from signal_analytics import export_routes, live, routes, tracking, wider_routes
from signal_analytics.customers import PROFILES, follow_customers
from signal_analytics.load import CallTable
from signal_analytics.profiles import Profiles
from signal_analytics.table_file import FILE_NAME
from signal_analytics.worker import WORKER, Worker

POLL_S = 0.2
log = get_logger("analytics")


def create_app(settings: Settings) -> web.Application:
    """The application with everything a service has and the routes of the analytics."""
    app = create_service(settings)
    app.cleanup_ctx.append(_worker)
    app.cleanup_ctx.append(_segment)
    app[live.LISTENERS] = set()
    app.on_shutdown.append(live.end_listening)
    add_route(app, "GET", "/api/summary", routes.summary, Role.VIEWER)
    add_route(app, "GET", "/api/aggregates", routes.buckets, Role.VIEWER)
    add_route(app, "GET", "/api/calls", routes.calls, Role.VIEWER)
    add_route(app, "GET", "/api/skipped", routes.skipped, Role.VIEWER)
    add_route(app, "GET", "/api/live", live.live, Role.VIEWER)
    add_route(app, "GET", "/api/reconciliation", wider_routes.reconciliation, Role.VIEWER)
    add_route(app, "GET", "/api/customers/{phone}", wider_routes.customer, Role.AGENT)
    add_route(app, "GET", "/api/segments", wider_routes.segments_by_trait, Role.VIEWER)
    add_route(app, "GET", "/api/traits", wider_routes.traits, Role.VIEWER)
    add_route(app, "GET", "/api/export.csv", export_routes.as_csv, Role.SUPERVISOR)
    add_route(app, "GET", "/api/export.parquet", export_routes.as_parquet, Role.SUPERVISOR)
    add_route(app, "POST", "/api/export/partitions", export_routes.partitions, Role.SUPERVISOR)
    add_route(app, "GET", "/intel-aggregates", wider_routes.older_aggregates, Role.VIEWER)
    add_route(app, "GET", "/intel-events", wider_routes.older_events, Role.VIEWER)
    return app


async def _worker(app: web.Application) -> AsyncIterator[None]:
    """Opens the table, caught up with the journals, and follows them until the end."""
    loop = asyncio.get_running_loop()
    table = await loop.run_in_executor(None, CallTable, app[SETTINGS].data_dir)
    worker = app[WORKER] = Worker(table)

    async def rebuild(_: Person, __: Tombstones) -> dict[str, int]:
        return {FILE_NAME: await worker.rebuild()}

    app[DERIVED].append(rebuild)
    try:
        await worker.refresh()
        async for _ in _while_running(_follow(app, worker)):
            yield
    finally:
        worker.close()


async def _segment(app: web.Application) -> AsyncIterator[None]:
    """Customers and outcomes, when there is a space (and a write key) to ask and to tell."""
    segment = app[SETTINGS].segment
    if segment is None:
        yield
        return
    async with aiohttp.ClientSession() as session:
        profiles = app[PROFILES] = Profiles(session, segment)
        work: list[Coroutine[Any, Any, None]] = [follow_customers(app[WORKER], profiles)]
        sent = None
        if segment.write_key:
            sent = tracking.Sent(app[SETTINGS].data_dir / tracking.FILE_NAME)
            work.append(tracking.follow_outcomes(app[WORKER], session, segment, sent))
        async for _ in _while_running(*work):
            yield
        if sent is not None:
            sent.close()


async def _while_running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Yields once, with the work going on meanwhile; it is cancelled and awaited afterwards."""
    tasks = [asyncio.create_task(found) for found in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
