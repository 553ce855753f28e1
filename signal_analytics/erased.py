"""What was erased stays erased: staged lines that still tell of it are left out."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from shared.tombstones import Tombstones
from signal_analytics.columns import CALLS, CHATS, RESULTS, Stream

# stream: (what names the rows to leave out, the sids among which one may be erased, phone number, when)
NAMES = {
    CALLS.name: "SELECT DISTINCT call, [call_sid], caller, written_at FROM staged WHERE kind IN (1, 2)",
    RESULTS.name: (
        "SELECT DISTINCT call, [call_key, subject, transcript_sid, conversation_sid, chat_sid], NULL, NULL "
        "FROM staged WHERE wanted"
    ),
    CHATS.name: "SELECT DISTINCT sid, [sid], NULL, NULL FROM staged WHERE sid IS NOT NULL",
}


def forget_erased(db: duckdb.DuckDBPyConnection, stream: Stream, tombstones: Tombstones) -> None:
    """Takes the rows of erased calls and conversations out of `staged`."""

    def covered(sids: list[str | None], phone: str | None, at: datetime | None) -> bool:
        known = phone is not None and at is not None and tombstones.covers_phone(phone, at.replace(tzinfo=UTC))
        return known or tombstones.covers(sids)

    found = db.execute(NAMES[stream.name]).fetchall()
    erased = [name for name, sids, phone, at in found if covered(sids, phone, at)]
    if erased:
        key = "sid" if stream is CHATS else "call"
        db.execute(f"DELETE FROM staged WHERE {key} IN (SELECT unnest(?))", [erased])
