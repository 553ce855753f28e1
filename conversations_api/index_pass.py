"""What a pass over Twilio does to the index: where it is, and what each of its answers changes."""

from __future__ import annotations

import sqlite3
import time

import msgspec
from prometheus_client import Counter

from conversations_api.index_documents import KINDS, Change, Kind
from conversations_api.index_writer import apply
from conversations_api.search_index import fact, set_fact

BATCH = 256
# What is to be read of a conversation (column `due`): nothing, people and all messages, the newest messages.
WHOLE, NEWEST = 1, 2
IN_USE_S = 7 * 86_400
MISSED = Counter("conversations_index_missed_total", "Differences to Twilio that no webhook had told")


class PassState(msgspec.Struct):
    """How far the pass under way is; `services` are still to be listed, the first from `pages` on.

    Stages: idle, listing, reading, checking. Times are Unix seconds, 0 for never. A `deep` pass reads everything
    of every open conversation, others only what may differ.
    """

    number: int = 0
    stage: str = "idle"
    services: list[str] = []
    pages: list[tuple[str, str]] = []
    started_s: float = 0.0
    finished_s: float = 0.0
    deep: bool = True
    deep_s: float = 0.0


def due(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Conversations whose contents are to be read (`due`: WHOLE or NEWEST), a batch of them."""
    return db.execute("SELECT sid, service_sid, due FROM conversations WHERE due > 0 LIMIT ?", (BATCH,)).fetchall()


def unseen(db: sqlite3.Connection, state: PassState) -> list[sqlite3.Row]:
    """Conversations that the pass has not met and nothing has touched since it began."""
    return db.execute(
        "SELECT sid, service_sid FROM conversations WHERE seen < ? AND touched_s < ?",
        (state.number, state.started_s),
    ).fetchall()


def take_listed(db: sqlite3.Connection, changes: list[Change], state: PassState) -> None:
    """Stores a page and how far the pass is.

    What differs is read whole. What is as it was and closed is not read again: closed is final. What is as it was
    and open is read whole by a deep pass; else only its newest messages, and only while it is in use, since
    Twilio does not promise that a message moves a conversation's `dateUpdated`.
    """
    known = {change.sid for change in changes if _is_known(db, change.sid)}
    applied = apply(db, changes)
    in_use_ms = round((state.started_s - IN_USE_S) * 1000)
    for change in changes:
        same = change.sid in known - applied.sids
        if not same or (state.deep and change.document.get("state") != "closed"):
            db.execute("UPDATE conversations SET due = ? WHERE sid = ?", (WHOLE, change.sid))
        elif change.document.get("state") != "closed":
            db.execute(
                "UPDATE conversations SET due = ? WHERE sid = ? AND activity_ms >= ?",
                (NEWEST, change.sid, in_use_ms),
            )
        db.execute("UPDATE conversations SET seen = ? WHERE sid = ?", (state.number, change.sid))
    set_fact(db, "pass", state)
    count_missed(db, state, applied.changed)


def _is_known(db: sqlite3.Connection, sid: str) -> bool:
    row = db.execute("SELECT due FROM conversations WHERE sid = ?", (sid,)).fetchone()
    return row is not None and row["due"] != WHOLE


def take_contents(
    db: sqlite3.Connection, sid: str, service_sid: str, changes: list[Change], seen_s: float
) -> None:
    """Stores what a conversation holds now, and takes out what it no longer holds."""
    row = db.execute("SELECT id FROM conversations WHERE sid = ?", (sid,)).fetchone()
    if row is None:
        return
    listed = {change.sid for change in changes}
    for kind in KINDS[1:]:
        question = f"SELECT sid FROM {kind}s WHERE conversation = ? AND touched_s < ?"  # noqa: S608 - our own words
        known = {found["sid"] for found in db.execute(question, (row["id"], seen_s))}
        changes += [_gone(kind, found, service_sid, sid) for found in sorted(known - listed)]
    _settle(db, row["id"], changes)


def take_newest(
    db: sqlite3.Connection, sid: str, service_sid: str, changes: list[Change], seen_s: float, *, whole: bool
) -> None:
    """Stores the newest messages; `whole`: there are no others. Asks for a reading of everything when older ones
    between them and those known are missing."""
    row = db.execute("SELECT id FROM conversations WHERE sid = ?", (sid,)).fetchone()
    if row is None:
        return
    first = 0 if whole else min(change.document["index"] for change in changes)
    question = "SELECT max(number) FROM messages WHERE conversation = ?"
    (last,) = db.execute(question, (row["id"],)).fetchone()
    if first > (last if last is not None else -1) + 1:
        db.execute("UPDATE conversations SET due = ? WHERE id = ?", (WHOLE, row["id"]))
        return
    listed = {change.sid for change in changes}
    question = "SELECT sid FROM messages WHERE conversation = ? AND number >= ? AND touched_s < ?"
    known = {found["sid"] for found in db.execute(question, (row["id"], first, seen_s))}
    changes += [_gone("message", found, service_sid, sid) for found in sorted(known - listed)]
    _settle(db, row["id"], changes)


def _settle(db: sqlite3.Connection, conversation: int, changes: list[Change]) -> None:
    db.execute("UPDATE conversations SET due = 0 WHERE id = ?", (conversation,))
    count_missed(db, fact(db, "pass", PassState()), apply(db, changes).changed)


def _gone(kind: Kind, sid: str, service_sid: str, conversation: str) -> Change:
    return Change(kind, sid, service_sid, conversation, {}, time.time(), gone=True)


def count_missed(db: sqlite3.Connection, state: PassState, count: int) -> None:
    """Differences of a second pass and later ones are what webhooks should have told."""
    if state.number > 1 and count:
        MISSED.inc(count)
        set_fact(db, "missed", fact(db, "missed", 0) + count)
