"""The rules by which changes enter the index, one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conversations_api.index_documents import Change, Kind, change_of, message_to_read, webhook_document
from conversations_api.index_pass import PassState, due, take_contents, take_listed
from conversations_api.index_schema import open_writer
from conversations_api.index_search import Selection, find
from conversations_api.index_writer import apply
from shared.records import ConversationEvent
from tests.conversations_kit import sid

HERE = sid("IS")
KEY = sid("CH")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_writer(tmp_path)
    yield opened
    opened.close()


def change(kind: Kind, key: str, second: int, seen_s: float = 1.0, **more: Any) -> Change:
    """A change of that second; `certain`, `whole` and `gone` go to the change, all else into its document."""
    how = {name: more.pop(name) for name in ("certain", "whole", "gone") if name in more}
    at = f"2026-11-22T10:00:{second:02d}Z"
    document = {"dateCreated": "2026-11-22T10:00:00Z", "dateUpdated": at, **more}
    return Change(kind, key, HERE, KEY, document, seen_s, **how)


def state(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT state FROM conversations WHERE sid = ?", (KEY,)).fetchone()
    return row["state"] if row else None


def stale(db: sqlite3.Connection) -> set[str]:
    return {row["sid"] for row in db.execute("SELECT sid FROM stale")}


def test_an_older_change_is_passed_over(db: sqlite3.Connection) -> None:
    apply(db, [change("conversation", KEY, 5, state="inactive"), change("conversation", KEY, 4, state="active")])
    assert (state(db), stale(db)) == ("inactive", set())


def test_two_changes_of_one_second_are_read_again(db: sqlite3.Connection) -> None:
    apply(db, [change("conversation", KEY, 5, state="inactive"), change("conversation", KEY, 5, state="active")])
    assert (state(db), stale(db)) == ("active", {KEY})


def test_an_echo_of_what_is_known_asks_nothing(db: sqlite3.Connection) -> None:
    made = change("conversation", KEY, 5, state="active", friendlyName="a")
    echo = change("conversation", KEY, 5, state="active", whole=False)
    assert apply(db, [made, echo]).changed == 1
    assert stale(db) == set()


def test_what_was_removed_stays_removed(db: sqlite3.Connection) -> None:
    made, gone = change("conversation", KEY, 1, state="active"), change("conversation", KEY, 2, gone=True)
    apply(db, [gone, made])
    assert (state(db), stale(db)) == (None, set())
    message = change("message", sid("IM"), 3, index=0, body="late")
    apply(db, [message])
    assert stale(db) == set()


def test_a_message_of_an_unknown_conversation_makes_it_known(db: sqlite3.Connection) -> None:
    apply(db, [change("message", sid("IM"), 1, index=0, body="x")])
    assert stale(db) == {KEY}


def test_what_was_read_before_something_happened_decides_nothing(db: sqlite3.Connection) -> None:
    apply(db, [change("conversation", KEY, 5, 10.0, state="inactive")])
    apply(db, [change("conversation", KEY, 1, 9.0, state="active", certain=True)])
    assert (state(db), stale(db)) == ("inactive", {KEY})
    apply(db, [change("conversation", KEY, 1, 11.0, state="active", certain=True)])
    assert state(db) == "active"


def test_the_contents_of_a_closed_conversation_are_read_once_more_and_then_never(db: sqlite3.Connection) -> None:
    apply(db, [change("conversation", KEY, 1, state="active")])
    assert due(db) == []
    apply(db, [change("conversation", KEY, 2, state="closed", whole=False)])  # what was lost before is in there
    assert [row["sid"] for row in due(db)] == [KEY]
    take_contents(db, KEY, HERE, [change("message", sid("IM"), 1, 5.0, index=0, body="x", certain=True)], 5.0)
    assert due(db) == []
    listed = [change("conversation", KEY, 2, 6.0, state="closed", certain=True)]
    take_listed(db, listed, PassState(2))
    assert due(db) == []
    take_listed(
        db, [change("conversation", KEY, 3, 7.0, state="closed", friendlyName="x", certain=True)], PassState(3)
    )
    assert len(due(db)) == 1


def test_a_message_is_found_until_it_is_changed_or_taken_back(db: sqlite3.Connection) -> None:
    def found(word: str) -> int:
        return find(db, Selection(HERE, (word,)), "created", 10).total

    apply(db, [change("conversation", KEY, 1, state="active")])
    apply(db, [change("message", sid("IM", n), 1, index=n, body=f"word{n}") for n in range(70)])
    assert (found("word3"), found("word69"), found("word70")) == (1, 1, 0)
    apply(db, [change("message", sid("IM", 69), 2, index=69, body="other")])
    assert (found("word69"), found("other"), found("word68")) == (0, 1, 1)
    apply(db, [change("message", sid("IM", 69), 3, index=69, gone=True)])
    assert found("other") == 0
    apply(db, [change("conversation", KEY, 4, gone=True)])
    assert found("word3") == 0
    assert db.execute("SELECT count(*) FROM words").fetchone()[0] == 0


def test_twilios_webhook_fields_become_a_document() -> None:
    fields = {
        "Identity": "",
        "Attributes": '{"a":1}',
        "RoleSid": sid("RL"),
        "DateCreated": "2026-11-22T10:00:00.123Z",
        "MessagingBinding.Address": "whatsapp:+15005550009",
        "MessagingBinding.Type": "WHATSAPP",
        "LastReadMessageIndex": "4",
    }
    assert webhook_document("participant", fields) == {
        "attributes": {"a": 1},
        "roleSid": sid("RL"),
        "dateCreated": "2026-11-22T10:00:00Z",
        "messagingBinding": {"type": "whatsapp", "address": "whatsapp:+15005550009"},
        "lastReadMessageIndex": 4,
    }
    moved = webhook_document("conversation", {"StateTo": "closed", "StateUpdated": "2026-11-22T10:00:05Z"})
    assert moved == {"state": "closed", "dateUpdated": "2026-11-22T10:00:05Z"}


def test_events_about_other_things_change_nothing() -> None:
    def event(kind: str, **payload: str) -> ConversationEvent:
        return ConversationEvent(event_type=kind, source="webhook", sid=sid("US"), payload=dict(payload))

    assert change_of(event("onUserAdded")) is None
    assert change_of(event("onServiceUpdated")) is None
    assert message_to_read(event("onDeliveryUpdated", MessageSid=sid("IM"))) == sid("IM")
    assert message_to_read(event("onMessageAdded", MessageSid=sid("IM"), Media="[{}]")) == sid("IM")
    assert message_to_read(event("onMessageAdded", MessageSid=sid("IM"))) is None
