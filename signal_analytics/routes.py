"""The routes of the numbers and of the calls behind them."""

from __future__ import annotations

from typing import Any

import duckdb
from aiohttp import web

from shared.records import utc_now
from signal_analytics.call_row import CallRow, listed_calls, without_private
from signal_analytics.conditional import answered, sees_private
from signal_analytics.query import Page, cursor_of, parse_aggregates, parse_limit, parse_page, parse_today
from signal_analytics.rejects import listed_rejects, skipped_lines
from signal_analytics.report import aggregates, local, measures_of
from signal_analytics.tallies import tallied
from signal_analytics.worker import WORKER


async def summary(request: web.Request) -> web.Response:
    """Today's measures in the zone that is asked for."""
    today, asked = parse_today(request.query, utc_now())

    def answer(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        return {
            "date": today,
            "timezone": asked.zone.key,
            **measures_of(tallied(db, asked.question)),
            "skipped_lines": skipped_lines(db),
            "version": request.app[WORKER].table.version,
        }

    return await answered(request, answer, about=today)


async def buckets(request: web.Request) -> web.Response:
    """Measures per bucket and, if asked, per group and beside another period."""
    asked = parse_aggregates(request.query, utc_now())
    edges = asked.question.edges

    def answer(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        return {
            "bucket": asked.bucket,
            "tz": asked.zone.key,
            "from": local(edges[0], asked.zone),
            "to": local(edges[-1], asked.zone),
            "by": asked.question.by,
            **aggregates(db, asked.question, asked.zone, asked.compared),
            "skipped_lines": skipped_lines(db),
            "version": request.app[WORKER].table.version,
        }

    return await answered(request, answer, about=(edges[0], edges[-1]))


async def calls(request: web.Request) -> web.Response:
    """A page of calls, newest first."""
    page, private = parse_page(request.query), sees_private(request)
    return await answered(request, lambda db: _page(db, page, private))


async def skipped(request: web.Request) -> web.Response:
    """The journal lines that could not be read, by file and line; the newest of them."""
    limit = parse_limit(request.query)
    return await answered(request, lambda db: {"items": listed_rejects(db, limit), "total": skipped_lines(db)})


def _page(db: duckdb.DuckDBPyConnection, page: Page, private: bool) -> dict[str, Any]:
    rows = listed_calls(db, page.filters, page.limit + 1, page.before)
    items = rows[: page.limit]
    more = len(rows) > page.limit
    return {
        "items": shown(items, private),
        "nextCursor": cursor_of(items[-1].started_at, items[-1].key) if more else None,
    }


def shown(rows: list[CallRow], private: bool) -> list[CallRow]:
    return rows if private else [without_private(row) for row in rows]
