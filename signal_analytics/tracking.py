"""Outcomes sent back to Segment: `Call Completed` and `Call Scored`, each once, whatever is retried or rebuilt.

Source: Segment, HTTP tracking API, `POST /batch`: Basic write key, at most 500 KB, deduplicated by `messageId`; it
answers 200 for what it accepts and for what it drops later. What was sent is remembered as hashes in a file of its
own, since the analytics file is disposable.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import duckdb
import msgspec

from shared.config import SegmentSettings
from shared.records import utc_now
from shared.telemetry import get_logger
from signal_analytics.call_row import CallRow, listed_calls
from signal_analytics.filters import NOBODY, Filters
from signal_analytics.worker import Worker

FILE_NAME = "analytics_sent.sqlite"
BATCH = 100
LOOKED_AT = 1000
PAUSE_S = 2.0
PAUSE_AFTER_REFUSAL_S = 30.0
TIMEOUT_S = 15.0
log = get_logger("tracking")


class Sent:
    """What was sent, by hashes of message ids; and since when calls are told of."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False)
        path.chmod(0o600)
        self._db.executescript(
            "CREATE TABLE IF NOT EXISTS sent (hash BLOB PRIMARY KEY) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS since (at TEXT NOT NULL);"
        )
        row = self._db.execute("SELECT at FROM since").fetchone()
        if row is None:
            row = (utc_now().isoformat(),)
            self._db.execute("INSERT INTO since VALUES (?)", row)
            self._db.commit()
        self.since = datetime.fromisoformat(row[0]).astimezone(UTC)

    def unsent(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [message for message in messages if not self._has(message["messageId"])]

    def add(self, messages: Sequence[dict[str, Any]]) -> None:
        rows = [(_hash(message["messageId"]),) for message in messages]
        self._db.executemany("INSERT OR IGNORE INTO sent VALUES (?)", rows)
        self._db.commit()

    def close(self) -> None:
        self._db.close()

    def _has(self, message_id: str) -> bool:
        return self._db.execute("SELECT 1 FROM sent WHERE hash = ?", (_hash(message_id),)).fetchone() is not None


def _hash(message_id: str) -> bytes:
    """Stands for a message id, which names a call: an erased call leaves nothing readable here."""
    return hashlib.blake2b(message_id.encode(), digest_size=16).digest()


def messages_of(row: CallRow, phone_key: str) -> list[dict[str, Any]]:
    """The messages a call gives rise to: that it is over, and its scores; none for callers that are nobody."""
    if row.caller in (None, *NOBODY) or row.ended_at is None:
        return []
    completed = _message(row, phone_key, "Call Completed", f"call-completed-{row.key}", _outcome(row))
    scores = {name: value for name, value in _scores(row).items() if value is not None}
    if not scores:
        return [completed]
    version = hashlib.sha256(msgspec.json.encode(scores)).hexdigest()[:16]
    return [completed, _message(row, phone_key, "Call Scored", f"call-scored-{row.key}-{version}", scores)]


def _message(
    row: CallRow, phone_key: str, event: str, message_id: str, properties: dict[str, Any]
) -> dict[str, Any]:
    assert row.caller is not None  # noqa: S101 - messages_of has looked
    known_as = {"id": row.caller, "type": phone_key, "collection": "users", "encoding": "none"}
    return {
        "type": "track",
        "event": event,
        "messageId": message_id,
        "anonymousId": f"crosschannel-{row.key}",
        "timestamp": (row.ended_at or row.started_at).isoformat(),
        "properties": {"call_sid": row.call_sid, **properties},
        "context": {"externalIds": [known_as], "library": {"name": "crosschannel", "version": "1"}},
    }


def _outcome(row: CallRow) -> dict[str, Any]:
    names = (
        "channel",
        "direction",
        "language",
        "agent",
        "reason",
        "duration_s",
        "turns",
        "contained",
        "escalated",
    )
    return {name: getattr(row, name) for name in names}


def _scores(row: CallRow) -> dict[str, Any]:
    names = ("csat", "csat_surveyed", "ces", "nps", "sentiment", "legal_risk_band", "resolved")
    return {name: getattr(row, name) for name in names}


async def follow_outcomes(
    worker: Worker, session: aiohttp.ClientSession, segment: SegmentSettings, sent: Sent, pause_s: float = PAUSE_S
) -> None:
    """Sends what calls since the beginning of sending gave rise to, for ever; what fails is sent again later."""
    seen = -1
    while True:
        version = worker.table.version
        try:
            told = 0 if version == seen else await _send(worker, session, segment, sent)
        except (TimeoutError, aiohttp.ClientError, duckdb.Error, sqlite3.Error) as error:
            log.warning("outcomes not sent", reason=type(error).__name__)
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)
        else:
            if not told:
                seen = version
                await asyncio.sleep(pause_s)


async def _send(worker: Worker, session: aiohttp.ClientSession, segment: SegmentSettings, sent: Sent) -> int:
    rows = await worker.ask(lambda db: listed_calls(db, Filters(start=sent.since), LOOKED_AT))
    messages = [message for row in rows for message in messages_of(row, segment.phone_key)]
    batch = sent.unsent(messages)[:BATCH]
    if not batch:
        return 0
    async with (
        asyncio.timeout(TIMEOUT_S),
        session.post(
            f"{segment.tracking_url}/batch",
            json={"batch": batch, "sentAt": utc_now().isoformat()},
            headers={"Authorization": aiohttp.encode_basic_auth(segment.write_key or "", "")},
        ) as response,
    ):
        response.raise_for_status()
    sent.add(batch)
    return len(batch)
