"""Any changes at Twilio, told by webhooks that are repeated, out of order or lost: the index ends up equal.

Two machines, since a pass over Twilio repairs whatever went wrong before it: in one every event arrives at last
and no pass is ever made, so that the rules by which changes enter stand alone; in the other events get lost, and
passes find what they would have told.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from conversations_api.index_documents import Change, iso, webhook_document
from conversations_api.index_feed import IndexFeed
from conversations_api.index_search import Selection, activities, conversation_document, find
from conversations_api.index_sync import IndexSync
from conversations_api.index_writer import message_document
from conversations_api.pace import ReadWindow
from conversations_api.refusals import Reply, refusal
from conversations_api.search_index import SearchIndex
from conversations_api.upstream import Call
from shared.tombstones import Tombstones
from tests.conversations_kit import sid

SERVICE = sid("IS", 1)
PEOPLE = ("ana", "bo")
FIELDS = {
    "state": "State",
    "friendly_name": "FriendlyName",
    "body": "Body",
    "author": "Author",
    "index": "Index",
    "identity": "Identity",
    "attributes": "Attributes",
    "date_created": "DateCreated",
    "date_updated": "DateUpdated",
}
WORDS = ("apple", "birne", "çedro", "dátil")


class Twilio:
    """The truth: conversations with people and messages. A clock of whole seconds that often stands still."""

    def __init__(self) -> None:
        self.second = 1_700_000_000
        self.made = 0
        self.rows: dict[str, dict[str, Any]] = {}
        self.people: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []

    def now(self) -> str:
        return iso(self.second * 1000)

    def new_sid(self, prefix: str) -> str:
        self.made += 1
        return sid(prefix, self.made)

    async def send(self, call: Call) -> bytes:
        """What the REST API answers to the index."""
        assert call.method == "GET"
        self.asked.append(call.path)
        await asyncio.sleep(0)
        parts = call.path.split("/")[1:]
        if parts == ["Services"]:
            return self._list("services", [{"sid": SERVICE}])
        assert parts[:2] == ["Services", SERVICE], call.path
        inside = parts[2:]
        if inside == ["Conversations"]:
            return self._list("conversations", list(self.rows.values()))
        if inside[1] not in self.rows:
            raise refusal("GET", Reply(404, b'{"code":20404}'))
        if len(inside) == 2:
            return msgspec.json.encode(self.rows[inside[1]])
        table = self.people if inside[2] == "Participants" else self.messages
        if len(inside) == 3:
            return self._list(inside[2].lower(), [r for r in table.values() if r["conversation_sid"] == inside[1]])
        if inside[3] not in table:
            raise refusal("GET", Reply(404, b'{"code":20404}'))
        return msgspec.json.encode(table[inside[3]])

    @staticmethod
    def _list(key: str, rows: list[dict[str, Any]]) -> bytes:
        return msgspec.json.encode({"meta": {"key": key, "next_page_url": None}, key: rows})


class EventsAlone(RuleBasedStateMachine):
    """Changes at Twilio put deliveries into a bag; rules deliver or repeat what is in it, in any order."""

    fates = ("once", "once", "twice")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.twilio = Twilio()
        self.bag: list[Change] = []
        self.later_s = 0.0

    @initialize()
    def open(self) -> None:
        self.index = SearchIndex(self.folder)
        tombstones = Tombstones(self.folder)
        feed = IndexFeed(self.folder, self.index, tombstones)

        async def quiet() -> None:
            """Nobody listens."""

        self.sync = IndexSync(self.twilio, ReadWindow(), self.index, feed, tombstones, quiet)  # type: ignore[arg-type]
        self.run(feed.start())

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def tell(self, kind: Any, row: dict[str, Any], what: str) -> None:
        fields = {FIELDS[name]: str(value) for name, value in row.items() if name in FIELDS}
        conversation = row.get("conversation_sid", row["sid"])
        document = webhook_document(kind, fields)
        self.later_s += 0.001
        seen_s = self.twilio.second + self.later_s
        told = Change(kind, row["sid"], SERVICE, conversation, document, seen_s, False, what == "Removed")
        self.bag.append(told)

    # ---- what happens at Twilio ----

    @rule(seconds=st.integers(0, 3))
    def time_passes(self, seconds: int) -> None:
        self.twilio.second += seconds

    @rule(name=st.sampled_from(WORDS))
    def begin(self, name: str) -> None:
        key = self.twilio.new_sid("CH")
        row = {
            "sid": key,
            "chat_service_sid": SERVICE,
            "friendly_name": name,
            "attributes": "{}",
            "state": "active",
        }
        self.twilio.rows[key] = row | {"date_created": self.twilio.now(), "date_updated": self.twilio.now()}
        self.tell("conversation", self.twilio.rows[key], "Added")

    @precondition(lambda self: self.twilio.rows)
    @rule(data=st.data(), name=st.sampled_from(WORDS), state=st.sampled_from(["active", "inactive", "closed"]))
    def change(self, data: st.DataObject, name: str, state: str) -> None:
        row = self.twilio.rows[data.draw(st.sampled_from(sorted(self.twilio.rows)))]
        if row["state"] != "closed":
            row |= {"friendly_name": name, "state": state, "date_updated": self.twilio.now()}
            self.tell("conversation", row, "Updated")

    @precondition(lambda self: self.twilio.rows)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.twilio.rows)))
        self.tell("conversation", self.twilio.rows.pop(key), "Removed")
        for table in (self.twilio.people, self.twilio.messages):
            for inner in [k for k, row in table.items() if row["conversation_sid"] == key]:
                del table[inner]

    @precondition(lambda self: self.twilio.rows)
    @rule(data=st.data(), identity=st.sampled_from(PEOPLE))
    def join(self, data: st.DataObject, identity: str) -> None:
        conversation = data.draw(st.sampled_from(sorted(self.twilio.rows)))
        if self.twilio.rows[conversation]["state"] == "closed":
            return
        key = self.twilio.new_sid("MB")
        row = {"sid": key, "conversation_sid": conversation, "identity": identity, "attributes": "{}"}
        self.twilio.people[key] = row | {"date_created": self.twilio.now(), "date_updated": self.twilio.now()}
        self.tell("participant", self.twilio.people[key], "Added")

    @precondition(lambda self: self.twilio.rows)
    @rule(data=st.data(), author=st.sampled_from(PEOPLE), body=st.sampled_from(WORDS))
    def write(self, data: st.DataObject, author: str, body: str) -> None:
        conversation = data.draw(st.sampled_from(sorted(self.twilio.rows)))
        if self.twilio.rows[conversation]["state"] == "closed":
            return
        key = self.twilio.new_sid("IM")
        row = {
            "sid": key,
            "conversation_sid": conversation,
            "index": self.twilio.made,
            "author": author,
            "body": body,
        }
        dates = {"date_created": self.twilio.now(), "date_updated": self.twilio.now()}
        self.twilio.messages[key] = row | {"attributes": "{}"} | dates
        self.tell("message", self.twilio.messages[key], "Added")

    @precondition(lambda self: self.twilio.messages)
    @rule(data=st.data(), body=st.sampled_from(WORDS))
    def edit(self, data: st.DataObject, body: str) -> None:
        row = self.twilio.messages[data.draw(st.sampled_from(sorted(self.twilio.messages)))]
        if self.twilio.rows[row["conversation_sid"]]["state"] != "closed":
            row |= {"body": body, "date_updated": self.twilio.now()}
            self.tell("message", row, "Updated")

    @precondition(lambda self: self.twilio.messages)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.twilio.messages)))
        if self.twilio.rows[self.twilio.messages[key]["conversation_sid"]]["state"] != "closed":
            self.tell("message", self.twilio.messages.pop(key), "Removed")

    # ---- what reaches us ----

    @precondition(lambda self: self.bag)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        fate = data.draw(st.sampled_from(self.fates))
        change = self.bag.pop(data.draw(st.integers(0, len(self.bag) - 1)))
        if fate != "lost":
            self.run(self.index.apply([change]))
        if fate == "twice":
            self.bag.append(change)

    @rule()
    def refresh(self) -> None:
        self.run(self.sync.refresh())

    @rule()
    def restart(self) -> None:
        self.index.close()
        self.open()

    def settle(self) -> None:
        """Reads again what the rules have put down."""
        while self.run(self.sync.refresh()):
            pass

    def end(self) -> None:
        """The rest arrives, the last first."""
        self.run(self.index.apply(self.bag[::-1]))
        self.settle()
        assert not [path for path in self.twilio.asked if path.endswith("v1/Services")], "a pass was made"

    def check(self) -> None:
        shown = self.run(self.index.read(self.everything))
        truth = {key: self.truth_of(key) for key in self.twilio.rows}
        assert shown == truth
        for word in WORDS:
            found = {row["sid"] for row in self.run(self.index.read(lambda db, w=word: self.search(db, w)))}
            assert found == {
                key
                for key, (name, _, _, messages) in truth.items()
                if name == word or any(body == word for _, body in messages)
            }

    def truth_of(self, key: str) -> tuple[str, str, list[str], list[tuple[int, str]]]:
        row = self.twilio.rows[key]
        people = [row for row in self.twilio.people.values() if row["conversation_sid"] == key]
        messages = [row for row in self.twilio.messages.values() if row["conversation_sid"] == key]
        return (
            row["friendly_name"],
            row["state"],
            sorted(person["identity"] for person in people),
            sorted((message["index"], message["body"]) for message in messages),
        )

    @staticmethod
    def search(db: Any, word: str) -> Any:
        return find(db, Selection(SERVICE, (word,)), "-lastActivity", 100).rows

    @staticmethod
    def everything(db: Any) -> dict[str, Any]:
        rows = find(db, Selection(SERVICE), "created", 1000).rows
        known = activities(db, rows)
        return {
            row["sid"]: (
                conversation_document(row)["friendlyName"],
                row["state"],
                sorted(person.identity or "" for person in known[row["sid"]].participants),
                sorted(
                    (m["number"], message_document(m)["body"])
                    for m in db.execute("SELECT * FROM messages WHERE conversation = ?", (row["id"],))
                ),
            )
            for row in rows
        }

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "index"):
            return
        wrong = self.run(
            self.index.read(
                lambda db: db.execute(
                    "SELECT count(*) FROM conversations c WHERE messages !="
                    " (SELECT count(*) FROM messages WHERE conversation = c.id)"
                ).fetchone()[0]
            )
        )
        assert wrong == 0

    def teardown(self) -> None:
        try:
            if hasattr(self, "index"):
                self.end()
                self.check()
        finally:
            if hasattr(self, "index"):
                self.index.close()
            self.loop.close()
            shutil.rmtree(self.folder)


class WithPasses(EventsAlone):
    """The same with losses, and passes that make up for them."""

    fates = ("once", "twice", "lost", "lost")

    @rule()
    def compare_with_twilio(self) -> None:
        """A pass, and the refreshes it asks for: afterwards nothing differs, whatever was told before."""
        self.run(self.sync.one_pass(deep=True))
        self.settle()
        self.check()

    def end(self) -> None:
        self.compare_with_twilio()


RUNS = settings(max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestEventsAlone = EventsAlone.TestCase
TestEventsAlone.settings = RUNS
TestWithPasses = WithPasses.TestCase
TestWithPasses.settings = RUNS
