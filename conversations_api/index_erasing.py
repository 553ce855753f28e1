"""Erasing a person from the index, and keeping out what Twilio still has of them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence

from conversations_api.index_documents import Change, milliseconds, moment, plain_address
from conversations_api.index_schema import FILE
from conversations_api.index_writer import remove_conversation
from conversations_api.search_index import SearchIndex
from shared.erase_route import Derived
from shared.person import Person
from shared.tombstones import Tombstones

WRITER = "conversations_api"


def index_eraser(index: SearchIndex) -> Derived:
    """What `POST /erase` calls for the index.

    The conversations get tombstones first, so that no webhook, no pass and no rebuilding brings them back while
    Twilio has them; one that goes on later comes back with what is said in it from then on.
    """

    async def erase(who: Person, tombstones: Tombstones) -> dict[str, int]:
        sids = await index.read(lambda db: [row["sid"] for row in _theirs(db, who.phone)])
        await asyncio.to_thread(tombstones.add, WRITER, [("sid", sid) for sid in sids])
        rows = await index.write(lambda db: _forget(db, who.phone))
        await index.compact()
        return {FILE: rows}

    return erase


def is_erased(tombstones: Tombstones, change: Change, phones: Iterable[str] = ()) -> bool:
    """Whether a change tells again what was erased: a message, or a conversation that has not gone on since.

    `phones` are those of the people in the conversation: an erasure may have known the number and not the
    conversation. Who takes part in a conversation that goes on is no news of the past, and is let in.
    """
    if change.gone or change.kind == "participant" or not len(tombstones):
        return False
    updated = change.document.get("dateUpdated") if change.kind == "conversation" else None
    at = moment(milliseconds(updated or change.document.get("dateCreated")))
    if at is None:
        return False
    return tombstones.covers([change.conversation_sid], at) or any(
        tombstones.covers_phone(phone, at) for phone in phones
    )


def is_of_erased(tombstones: Tombstones, people: Sequence[Change], phones: Sequence[str]) -> bool:
    """Whether someone whose number was erased had been in the conversation by then."""
    joined = [moment(milliseconds(person.document.get("dateCreated"))) for person in people]
    return any(tombstones.covers_phone(phone, at) for phone in phones for at in joined if at is not None)


def phones_of(people: Sequence[Change]) -> list[str]:
    """The addresses of a conversation's people."""
    bindings = [person.document.get("messagingBinding") or {} for person in people]
    return [plain_address(binding["address"]) for binding in bindings if binding.get("address")]


def forget_conversation(db: sqlite3.Connection, sid: str) -> None:
    """Takes out a conversation that was erased; it may come back when it goes on."""
    row = db.execute("SELECT id FROM conversations WHERE sid = ?", (sid,)).fetchone()
    if row is not None:
        remove_conversation(db, row["id"])


def _theirs(db: sqlite3.Connection, phone: str) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT DISTINCT c.id, c.sid FROM conversations c JOIN participants p ON p.conversation = c.id"
        " WHERE p.address = ?",
        (phone,),
    ).fetchall()


def _forget(db: sqlite3.Connection, phone: str) -> int:
    """The number of rows taken out."""
    before = db.total_changes
    for row in _theirs(db, phone):
        remove_conversation(db, row["id"])
    db.execute("DELETE FROM turns WHERE call_sid IN (SELECT call_sid FROM calls WHERE customer = ?)", (phone,))
    db.execute("DELETE FROM calls WHERE customer = ?", (phone,))
    return db.total_changes - before
