"""Lists and searches that the index answers, for the routes of conversations and messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web

from conversations_api.cursor import own_cursor, own_position
from conversations_api.index_documents import milliseconds
from conversations_api.index_messages import Hit, hits_of, messages_of
from conversations_api.index_search import (
    Activity,
    Found,
    Selection,
    activities,
    conversation_document,
    find,
    rows_of,
)
from conversations_api.index_status import freshness
from conversations_api.index_words import search_words
from conversations_api.listing import Asked, Page, cut, select
from conversations_api.parts import INDEX, SERVICES
from conversations_api.queries import ConversationList, given, parse_query
from conversations_api.resources import CONVERSATION
from conversations_api.routes import Route
from conversations_api.views import Conversation
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response

DAY = timedelta(days=1)


class FoundConversation(Conversation):
    """A conversation and what the index knows about it; null where it does not know it."""

    activity: Activity | None = None


class SearchResult(msgspec.Struct, kw_only=True, rename="camel"):
    """A conversation that a search has found, and where."""

    conversation: FoundConversation
    hits: list[Hit]


class SearchPage(msgspec.Struct, kw_only=True, rename="camel"):
    """A page of a search. Unless `total_is_exact` there are more than `total` says."""

    items: list[SearchResult]
    next_cursor: str | None
    total: int
    total_is_exact: bool
    source: str
    complete: bool
    as_of: datetime
    checked_at: datetime | None


async def conversations(request: web.Request, asked: Asked, service_sid: str) -> Page:
    """A page of conversations from the index."""
    selection = selection_of(service_sid, asked.parameters)
    sort = asked.parameters.get("sort", "-lastActivity" if selection.words else "created")
    return (await _page(request, asked, selection, sort))[0]


async def messages(request: web.Request, asked: Asked, conversation_sid: str, service_sid: str) -> Page | None:
    """A page of a conversation's messages from the index; None when it does not know the conversation."""
    index = request.app[INDEX]
    await index.settled()
    named = asked.parameters
    words = search_words(named.get("q", ""))
    found = await index.read(lambda db: messages_of(db, service_sid, conversation_sid, words, named.get("author")))
    if found is None:
        return None
    rows: list[Mapping[str, Any]] = [*found]
    if "sort" in named:
        rows = select(asked, rows)
    elif named.get("order") == "desc":
        rows.reverse()
    page = cut(asked, rows, await _fresh(request))
    page.items = [msgspec.convert(row, asked.resource.view) for row in page.items]
    return page


async def with_activity(request: web.Request, page: Page) -> Page:
    """The same page of Twilio's, with what the index knows about each conversation."""
    sids = [item.sid for item in page.items]
    known = await request.app[INDEX].read(lambda db: activities(db, rows_of(db, sids))) if sids else {}
    page.items = [found_conversation(msgspec.to_builtins(item), known.get(item.sid)) for item in page.items]
    return page


def found_conversation(document: Mapping[str, Any], activity: Activity | None) -> FoundConversation:
    """A document of the index or of Twilio as an answer."""
    found = msgspec.convert(document, FoundConversation)
    found.activity = activity
    return found


def selection_of(service_sid: str, parameters: Mapping[str, Any]) -> Selection:
    """The conversations that a query or a bulk job means."""
    start, end = parameters.get("start_date"), parameters.get("end_date")
    return Selection(
        service_sid=service_sid,
        words=tuple(search_words(parameters.get("q", ""))),
        state=parameters.get("state"),
        participant=parameters.get("participant"),
        address=parameters.get("address"),
        channel=parameters.get("channel"),
        created_from_ms=_midnight_ms(start) if start else None,
        created_to_ms=_midnight_ms(end) + DAY // timedelta(milliseconds=1) - 1 if end else None,
        active_from_ms=_ms(parameters.get("active_after")),
        active_to_ms=_ms(parameters.get("active_before")),
        unread=parameters.get("unread"),
    )


async def _page(
    request: web.Request, asked: Asked, selection: Selection, sort: str
) -> tuple[Page, list[sqlite3.Row]]:
    index = request.app[INDEX]
    await index.settled()
    cursor, after = asked.query.cursor, None
    if isinstance(cursor, str):
        value, row_id = own_position(cursor, asked.path, asked.print_of, str if "name" in sort else int, int)
        after = (value, row_id)

    def look(db: sqlite3.Connection) -> tuple[Found, dict[str, Activity]]:
        found = find(db, selection, sort, asked.query.limit, after)
        return found, activities(db, found.rows)

    found, known = await index.read(look)
    page = await _fresh(request)
    page.items = [found_conversation(conversation_document(row), known[row["sid"]]) for row in found.rows]
    page.total, page.total_is_exact = found.total, found.exact
    page.next_cursor = own_cursor(list(found.after), asked.path, asked.print_of) if found.after else None
    return page, found.rows


async def _fresh(request: web.Request) -> Page:
    fresh = await request.app[INDEX].read(freshness)
    return Page(
        items=[], source="index", complete=fresh.complete, as_of=datetime.now(UTC), checked_at=fresh.checked_at
    )


async def _search(request: web.Request) -> web.Response:
    query = parse_query(request.query, ConversationList)
    if not isinstance(query.q, str) or not search_words(query.q):
        raise Problem(400, "`q` must hold at least one word to look for.")
    service_sid = await request.app[SERVICES].resolve(query.service_sid)
    selection = selection_of(service_sid, given(query))
    sort = query.sort if isinstance(query.sort, str) else "-lastActivity"
    page, rows = await _page(request, Asked(CONVERSATION, "search", query), selection, sort)
    hits = await request.app[INDEX].read(lambda db: [hits_of(db, row, selection.words) for row in rows])
    return json_response(
        SearchPage(
            items=[SearchResult(conversation=c, hits=h) for c, h in zip(page.items, hits, strict=True)],
            next_cursor=page.next_cursor,
            total=page.total or 0,
            total_is_exact=page.total_is_exact,
            source="index",
            complete=page.complete,
            as_of=page.as_of,
            checked_at=page.checked_at,
        )
    )


def _midnight_ms(day: date) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))


def _ms(value: datetime | None) -> int | None:
    return None if value is None else milliseconds(value)


ROUTES = (
    Route(
        "GET",
        "/api/search",
        _search,
        Role.VIEWER,
        "Search conversations, their people and messages",
        "search",
        answer=SearchPage,
        query=ConversationList,
    ),
)
