"""The service: follows the journals, answers with measures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import duckdb
from aiohttp import web

from shared.config import Settings
from shared.erase_route import DERIVED
from shared.operators import Role
from shared.person import Person
from shared.records import utc_now
from shared.service import READINESS, SETTINGS, add_route, create_service, json_response
from shared.telemetry import get_logger
from shared.tombstones import Tombstones
from signal_analytics.load import FILE_NAME, CallTable
from signal_analytics.measures import measured, with_bucket
from signal_analytics.query import Aggregates, cursor_of, parse_aggregates, parse_page, parse_today
from signal_analytics.report import buckets_of, measures_of

POLL_S = 0.2
T = TypeVar("T")
log = get_logger("analytics")


class Worker:
    """The table and the one thread that uses it, so that no query and no refresh blocks the event loop."""

    def __init__(self, table: CallTable) -> None:
        self.table = table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="analytics")

    async def do(self, work: Callable[[CallTable], T]) -> T:
        """What `work` gives back when it is called with the table."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.table)

    def close(self) -> None:
        self._thread.shutdown()
        self.table.close()


WORKER = web.AppKey("worker", Worker)


def create_app(settings: Settings) -> web.Application:
    """The application with everything a service has and the routes of the analytics."""
    app = create_service(settings)
    app.cleanup_ctx.append(_worker)
    add_route(app, "GET", "/api/summary", _summary, Role.VIEWER)
    add_route(app, "GET", "/api/aggregates", _aggregates, Role.VIEWER)
    add_route(app, "GET", "/api/calls", _calls, Role.VIEWER)
    return app


async def _summary(request: web.Request) -> web.Response:
    today, asked = parse_today(request.query, utc_now())

    def answer(table: CallTable) -> dict[str, Any]:
        (row,) = _measured(table, asked).to_dict("records")
        return {
            "date": today,
            "timezone": asked.zone.key,
            **measures_of({str(name): value for name, value in row.items()}),
            "skipped_lines": table.skipped_lines(),
        }

    return json_response(await request.app[WORKER].do(answer))


async def _aggregates(request: web.Request) -> web.Response:
    asked = parse_aggregates(request.query, utc_now())

    def answer(table: CallTable) -> dict[str, Any]:
        buckets = buckets_of(_measured(table, asked), asked.edges, asked.zone)
        return {"buckets": buckets, "skipped_lines": table.skipped_lines()}

    return json_response(await request.app[WORKER].do(answer))


async def _calls(request: web.Request) -> web.Response:
    page = parse_page(request.query)
    rows = await request.app[WORKER].do(
        lambda table: table.listed_calls(page.filters, page.limit + 1, page.before)
    )
    items = rows[: page.limit]
    more = len(rows) > page.limit
    return json_response(
        {"items": items, "nextCursor": cursor_of(items[-1].started_at, items[-1].key) if more else None}
    )


def _measured(table: CallTable, asked: Aggregates) -> Any:
    calls = with_bucket(table.measured_calls(asked.filters), asked.edges)
    return measured(calls, len(asked.edges) - 1)


async def _worker(app: web.Application) -> AsyncIterator[None]:
    """Opens the table, caught up with the journals, and follows them until the end."""
    loop = asyncio.get_running_loop()
    table = await loop.run_in_executor(None, CallTable, app[SETTINGS].data_dir)
    worker = app[WORKER] = Worker(table)

    async def rebuild(_: Person, __: Tombstones) -> dict[str, int]:
        return {FILE_NAME: await worker.do(CallTable.rebuild)}

    app[DERIVED].append(rebuild)
    try:
        await worker.do(CallTable.refresh)
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
            await worker.do(CallTable.refresh)
        except (duckdb.Error, OSError) as error:
            log.exception("the table cannot follow the journals")
            app[READINESS].set_failed("table", type(error).__name__)
        else:
            app[READINESS].clear("table")
