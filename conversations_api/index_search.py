"""Questions to the index: which conversations, in which order, and how many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from conversations_api.index_documents import CHANNELS, moment, plain_address
from conversations_api.index_schema import BLOCK_BITS
from conversations_api.index_words import match_of

# Fewer hits than this are looked up one by one and sorted; more are met on the way through the sorted index.
FEW_HITS = 2000
SORTS = {"lastActivity": "activity_ms", "created": "created_ms", "updated": "updated_ms", "name": "name"}
DIGITS_OF_ADDRESS = 3
_IN_PEOPLE = "c.id IN (SELECT conversation FROM participants WHERE {})"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which conversations are meant; None and empty leave a question open. Times are milliseconds since 1970."""

    service_sid: str
    words: tuple[str, ...] = ()
    state: str | None = None
    participant: str | None = None
    address: str | None = None
    channel: str | None = None
    created_from_ms: int | None = None
    created_to_ms: int | None = None
    active_from_ms: int | None = None
    active_to_ms: int | None = None
    unread: bool | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of rows of `conversations`, the sort value and id to go on behind, and the number of all matches."""

    rows: list[sqlite3.Row]
    after: tuple[Any, int] | None
    total: int


def find(
    db: sqlite3.Connection, selection: Selection, sort: str, limit: int, after: tuple[Any, int] | None = None
) -> Found:
    """`limit` conversations of a selection behind `after`. `sort` is a name of SORTS, `-` before it descends."""
    column, descends = SORTS[sort.lstrip("-")], sort.startswith("-")
    source, where, values = _question(db, selection)
    total = db.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0]  # noqa: S608
    order = "DESC" if descends else "ASC"
    if after is not None:
        where += f" AND (c.{column}, c.id) {'<' if descends else '>'} (?, ?)"
        values = [*values, *after]
    rows = db.execute(
        f"SELECT c.* FROM {source} WHERE {where} ORDER BY c.{column} {order}, c.id {order} LIMIT ?",  # noqa: S608
        [*values, limit + 1],
    ).fetchall()
    more = len(rows) > limit
    rows = rows[:limit]
    return Found(rows, (rows[-1][column], rows[-1]["id"]) if more else None, total)


def sids_of(db: sqlite3.Connection, selection: Selection, limit: int) -> list[str]:
    """The sids of a whole selection, oldest first, at most `limit`."""
    source, where, values = _question(db, selection)
    rows = db.execute(f"SELECT c.sid FROM {source} WHERE {where} ORDER BY c.id LIMIT ?", [*values, limit])  # noqa: S608
    return [row["sid"] for row in rows]


def _question(db: sqlite3.Connection, selection: Selection) -> tuple[str, str, list[Any]]:
    """What to select from and under which conditions; every text is ours, every value a parameter.

    With words, `hits` holds the conversations in which all of them occur.
    """
    parts = _conditions(selection)
    source = "conversations c"
    if selection.words:
        if _collect_hits(db, selection.words) <= FEW_HITS:
            source = "hits CROSS JOIN conversations c ON c.id = hits.id"
        else:
            parts.append(("c.id IN (SELECT id FROM hits)", []))
    where = " AND ".join(text for text, _ in parts)
    return source, where, [value for _, values in parts for value in values]


def _collect_hits(db: sqlite3.Connection, words: Sequence[str]) -> int:
    db.execute("CREATE TEMP TABLE IF NOT EXISTS hits (id INTEGER PRIMARY KEY)")
    db.execute("DELETE FROM hits")
    one = f"SELECT rowid >> {BLOCK_BITS} FROM words WHERE words MATCH ?"  # noqa: S608 - a number of ours
    question = " INTERSECT ".join([one] * len(words))
    matches = [match_of(word, last=number == len(words)) for number, word in enumerate(words, 1)]
    db.execute(f"INSERT OR IGNORE INTO hits {question}", matches)
    return int(db.execute("SELECT count(*) FROM hits").fetchone()[0])


def _conditions(selection: Selection) -> list[tuple[str, list[Any]]]:
    parts: list[tuple[str, list[Any]]] = [("c.service_sid = ?", [selection.service_sid])]
    if selection.state is not None:
        parts.append(("c.state = ?", [selection.state]))
    if selection.participant is not None:
        person = selection.participant
        text = _IN_PEOPLE.format("identity = ? OR address = ? OR sid = ?")
        parts.append((text, [person, plain_address(person), person]))
    if selection.address is not None:
        parts.append(_address(selection.address))
    if selection.channel is not None:
        parts.append(("c.channels & ? != 0", [CHANNELS.get(selection.channel, CHANNELS["other"])]))
    for column, sign, value in (
        ("created_ms", ">=", selection.created_from_ms),
        ("created_ms", "<=", selection.created_to_ms),
        ("activity_ms", ">=", selection.active_from_ms),
        ("activity_ms", "<=", selection.active_to_ms),
    ):
        if value is not None:
            parts.append((f"c.{column} {sign} ?", [value]))
    if selection.unread is not None:
        parts.append((f"c.unread {'>' if selection.unread else '='} 0", []))
    return parts


def _address(text: str) -> tuple[str, list[Any]]:
    """A whole address as it is; digits are looked for anywhere in a number."""
    digits = "".join(letter for letter in text if letter.isdigit())
    if "@" in text or len(digits) < DIGITS_OF_ADDRESS:
        return _IN_PEOPLE.format("address = ?"), [plain_address(text)]
    return _IN_PEOPLE.format("address LIKE ?"), [f"%{digits}%"]


# ---- rows as answers ----


class Person(msgspec.Struct, kw_only=True, rename="camel"):
    """Who takes part; `type` is the channel."""

    sid: str
    identity: str | None = None
    address: str | None = None
    type: str = "chat"


class LastMessage(msgspec.Struct, kw_only=True, rename="camel"):
    """The newest message."""

    sid: str
    index: int
    author: str
    body: str
    at: datetime | None = None


class Activity(msgspec.Struct, kw_only=True, rename="camel"):
    """What the index knows beside Twilio's own fields. Unread: from outside, and neither read nor answered."""

    last_activity_at: datetime | None = None
    message_count: int = 0
    unread_count: int = 0
    channels: list[str] = []
    participants: list[Person] = []
    last_message: LastMessage | None = None


def rows_of(db: sqlite3.Connection, wanted: Sequence[str]) -> list[sqlite3.Row]:
    """The rows of conversations by their sids, those that are known."""
    marks = ", ".join("?" * len(wanted))
    return db.execute(f"SELECT * FROM conversations WHERE sid IN ({marks})", wanted).fetchall()  # noqa: S608


def conversation_document(row: sqlite3.Row) -> dict[str, Any]:
    """The conversation as Twilio last told it."""
    document: dict[str, Any] = msgspec.json.decode(row["document"])
    return {**document, "sid": row["sid"], "chatServiceSid": row["service_sid"]}


def activities(db: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> dict[str, Activity]:
    """The activity of each conversation row, by sid."""
    ids = [row["id"] for row in rows]
    marks = ", ".join("?" * len(ids))
    people: dict[int, list[Person]] = {}
    for found in db.execute(f"SELECT * FROM participants WHERE conversation IN ({marks})", ids):  # noqa: S608
        people.setdefault(found["conversation"], []).append(
            Person(sid=found["sid"], identity=found["identity"], address=found["address"], type=found["channel"])
        )
    return {row["sid"]: _activity(db, row, people.get(row["id"], [])) for row in rows}


def _activity(db: sqlite3.Connection, row: sqlite3.Row, people: list[Person]) -> Activity:
    last = db.execute(
        "SELECT * FROM messages WHERE conversation = ? ORDER BY number DESC LIMIT 1", (row["id"],)
    ).fetchone()
    return Activity(
        last_activity_at=moment(row["activity_ms"]),
        message_count=row["messages"],
        unread_count=row["unread"],
        channels=[name for name, bit in CHANNELS.items() if row["channels"] & bit],
        participants=people,
        last_message=_last_message(last) if last is not None else None,
    )


def _last_message(row: sqlite3.Row) -> LastMessage:
    return LastMessage(
        sid=row["sid"], index=row["number"], author=row["author"], body=row["body"], at=moment(row["at_ms"])
    )
