"""Questions to the index: which conversations, in which order, and how many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from conversations_api.index_documents import CHANNELS, moment, plain_address
from conversations_api.index_schema import ID_MASK, words_row
from conversations_api.index_words import facet, match_of

# A total beyond this is said to be this, and not exact: counting a common word's hits costs more than a page.
COUNTED_TO = 10_000
SORTS = {"lastActivity": "activity_ms", "created": "created_ms", "updated": "updated_ms", "name": "name"}
DIGITS_OF_ADDRESS = 3
MAX_ROW = (1 << 63) - 1
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
    """A page of rows of `conversations`, the sort value and id to go on behind, and the number of all matches.

    `total` is COUNTED_TO, and not `exact`, when there are more.
    """

    rows: list[sqlite3.Row]
    after: tuple[Any, int] | None
    total: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A selection for SQLite: what FTS5 is asked ("" for nothing), and the conditions on `conversations c`.

    Every text is ours, every value a parameter.
    """

    match: str
    where: str
    values: list[Any]
    first: int = 0
    last: int = MAX_ROW

    @property
    def asked(self) -> tuple[str, list[Any]]:
        """The condition on `words`, in the order in which it stores its rows."""
        return "words MATCH ? AND words.rowid BETWEEN ? AND ?", [self.match, self.first, self.last]


def find(
    db: sqlite3.Connection, selection: Selection, sort: str, limit: int, after: tuple[Any, int] | None = None
) -> Found:
    """`limit` conversations of a selection behind `after`. `sort` is a name of SORTS, `-` before it descends."""
    question = question_of(selection)
    total = _count(db, question)
    column, descends = SORTS[sort.lstrip("-")], sort.startswith("-")
    rows = db.execute(*page_of(question, column, descends, limit + 1, after, total)).fetchall()
    more = len(rows) > limit
    rows = rows[:limit]
    behind = (rows[-1][column], rows[-1]["id"]) if more else None
    return Found(rows, behind, min(total, COUNTED_TO), total <= COUNTED_TO)


def sids_of(db: sqlite3.Connection, selection: Selection, limit: int) -> list[str]:
    """The sids of a whole selection, oldest first, at most `limit`."""
    source, where, values = _all(question_of(selection))
    rows = db.execute(f"SELECT c.sid FROM {source} WHERE {where} ORDER BY c.id LIMIT ?", [*values, limit])  # noqa: S608
    return [row["sid"] for row in rows]


def page_of(
    question: Question, column: str, descends: bool, limit: int, after: tuple[Any, int] | None, total: int
) -> tuple[str, list[Any]]:
    """The statement for a page, and its values. What EXPLAIN QUERY PLAN says of each way is tested.

    Without words: the walk along the order's own index. By last activity: FTS5 gives its rows in that order, and
    the walk ends with the page. Another order: few hits are sorted; of many, the order's index is walked, and what
    is no hit is passed over (`+` keeps SQLite from starting with the hits).
    """
    order = "DESC" if descends else "ASC"
    if question.match and column == "activity_ms":
        question = _behind(question, descends, after)
        source, where, values = _all(question)
        ordered = f"words.rowid {order}"
    else:
        if question.match and total > COUNTED_TO:
            asked, given = question.asked
            source = "conversations c"
            where = f"{question.where} AND +c.id IN (SELECT words.rowid & {ID_MASK} FROM words WHERE {asked})"  # noqa: S608
            values = [*question.values, *given]
        else:
            source, where, values = _all(question)
        if after is not None:
            where += f" AND (c.{column}, c.id) {'<' if descends else '>'} (?, ?)"
            values = [*values, *after]
        ordered = f"c.{column} {order}, c.id {order}"
    return f"SELECT c.* FROM {source} WHERE {where} ORDER BY {ordered} LIMIT ?", [*values, limit]  # noqa: S608


def _behind(question: Question, descends: bool, after: tuple[Any, int] | None) -> Question:
    if after is None:
        return question
    row = words_row(*after)
    return replace(question, last=row - 1) if descends else replace(question, first=row + 1)


def _all(question: Question) -> tuple[str, str, list[Any]]:
    """What to select from, under which conditions, with which values."""
    if not question.match:
        return "conversations c", question.where, question.values
    asked, given = question.asked
    source = f"words CROSS JOIN conversations c ON c.id = (words.rowid & {ID_MASK})"
    return source, f"{asked} AND {question.where}", [*given, *question.values]


def _count(db: sqlite3.Connection, question: Question) -> int:
    """The number of matches, COUNTED_TO + 1 for any that are more. Words alone are counted inside FTS5."""
    source, where, values = _all(question)
    if question.match and len(question.values) == 1:
        source, (where, values) = "words", question.asked
    counted = f"SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT ?)"  # noqa: S608
    return int(db.execute(counted, [*values, COUNTED_TO + 1]).fetchone()[0])


def question_of(selection: Selection) -> Question:
    """The selection as SQLite is asked."""
    words = [match_of(word, last=n == len(selection.words)) for n, word in enumerate(selection.words, 1)]
    asked = [*words, *(f'"{name}"' for name in _facets(selection))]
    parts = [("c.service_sid = ?", [selection.service_sid]), *_conditions(selection, plain=not asked)]
    where = " AND ".join(text for text, _ in parts)
    values = [value for _, given in parts for value in given]
    if not asked:
        return Question("", where, values)
    asked.append(f'"{facet("service", selection.service_sid)}"')
    if selection.state is not None:
        asked.append(f'"{facet("state", selection.state)}"')
    first, last = selection.active_from_ms, selection.active_to_ms
    return Question(
        " AND ".join(asked),
        where,
        values,
        words_row(first, 0) if first is not None else 0,
        words_row(last, ID_MASK) if last is not None else MAX_ROW,
    )


def _facets(selection: Selection) -> Iterator[str]:
    """What only FTS5 knows an index for."""
    if selection.participant is not None:
        yield facet("person", plain_address(selection.participant))
    if selection.channel is not None:
        yield facet("channel", selection.channel if selection.channel in CHANNELS else "other")
    if selection.unread is not None:
        yield facet("unread" if selection.unread else "read")


def _conditions(selection: Selection, *, plain: bool) -> Iterator[tuple[str, list[Any]]]:
    """Conditions on `conversations c`; unless `plain`, FTS5 is asked for the state and the time of activity."""
    if plain and selection.state is not None:
        yield "c.state = ?", [selection.state]
    if selection.address is not None:
        yield _address(selection.address)
    for column, sign, value in (
        ("created_ms", ">=", selection.created_from_ms),
        ("created_ms", "<=", selection.created_to_ms),
        ("activity_ms", ">=", selection.active_from_ms if plain else None),
        ("activity_ms", "<=", selection.active_to_ms if plain else None),
    ):
        if value is not None:
            yield f"c.{column} {sign} ?", [value]


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
