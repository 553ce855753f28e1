"""What a pass over Twilio does to the index: where it is, and what each of its answers changes."""

from __future__ import annotations

import sqlite3
import time

import msgspec
from prometheus_client import Counter

from conversations_api.index_documents import KINDS, Change
from conversations_api.index_writer import apply
from conversations_api.search_index import fact, set_fact

BATCH = 64
MISSED = Counter("conversations_index_missed_total", "Differences to Twilio that no webhook had told")


class PassState(msgspec.Struct):
    """How far the pass under way is; `services` are still to be listed, the first from `pages` on.

    Stages: idle, listing, reading, checking. Times are Unix seconds, 0 for never.
    """

    number: int = 0
    stage: str = "idle"
    services: list[str] = []
    pages: list[tuple[str, str]] = []
    started_s: float = 0.0
    finished_s: float = 0.0


def due(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Conversations whose contents are to be read, a batch of them."""
    return db.execute("SELECT sid, service_sid FROM conversations WHERE due = 1 LIMIT ?", (BATCH,)).fetchall()


def unseen(db: sqlite3.Connection, state: PassState) -> list[sqlite3.Row]:
    """Conversations that the pass has not met and nothing has touched since it began."""
    return db.execute(
        "SELECT sid, service_sid FROM conversations WHERE seen < ? AND touched_s < ?",
        (state.number, state.started_s),
    ).fetchall()


def take_listed(db: sqlite3.Connection, changes: list[Change], state: PassState) -> None:
    """Stores a page and how far the pass is.

    A closed conversation whose contents are known and that is as it was is not read again: closed is final.
    """
    known = {change.sid for change in changes if _is_known(db, change.sid)}
    applied = apply(db, changes)
    for change in changes:
        same = change.sid in known - applied.sids and change.document.get("state") == "closed"
        db.execute(
            "UPDATE conversations SET seen = ?, due = CASE WHEN ? THEN due ELSE 1 END WHERE sid = ?",
            (state.number, same, change.sid),
        )
    set_fact(db, "pass", state)
    count_missed(db, state, applied.changed)


def _is_known(db: sqlite3.Connection, sid: str) -> bool:
    row = db.execute("SELECT due FROM conversations WHERE sid = ?", (sid,)).fetchone()
    return row is not None and not row["due"]


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
        known = [found["sid"] for found in db.execute(question, (row["id"], seen_s))]
        changes += [
            Change(kind, found, service_sid, sid, {}, time.time(), gone=True)
            for found in known
            if found not in listed
        ]
    db.execute("UPDATE conversations SET due = 0 WHERE id = ?", (row["id"],))
    count_missed(db, fact(db, "pass", PassState()), apply(db, changes).changed)


def count_missed(db: sqlite3.Connection, state: PassState, count: int) -> None:
    """Differences of a second pass and later ones are what webhooks should have told."""
    if state.number > 1 and count:
        MISSED.inc(count)
        set_fact(db, "missed", fact(db, "missed", 0) + count)
