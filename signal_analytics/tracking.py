"""Outcomes sent back to Segment: `Call Completed` and `Call Scored`, each once, whatever is retried or rebuilt.

Source: Segment, HTTP tracking API, `POST /batch`: Basic write key, at most 500 KB, deduplicated by `messageId`; it
answers 200 for what it accepts and for what it drops later. What was sent is remembered as hashes in a file of its
own, since the analytics file is disposable.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
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
LOOK_BACK_EVERY_S = 3600.0
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


class Refused(Exception):
    """Segment answers 400: something in this batch can never be taken."""


async def follow_outcomes(
    worker: Worker, session: aiohttp.ClientSession, segment: SegmentSettings, sent: Sent, pause_s: float = PAUSE_S
) -> None:
    """Sends what calls since the beginning of sending gave rise to, for ever; what fails is sent again later.

    The newest calls are looked at whenever something changed; all of them at the start, after a failure and every
    hour, since an outage may outlast the newest ones and a score may come late.
    """
    outbox = Outbox(worker, session, segment, sent)
    seen, looked_back_s = -1, float("-inf")
    while True:
        version, now_s = worker.table.version, time.monotonic()
        deep = now_s - looked_back_s >= LOOK_BACK_EVERY_S
        try:
            told = await outbox.send(deep=deep) if deep or version != seen else 0
        except (TimeoutError, aiohttp.ClientError, duckdb.Error, sqlite3.Error) as error:
            log.warning("outcomes not sent", reason=type(error).__name__)
            looked_back_s = float("-inf")
            await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)
            continue
        if not told:
            seen = version
            looked_back_s = now_s if deep else looked_back_s
            await asyncio.sleep(pause_s)


class Outbox:
    """Finds what was not sent yet, and sends it."""

    def __init__(
        self, worker: Worker, session: aiohttp.ClientSession, segment: SegmentSettings, sent: Sent
    ) -> None:
        self._worker = worker
        self._session = session
        self._segment = segment
        self._sent = sent

    async def send(self, *, deep: bool) -> int:
        """How many messages were dealt with, 0 when none is left; with `deep` among all calls, not the newest."""
        batch = await self._unsent(deep=deep)
        if batch:
            try:
                await self._post(batch)
            except Refused:
                await self._one_by_one(batch)
            else:
                self._sent.add(batch)
        return len(batch)

    async def _unsent(self, *, deep: bool) -> list[dict[str, Any]]:
        before: tuple[datetime, str] | None = None
        while True:
            rows = await self._worker.ask(partial(self._page, before))
            messages = [message for row in rows for message in messages_of(row, self._segment.phone_key)]
            batch = self._sent.unsent(messages)[:BATCH]
            if batch or not deep or len(rows) < LOOKED_AT:
                return batch
            before = rows[-1].started_at, rows[-1].key

    def _page(self, before: tuple[datetime, str] | None, db: duckdb.DuckDBPyConnection) -> list[CallRow]:
        return listed_calls(db, Filters(start=self._sent.since), LOOKED_AT, before)

    async def _one_by_one(self, batch: Sequence[dict[str, Any]]) -> None:
        """Gives up the messages that made Segment refuse the batch, so that the others are not held up."""
        for message in batch:
            try:
                await self._post([message])
            except Refused:
                log.warning("outcome given up", event_name=message["event"], message_id=message["messageId"])
            self._sent.add([message])

    async def _post(self, batch: Sequence[dict[str, Any]]) -> None:
        """Raises Refused for 400, ClientError or TimeoutError when it may be tried again."""
        async with (
            asyncio.timeout(TIMEOUT_S),
            self._session.post(
                f"{self._segment.tracking_url}/batch",
                json={"batch": list(batch), "sentAt": utc_now().isoformat()},
                headers={"Authorization": aiohttp.encode_basic_auth(self._segment.write_key or "", "")},
            ) as response,
        ):
            if response.status == 400:
                raise Refused
            response.raise_for_status()
