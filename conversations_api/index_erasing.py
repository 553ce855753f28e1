"""Erasing a person from the index: their conversations and calls go, and the file keeps nothing of them."""

from __future__ import annotations

import sqlite3

from conversations_api.index_schema import FILE
from conversations_api.index_writer import remove_conversation
from conversations_api.search_index import SearchIndex
from shared.erase_route import Derived
from shared.person import Person
from shared.tombstones import Tombstones


def index_eraser(index: SearchIndex) -> Derived:
    """What `POST /erase` calls for the index.

    The conversations stay known as removed, so that no webhook and no pass brings them back while Twilio has them.
    """

    async def erase(who: Person, _: Tombstones) -> dict[str, int]:
        rows = await index.write(lambda db: _forget(db, who.phone))
        await index.compact()
        return {FILE: rows}

    return erase


def _forget(db: sqlite3.Connection, phone: str) -> int:
    """The number of rows taken out."""
    before = db.total_changes
    found = db.execute(
        "SELECT DISTINCT c.id, c.sid FROM conversations c JOIN participants p ON p.conversation = c.id"
        " WHERE p.address = ?",
        (phone,),
    ).fetchall()
    for row in found:
        db.execute("INSERT OR IGNORE INTO removed VALUES (?)", (row["sid"],))
        remove_conversation(db, row["id"])
    db.execute("DELETE FROM turns WHERE call_sid IN (SELECT call_sid FROM calls WHERE customer = ?)", (phone,))
    db.execute("DELETE FROM calls WHERE customer = ?", (phone,))
    return db.total_changes - before
