"""One customer, one timeline: phone calls of the journal and Twilio messages, joined by address in the index.

Nothing of a phone call is ever written into Twilio, where the people in a conversation would get it as a message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from typing import Any, Literal

import msgspec
from aiohttp import web

from conversations_api.cursor import own_cursor, own_position
from conversations_api.identifiers import path_sid
from conversations_api.index_documents import moment, plain_address
from conversations_api.index_status import freshness
from conversations_api.parts import INDEX, SERVICES
from conversations_api.queries import PagingInService, parse_query
from conversations_api.routes import Route
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response

LONGEST_ADDRESS = 256
# Sorts behind every key of one moment.
LAST = "\U0010ffff"


class MessageItem(msgspec.Struct, kw_only=True, rename="camel", tag_field="kind", tag="message"):
    """A message of a conversation the customer is in; `in` is from outside."""

    at: datetime | None
    conversation_sid: str
    sid: str
    index: int
    author: str
    body: str
    direction: Literal["in", "out"]
    channel: str
    media: Any = None


class CallItem(msgspec.Struct, kw_only=True, rename="camel", tag_field="kind", tag="call"):
    """A phone call, at the moment it began."""

    at: datetime | None
    call_sid: str
    direction: str
    language: str
    ended_at: datetime | None
    duration_s: float | None
    reason: str | None
    turns: int | None


class TurnItem(msgspec.Struct, kw_only=True, rename="camel", tag_field="kind", tag="turn"):
    """What was said in a phone call; `heardText` is what of the reply reached the caller."""

    at: datetime | None
    call_sid: str
    turn: int
    caller_text: str
    reply_text: str
    heard_text: str
    interrupted: bool
    outcome: str


Item = MessageItem | CallItem | TurnItem


class Timeline(msgspec.Struct, kw_only=True, rename="camel"):
    """A page of a timeline, newest first."""

    addresses: list[str]
    items: list[Item]
    next_cursor: str | None
    complete: bool
    as_of: datetime
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose timeline: conversations (ids) and addresses."""

    conversations: tuple[int, ...]
    addresses: tuple[str, ...]


Keyed = tuple[int, str, Item]


def customer(db: sqlite3.Connection, address: str) -> Subject:
    """Every conversation of an address or identity, in all services, and its calls."""
    plain = plain_address(address)
    rows = db.execute(
        "SELECT DISTINCT conversation FROM participants WHERE address = ? OR identity = ?", (plain, address)
    )
    return Subject(tuple(row[0] for row in rows), (plain,))


def conversation(db: sqlite3.Connection, sid: str, service_sid: str) -> Subject | None:
    """One conversation, and the calls of everyone in it; None when it is not known."""
    row = db.execute(
        "SELECT id FROM conversations WHERE sid = ? AND service_sid = ?", (sid, service_sid)
    ).fetchone()
    if row is None:
        return None
    people = db.execute(
        "SELECT DISTINCT address FROM participants WHERE conversation = ? AND address IS NOT NULL", (row["id"],)
    )
    return Subject((row["id"],), tuple(person[0] for person in people))


def items_of(
    db: sqlite3.Connection, subject: Subject, limit: int, before: tuple[int, str] | None
) -> tuple[list[Item], tuple[int, str] | None]:
    """The newest items before a position, and the position behind the last when there are more."""
    end = before or (2**62, LAST)
    kinds = [_messages(db, subject, limit + 1, end), _calls(db, subject, limit + 1, end)]
    kinds.append(_turns(db, subject, limit + 1, end))
    found = list(merge(*kinds, key=lambda keyed: keyed[:2], reverse=True))
    shown = found[:limit]
    after = shown[-1][:2] if len(found) > limit else None
    return [item for _, _, item in shown], after


def _messages(db: sqlite3.Connection, subject: Subject, limit: int, end: tuple[int, str]) -> list[Keyed]:
    rows = db.execute(
        "SELECT m.*, c.sid AS conversation_sid FROM messages m JOIN conversations c ON c.id = m.conversation"  # noqa: S608 - marks only
        f" WHERE m.conversation IN ({_marks(subject.conversations)}) AND (m.at_ms, m.sid) < (?, ?)"
        " ORDER BY m.at_ms DESC, m.sid DESC LIMIT ?",
        [*subject.conversations, *end, limit],
    ).fetchall()
    channels = _outside(db, subject)
    return [(row["at_ms"], row["sid"], _message(row, channels)) for row in rows]


def _outside(db: sqlite3.Connection, subject: Subject) -> dict[tuple[int, str], str]:
    """The channel of each address in each of the conversations."""
    rows = db.execute(
        "SELECT conversation, address, channel FROM participants WHERE address IS NOT NULL"  # noqa: S608 - marks only
        f" AND conversation IN ({_marks(subject.conversations)})",
        subject.conversations,
    )
    return {(row["conversation"], row["address"]): row["channel"] for row in rows}


def _message(row: sqlite3.Row, channels: dict[tuple[int, str], str]) -> MessageItem:
    channel = channels.get((row["conversation"], plain_address(row["author"])))
    usual = next((name for (place, _), name in channels.items() if place == row["conversation"]), "chat")
    return MessageItem(
        at=moment(row["at_ms"]),
        conversation_sid=row["conversation_sid"],
        sid=row["sid"],
        index=row["number"],
        author=row["author"],
        body=row["body"],
        direction="in" if channel else "out",
        channel=channel or usual,
        media=msgspec.json.decode(row["more"]).get("media"),
    )


def _calls(db: sqlite3.Connection, subject: Subject, limit: int, end: tuple[int, str]) -> list[Keyed]:
    rows = db.execute(
        f"SELECT * FROM calls WHERE customer IN ({_marks(subject.addresses)})"  # noqa: S608 - marks only
        " AND (started_ms, call_sid) < (?, ?) ORDER BY started_ms DESC, call_sid DESC LIMIT ?",
        [*subject.addresses, *end, limit],
    )
    return [(row["started_ms"], row["call_sid"], _call(row)) for row in rows]


def _call(row: sqlite3.Row) -> CallItem:
    return CallItem(
        at=moment(row["started_ms"]),
        call_sid=row["call_sid"],
        direction=row["direction"],
        language=row["language"],
        ended_at=moment(row["ended_ms"]),
        duration_s=row["duration_s"],
        reason=row["reason"],
        turns=row["turns"],
    )


def _turns(db: sqlite3.Connection, subject: Subject, limit: int, end: tuple[int, str]) -> list[Keyed]:
    rows = db.execute(
        "SELECT t.*, t.call_sid || printf(':%06d', t.turn) AS key FROM turns t JOIN calls c USING (call_sid)"  # noqa: S608 - marks only
        f" WHERE c.customer IN ({_marks(subject.addresses)}) AND (t.at_ms, key) < (?, ?)"
        " ORDER BY t.at_ms DESC, key DESC LIMIT ?",
        [*subject.addresses, *end, limit],
    )
    return [(row["at_ms"], row["key"], _turn(row)) for row in rows]


def _turn(row: sqlite3.Row) -> TurnItem:
    return TurnItem(
        at=moment(row["at_ms"]),
        call_sid=row["call_sid"],
        turn=row["turn"],
        caller_text=row["caller_text"],
        reply_text=row["reply_text"],
        heard_text=row["heard_text"],
        interrupted=bool(row["interrupted"]),
        outcome=row["outcome"],
    )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


# ---- routes ----


async def _of_customer(request: web.Request) -> web.Response:
    query = parse_query(request.query, PagingInService)
    address = request.match_info["address"]
    if len(address) > LONGEST_ADDRESS:
        raise Problem(400, "An address has at most 256 characters.")
    return await _answer(request, query, f"customer {address}", lambda db: customer(db, address))


async def _of_conversation(request: web.Request) -> web.Response:
    query = parse_query(request.query, PagingInService)
    sid = path_sid(request.match_info["conversationSid"], "CH", "conversationSid")
    service_sid = await request.app[SERVICES].resolve(query.service_sid)
    return await _answer(request, query, f"conversation {sid}", lambda db: conversation(db, sid, service_sid))


async def _answer(request: web.Request, query: PagingInService, name: str, find: Any) -> web.Response:
    index, before = request.app[INDEX], None
    await index.settled()
    if isinstance(query.cursor, str):
        at_ms, key = own_position(query.cursor, name, (), int, str)
        before = (at_ms, key)

    def look(db: sqlite3.Connection) -> Timeline | None:
        subject = find(db)
        if subject is None:
            return None
        items, after = items_of(db, subject, query.limit, before)
        fresh = freshness(db)
        return Timeline(
            addresses=list(subject.addresses),
            items=items,
            next_cursor=own_cursor(list(after), name, ()) if after else None,
            complete=fresh.complete,
            as_of=datetime.now(UTC),
            checked_at=fresh.checked_at,
        )

    found = await index.read(look)
    if found is None:
        raise Problem(404, "The index knows no such conversation in this service.", code=20404)
    return json_response(found)


ROUTES = (
    Route(
        "GET",
        "/api/customers/{address}/timeline",
        _of_customer,
        Role.VIEWER,
        "Read the calls and messages of a customer",
        "timelines",
        answer=Timeline,
        query=PagingInService,
    ),
    Route(
        "GET",
        "/api/conversations/{conversationSid}/timeline",
        _of_conversation,
        Role.VIEWER,
        "Read a conversation's messages and its people's calls",
        "timelines",
        answer=Timeline,
        query=PagingInService,
    ),
)
