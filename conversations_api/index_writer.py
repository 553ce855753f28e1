"""Changes put into the index: what is older is passed over, what is doubtful is put down to be read again.

Dates decide between what comes from webhooks and own writes; Twilio's have whole seconds, so two changes in the
same second that differ are applied in the order they came and the thing is marked stale: it is read from Twilio.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from conversations_api.index_documents import (
    CHANNELS,
    Change,
    channel_of,
    folded,
    iso,
    milliseconds,
    plain_address,
)
from conversations_api.index_words import write_words

# Known from where the document stands, and not told alike by REST and webhooks.
IMPLIED = {"chatServiceSid", "conversationSid", "sid"}
MESSAGE_COLUMNS = {"index", "author", "body", "dateCreated", "dateUpdated"}
Document = dict[str, Any]


@dataclass(slots=True)
class Applied:
    """What a batch did: things (sids) that differ now, and the conversations (ids) they are in."""

    sids: set[str] = field(default_factory=set)
    conversations: set[int] = field(default_factory=set)

    @property
    def changed(self) -> int:
        return len(self.sids)

    def touched(self, conversation: int, sid: str) -> None:
        """Something in the conversation differs, or it does itself."""
        self.sids.add(sid)
        self.conversations.add(conversation)

    def dropped(self, conversation: int, sid: str) -> None:
        """A conversation is no more."""
        self.sids.add(sid)
        self.conversations.discard(conversation)

    def finish(self, db: sqlite3.Connection) -> None:
        """Makes sums and words anew where something differs."""
        for conversation in self.conversations:
            _sum_up(db, conversation)
            write_words(db, conversation)


def apply(db: sqlite3.Connection, changes: Iterable[Change]) -> Applied:
    """Applies changes inside the caller's transaction."""
    applied = Applied()
    for change in changes:
        if change.gone:
            _remove(db, change, applied)
        elif not _is_removed(db, change.sid):
            _put(db, change, applied)
    applied.finish(db)
    return applied


def mark_stale(db: sqlite3.Connection, kind: str, sid: str, service_sid: str, conversation_sid: str) -> None:
    """Puts something down to be read again from Twilio."""
    db.execute("INSERT OR IGNORE INTO stale VALUES (?, ?, ?, ?)", (sid, kind, service_sid, conversation_sid))


def _mark(db: sqlite3.Connection, change: Change) -> None:
    mark_stale(db, change.kind, change.sid, change.service_sid, change.conversation_sid)


def _is_removed(db: sqlite3.Connection, sid: str) -> bool:
    return db.execute("SELECT 1 FROM removed WHERE sid = ?", (sid,)).fetchone() is not None


def _put(db: sqlite3.Connection, change: Change, applied: Applied) -> None:
    if change.kind == "conversation":
        _put_conversation(db, change, applied)
        return
    above = change.conversation_sid
    owner = db.execute("SELECT id FROM conversations WHERE sid = ?", (above,)).fetchone()
    if owner is None:
        if above and not _is_removed(db, above):
            mark_stale(db, "conversation", above, change.service_sid, above)
    elif change.kind == "participant":
        _put_participant(db, owner["id"], change, applied)
    else:
        _put_message(db, owner["id"], change, applied)


def _put_conversation(db: sqlite3.Connection, change: Change, applied: Applied) -> None:
    row = db.execute("SELECT * FROM conversations WHERE sid = ?", (change.sid,)).fetchone()
    if row is None and not change.service_sid:
        return  # its service is unknown until Twilio's own event or the next pass names it
    document = _merged(db, change, msgspec.json.decode(row["document"], type=Document) if row else None, row)
    if document is None:
        return
    state = str(document.get("state") or "active")
    values = (
        folded(str(document.get("friendlyName") or document.get("uniqueName") or "")),
        state,
        milliseconds(document.get("dateCreated")),
        _updated(document),
        msgspec.json.encode(document),
        change.seen_s,
    )
    if row is None:
        # What came of it before its own event was passed over, and is to be read.
        told = db.execute("SELECT 1 FROM stale WHERE sid = ?", (change.sid,)).fetchone()
        row = db.execute(
            "INSERT INTO conversations (name, state, created_ms, updated_ms, document, touched_s, activity_ms,"
            " sid, service_sid, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                *values,
                values[2],
                change.sid,
                change.service_sid,
                bool(change.certain or told or state == "closed"),
            ),
        ).fetchone()
    else:
        # Closed is final: once more its contents are read, and never again.
        closes = row["state"] != state == "closed"
        db.execute(
            "UPDATE conversations SET name = ?, state = ?, created_ms = ?, updated_ms = ?, document = ?,"
            " touched_s = ?, due = max(due, ?) WHERE id = ?",
            (*values, closes, row["id"]),
        )
    applied.touched(row["id"], change.sid)


def _put_participant(db: sqlite3.Connection, conversation: int, change: Change, applied: Applied) -> None:
    row = db.execute("SELECT * FROM participants WHERE sid = ?", (change.sid,)).fetchone()
    document = _merged(db, change, msgspec.json.decode(row["document"], type=Document) if row else None, row)
    if document is None:
        return
    binding = document.get("messagingBinding")
    address = binding.get("address") if isinstance(binding, Mapping) else None
    db.execute(
        "INSERT OR REPLACE INTO participants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            change.sid,
            conversation,
            document.get("identity"),
            plain_address(address) if address else None,
            channel_of(document),
            document.get("lastReadMessageIndex"),
            _updated(document),
            msgspec.json.encode(document),
            change.seen_s,
        ),
    )
    applied.touched(conversation, change.sid)


def _put_message(db: sqlite3.Connection, conversation: int, change: Change, applied: Applied) -> None:
    row = db.execute("SELECT * FROM messages WHERE sid = ?", (change.sid,)).fetchone()
    document = _merged(db, change, message_document(row) if row else None, row)
    if document is None:
        return
    number = document.get("index")
    if not isinstance(number, int):
        _mark(db, change)
        return
    more = {name: value for name, value in document.items() if name not in MESSAGE_COLUMNS}
    db.execute(
        "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            conversation,
            number,
            change.sid,
            str(document.get("author") or ""),
            str(document.get("body") or ""),
            milliseconds(document.get("dateCreated")),
            _updated(document),
            msgspec.json.encode(more),
            change.seen_s,
        ),
    )
    applied.touched(conversation, change.sid)


def message_document(row: sqlite3.Row) -> Document:
    """A stored message as a document."""
    document: Document = {"index": row["number"], "author": row["author"], "body": row["body"]}
    document |= {"dateCreated": iso(row["at_ms"]), "dateUpdated": iso(row["updated_ms"])}
    more: Document = msgspec.json.decode(row["more"])
    return {name: value for name, value in document.items() if value != ""} | more


def _merged(
    db: sqlite3.Connection, change: Change, known: Document | None, row: sqlite3.Row | None
) -> Document | None:
    """The document as it is after the change; None when the change says nothing new."""
    given = {n: v for n, v in change.document.items() if v not in (None, "") and n not in IMPLIED}
    document = given if change.whole or known is None else {**known, **given}
    if known is None or row is None:
        if not change.whole and change.kind != "message":  # webhooks tell neither timers nor bindings
            _mark(db, change)
        return document
    if document == known:
        return None
    if change.certain:
        if row["touched_s"] > change.seen_s:  # something happened while it was being read
            _mark(db, change)
            return None
        return document
    new_s, known_s = _updated(given) // 1000, row["updated_ms"] // 1000
    if new_s < known_s:
        return None
    if new_s == known_s or (not change.whole and change.kind != "message"):
        _mark(db, change)  # which came later is not known, or not all of it was told
    return document


def _updated(document: Mapping[str, Any]) -> int:
    return milliseconds(document.get("dateUpdated")) or milliseconds(document.get("dateCreated"))


def _remove(db: sqlite3.Connection, change: Change, applied: Applied) -> None:
    db.execute("INSERT OR IGNORE INTO removed VALUES (?)", (change.sid,))
    db.execute("DELETE FROM stale WHERE sid = ?", (change.sid,))
    if change.kind == "conversation":
        row = db.execute("SELECT id FROM conversations WHERE sid = ?", (change.sid,)).fetchone()
        if row is not None:
            remove_conversation(db, row["id"])
            applied.dropped(row["id"], change.sid)
    elif change.kind == "participant":
        row = db.execute("SELECT conversation FROM participants WHERE sid = ?", (change.sid,)).fetchone()
        if row is not None:
            db.execute("DELETE FROM participants WHERE sid = ?", (change.sid,))
            applied.touched(row["conversation"], change.sid)
    else:
        row = db.execute("SELECT conversation FROM messages WHERE sid = ?", (change.sid,)).fetchone()
        if row is not None:
            db.execute("DELETE FROM messages WHERE sid = ?", (change.sid,))
            applied.touched(row["conversation"], change.sid)


def remove_conversation(db: sqlite3.Connection, conversation: int) -> None:
    """Takes a conversation out with all that is in it."""
    db.execute(
        "DELETE FROM words WHERE rowid = (SELECT words_row FROM conversations WHERE id = ?)", (conversation,)
    )
    db.execute("DELETE FROM participants WHERE conversation = ?", (conversation,))
    db.execute("DELETE FROM messages WHERE conversation = ?", (conversation,))
    db.execute("DELETE FROM conversations WHERE id = ?", (conversation,))


def _sum_up(db: sqlite3.Connection, conversation: int) -> None:
    """Channels, last activity, and what came from outside and nobody has read or answered yet."""
    channels, outside, read_to = 0, set(), -1
    for person in db.execute("SELECT * FROM participants WHERE conversation = ?", (conversation,)):
        channels |= CHANNELS[person["channel"]]
        if person["address"]:
            outside.add(person["address"])
        elif person["last_read"] is not None:
            read_to = max(read_to, person["last_read"])
    unread = 0
    for (author,) in db.execute(
        "SELECT author FROM messages WHERE conversation = ? AND number > ? ORDER BY number DESC",
        (conversation, read_to),
    ):
        if plain_address(author) not in outside:
            break  # ours: what came before is answered
        unread += 1
    db.execute(
        "UPDATE conversations SET channels = ?, unread = ?,"
        " messages = (SELECT count(*) FROM messages WHERE conversation = conversations.id),"
        " activity_ms = max(created_ms, coalesce((SELECT at_ms FROM messages WHERE conversation = conversations.id"
        " ORDER BY number DESC LIMIT 1), 0)) WHERE id = ?",
        (channels, unread, conversation),
    )
