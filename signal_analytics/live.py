"""`GET /api/live`: what has changed, as Server-Sent Events, so that a chart knows what to fetch again."""

from __future__ import annotations

import asyncio
from typing import Any

import duckdb
import msgspec
from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from shared.problem import Problem
from signal_analytics.call_row import COLUMNS, CallRow, row_of
from signal_analytics.conditional import sees_private
from signal_analytics.load import Changed
from signal_analytics.worker import WORKER

PAUSE_S = 0.25
MOST_CALLS = 50
MOST_LISTENERS = 100
LISTENERS = web.AppKey("listeners", set[asyncio.Task[Any]])


async def live(request: web.Request) -> web.StreamResponse:
    """First `hello` with the version, then a `change` whenever calls have changed, at most four a second."""
    listeners: set[asyncio.Task[Any]] = request.app[LISTENERS]
    if len(listeners) >= MOST_LISTENERS:
        raise Problem(503, "Too many are listening already: try again later.", headers={"Retry-After": "10"})
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a handler always runs in a task
    listeners.add(task)
    try:
        async with sse_response(request) as stream:
            await _tell(request, stream)
        return stream
    finally:
        listeners.discard(task)


async def _tell(request: web.Request, stream: EventSourceResponse) -> None:
    worker, private = request.app[WORKER], sees_private(request)
    version = worker.table.version
    await stream.send(_json({"version": version}), event="hello", id=str(version))
    async for changed in worker.changes(version):
        data = await worker.ask(lambda db: _change(db, changed, private))  # noqa: B023
        await stream.send(data, event="change", id=str(changed.version))
        await asyncio.sleep(PAUSE_S)


def _change(db: duckdb.DuckDBPyConnection, changed: Changed, private: bool) -> str:
    return _json(
        {
            "version": changed.version,
            "from": changed.first,
            "to": changed.last,
            "total": changed.calls,
            "calls": _changed_calls(db, private),
        }
    )


def _changed_calls(db: duckdb.DuckDBPyConnection, private: bool) -> list[CallRow]:
    """Calls of the last refresh, newest first."""
    statement = (
        f"SELECT {COLUMNS}, NULL, NULL, NULL FROM calls SEMI JOIN touched USING (call) "
        f"ORDER BY started_at DESC, key DESC LIMIT {MOST_CALLS}"
    )
    rows = [row_of(values) for values in db.execute(statement).fetchall()]
    return [msgspec.structs.replace(row, caller=row.caller if private else None, evidence=None) for row in rows]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def end_listening(app: web.Application) -> None:
    """Ends the streams, which would otherwise hold a stop for as long as someone listens."""
    listeners: set[asyncio.Task[Any]] = app[LISTENERS]
    for task in list(listeners):
        task.cancel()
