"""Questions to the index: each way to answer one gives what a plain look at every conversation gives."""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conversations_api import index_search
from conversations_api.index_documents import CHANNELS, Change, iso
from conversations_api.index_schema import open_writer
from conversations_api.index_search import COUNTED_TO, SORTS, Selection, find, page_of, question_of, sids_of
from conversations_api.index_words import MARK
from conversations_api.index_writer import apply
from tests.conversations_kit import sid

HERE = sid("IS")
WORDS = ("apple", "apricot", "birne", "çedro")
START_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    opened = open_writer(tmp_path_factory.mktemp("index"))
    dice = random.Random(5)  # noqa: S311 - words, not secrets
    for number in range(120):
        apply(opened, conversation(number, dice))
    yield opened
    opened.close()


def conversation(number: int, dice: random.Random) -> list[Change]:
    """A conversation with a person from outside and up to three messages; some in another service."""
    key, service, at_ms = (
        sid("CH", number),
        sid("IS", 1 + number % 10 // 9),
        START_MS + dice.randrange(40) * 3_600_000,
    )

    def change(kind: Any, own: str, **document: Any) -> Change:
        return Change(kind, own, service, key, {"dateCreated": iso(at_ms), **document}, 1.0)

    address = f"+1500555{number:04d}"
    bound = f"whatsapp:{address}" if number % 3 == 0 else address
    changes = [
        change("conversation", key, friendlyName=dice.choice(WORDS), state=dice.choice(["active", "closed"])),
        change("participant", sid("MB", number), messagingBinding={"type": "sms", "address": bound}),
    ]
    for index in range(dice.randrange(4)):
        later = iso(at_ms + dice.randrange(50) * 3_600_000)
        author = dice.choice([bound, "ana"])
        message = {"index": index, "author": author, "body": dice.choice(WORDS), "dateCreated": later}
        changes.append(change("message", sid("IM", number * 10 + index), **message))
    return changes


def expected(db: sqlite3.Connection, asked: Selection) -> list[sqlite3.Row]:
    """By looking at every conversation, without any index."""

    def fits(row: sqlite3.Row) -> bool:
        people = db.execute("SELECT * FROM participants WHERE conversation = ?", (row["id"],)).fetchall()
        bodies = [m["body"] for m in db.execute("SELECT body FROM messages WHERE conversation = ?", (row["id"],))]
        said = [text.replace("ç", "c") for text in [row["name"], *bodies]]
        last = asked.words[-1:] and asked.words[-1]
        return (
            row["service_sid"] == asked.service_sid
            and all(word in said for word in asked.words[:-1])
            and (not last or any(text.startswith(last) for text in said))
            and asked.state in {None, row["state"]}
            and (asked.participant is None or any(p["address"] == asked.participant for p in people))
            and (asked.address is None or any(asked.address in p["address"] for p in people))
            and (asked.channel is None or bool(row["channels"] & CHANNELS[asked.channel]))
            and (asked.unread is None or (row["unread"] > 0) == asked.unread)
            and (asked.created_from_ms or 0) <= row["created_ms"] <= (asked.created_to_ms or 1 << 60)
            and (asked.active_from_ms or 0) <= row["activity_ms"] <= (asked.active_to_ms or 1 << 60)
        )

    return [row for row in db.execute("SELECT * FROM conversations") if fits(row)]


SELECTIONS = [
    {},
    {"state": "closed"},
    {"words": ("ap",)},
    {"words": ("apple", "birne")},
    {"words": ("birne", "cedro", "ap")},
    {"words": ("apple",), "state": "active"},
    {"words": ("ap",), "channel": "whatsapp", "unread": True},
    {"unread": False},
    {"channel": "whatsapp", "state": "closed"},
    {"participant": "+15005550012"},
    {"address": "5000"},
    {"words": ("b",), "address": "000"},
    {"words": ("ap",), "created_from_ms": START_MS + 36_000_000, "created_to_ms": START_MS + 72_000_000},
    {"active_from_ms": START_MS + 36_000_000, "active_to_ms": START_MS + 90_000_000},
    {"words": ("apple",), "active_from_ms": START_MS + 36_000_000, "active_to_ms": START_MS + 90_000_000},
    {"words": ("nowhere",)},
]


@pytest.mark.parametrize("many", [False, True], ids=["few", "many"])
@pytest.mark.parametrize("given", SELECTIONS, ids=str)
def test_every_order_and_page_holds_what_is_expected(
    db: sqlite3.Connection, given: dict[str, Any], many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if many:  # hits are many where they are more than this
        monkeypatch.setattr(index_search, "COUNTED_TO", 3)
    asked = Selection(HERE, **given)
    wanted = expected(db, asked)
    for name, sign in itertools.product(SORTS, ("", "-")):
        column = SORTS[name]
        order = sorted(wanted, key=lambda row: (row[column], row["id"]), reverse=bool(sign))
        found, after = [], None
        while True:
            page = find(db, asked, sign + name, 7, after)
            assert len(page.rows) <= 7
            found += page.rows
            limit = 3 if many else COUNTED_TO
            assert (page.total, page.exact) == (min(len(wanted), limit), len(wanted) <= limit)
            if page.after is None:
                break
            after = page.after
        assert [row["sid"] for row in found] == [row["sid"] for row in order], sign + name
    assert sids_of(db, asked, 1000) == [row["sid"] for row in sorted(wanted, key=lambda row: row["id"])]


@pytest.mark.parametrize(
    ("given", "column", "total", "steps"),
    [
        # FTS5 gives rows newest first by itself ("M1", and no sorting): a page costs a page.
        (
            {"words": ("apple",)},
            "activity_ms",
            10**6,
            ["SCAN words VIRTUAL TABLE", "SEARCH c USING INTEGER PRIMARY"],
        ),
        (
            {"words": ("apple",)},
            "name",
            5,
            ["SCAN words VIRTUAL TABLE", "SEARCH c USING INTEGER", "TEMP B-TREE FOR ORDER"],
        ),
        # Many hits: the walk along the order's index, and the hits as a list to look into.
        (
            {"words": ("apple",)},
            "name",
            10**6,
            ["SEARCH c USING INDEX by_name", "LIST SUBQUERY", "SCAN words VIRTUAL"],
        ),
        ({}, "activity_ms", 10**6, ["SEARCH c USING INDEX by_activity"]),
        ({"state": "closed"}, "activity_ms", 10**6, ["SEARCH c USING INDEX by_state "]),
        ({"state": "closed"}, "created_ms", 10**6, ["SEARCH c USING INDEX by_state_created"]),
        ({"unread": True}, "activity_ms", 10**6, ["SCAN words VIRTUAL TABLE", "SEARCH c USING INTEGER PRIMARY"]),
    ],
)
def test_no_page_reads_more_than_its_way_needs(
    db: sqlite3.Connection, given: dict[str, Any], column: str, total: int, steps: list[str]
) -> None:
    statement, values = page_of(question_of(Selection(HERE, **given)), column, True, 51, None, total)
    plan = [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert len(plan) == len(steps), plan
    assert all(step in line for step, line in zip(steps, plan, strict=True)), plan


def test_counting_without_words_reads_an_index_only(db: sqlite3.Connection) -> None:
    question = question_of(Selection(HERE, state="closed", created_from_ms=1, active_to_ms=2))
    statement = f"EXPLAIN QUERY PLAN SELECT 1 FROM conversations c WHERE {question.where}"  # noqa: S608 - our own
    assert "COVERING INDEX" in db.execute(statement, question.values).fetchone()["detail"]


def test_no_text_passes_for_a_property(tmp_path: Path) -> None:
    opened = open_writer(tmp_path)
    key, mark = sid("CH"), MARK
    named = {"friendlyName": f"x {mark}unread {mark}read", "state": "active", "dateCreated": iso(START_MS)}
    apply(opened, [Change("conversation", key, HERE, key, named, 1.0)])
    assert find(opened, Selection(HERE, unread=True), "created", 5).total == 0
    assert find(opened, Selection(HERE, unread=False), "created", 5).total == 1
    opened.close()
