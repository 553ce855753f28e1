"""The routes beside the numbers: reconciliation, customers, and the older names."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
from aiohttp import web
from multidict import MultiDict

from shared.problem import Problem
from shared.records import utc_now
from shared.service import json_response
from signal_analytics.call_row import listed_calls
from signal_analytics.conditional import answered
from signal_analytics.customers import check_phone, customer_page, segments, traits_known
from signal_analytics.older import LABELS, older_bucket, older_event
from signal_analytics.query import Page, cursor_of, parse_aggregates, parse_page
from signal_analytics.reconciliation import KINDS, UNANALYSED, UNANALYSED_MEANING, listed_mismatches, mismatches
from signal_analytics.rejects import skipped_lines
from signal_analytics.report import aggregates


async def reconciliation(request: web.Request) -> web.Response:
    """How relay, Intelligence and Conversations agree; with `kind`, the calls that differ in that."""
    page, kind = parse_page(request.query), request.query.get("kind")
    now = utc_now().replace(second=0, microsecond=0)
    if kind is None:
        return await answered(
            request,
            lambda db: {**mismatches(db, page.filters, now), "skipped_lines": skipped_lines(db)},
            about=now,
        )
    if kind not in KINDS and kind != UNANALYSED:
        raise Problem(400, f"kind must be one of {', '.join((*KINDS, UNANALYSED))}.", code=40000)
    return await answered(request, lambda db: _differing(db, kind, page, now), about=now)


def _differing(db: duckdb.DuckDBPyConnection, kind: str, page: Page, now: datetime) -> dict[str, Any]:
    found = listed_mismatches(db, kind, page.filters, now, page.limit + 1, page.before)
    items = found[: page.limit]
    more = len(found) > page.limit
    return {
        "kind": kind,
        "meaning": UNANALYSED_MEANING if kind == UNANALYSED else KINDS[kind].meaning,
        "items": items,
        "nextCursor": cursor_of(items[-1]["started_at"], items[-1]["key"]) if more else None,
    }


async def customer(request: web.Request) -> web.Response:
    """What Segment and the journals know of a phone number."""
    phone = check_phone(request.match_info["phone"])
    return json_response(await customer_page(request.app, phone))


async def segments_by_trait(request: web.Request) -> web.Response:
    """Segments of customers by a trait, with the measures of their calls."""
    trait = request.query.get("trait", "")
    if not trait:
        raise Problem(400, "trait must be the name of a trait, such as plan.", code=40000)
    asked = parse_aggregates(request.query, utc_now()).question
    edges = list(asked.edges)
    return await answered(request, lambda db: segments(db, trait, asked.filters, edges), about=edges)


async def traits(request: web.Request) -> web.Response:
    """The names of traits that customers are known to have."""
    return await answered(request, lambda db: {"items": traits_known(db)})


async def older_aggregates(request: web.Request) -> web.Response:
    """`/intel-aggregates?group=day|week|month|year`: buckets with calls, by their label."""
    group = request.query.get("group", "day")
    label = next((text for name, text in LABELS.items() if name == group), None)
    if label is None:
        raise Problem(400, f"group must be one of {', '.join(LABELS)}.", code=40000)
    query = MultiDict(request.query)
    query["bucket"] = group
    asked = parse_aggregates(query, utc_now())

    def answer(db: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        found = aggregates(db, asked.question, asked.zone)["buckets"]
        return {
            datetime.fromisoformat(bucket["start"]).strftime(label): older_bucket(bucket)
            for bucket in found
            if bucket["calls"]
        }

    return await answered(request, answer, about=asked.question.edges[-1])


async def older_events(request: web.Request) -> web.Response:
    """`/intel-events`: the newest calls with results, flat."""
    page = parse_page(request.query)
    filters = page.filters if page.filters.signal else replace(page.filters, signal="analysed")

    def answer(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
        rows = listed_calls(db, filters, page.limit)
        return [older_event(row) for row in rows if row.transcript_sid or row.conversation_sid]

    return await answered(request, answer)
