"""From the journals into the index: own writes and webhooks, and the turns of phone calls for the timelines."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec

from conversations_api.index_documents import change_of, message_to_read, milliseconds, plain_address
from conversations_api.index_erasing import is_erased
from conversations_api.index_writer import apply, mark_stale
from conversations_api.search_index import SearchIndex, set_fact
from shared.journal_reader import BadLine, JournalReader, Lines, Position, end_positions
from shared.person import is_erased as is_erased_line
from shared.records import CallEnded, CallStarted, ConversationEvent, Turn, decode_call
from shared.telemetry import get_logger
from shared.tombstones import Tombstones

EVENTS = "conversation_events"
CALLS = "calls"
POLL_S = 0.2
BATCH = 2000
RETRY_S = 1.0
Positions = dict[str, Position]
log = get_logger("conversations.index")


class IndexFeed:
    """Follows both journals; the position is stored in the transaction that stores what was read."""

    def __init__(self, data_dir: Path, index: SearchIndex, tombstones: Tombstones) -> None:
        self._data_dir = data_dir
        self._tombstones = tombstones
        self._index = index
        self._readers: dict[str, JournalReader] = {}

    async def start(self) -> None:
        """Finds the positions.

        An index without one begins with the calls' first line and behind the events' last: what came before
        stands in Twilio, and is read from there.
        """
        stored = await self._index.write(self._positions)
        self._readers = {stream: JournalReader(self._data_dir, stream, stored[stream]) for stream in stored}

    async def run(self) -> None:
        """Follows until cancelled."""
        while True:
            told = await self._index.news(POLL_S)
            try:
                await self.catch_up()
            except (OSError, sqlite3.Error) as error:
                log.error("index not kept", reason=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            await self._index.took_in(told)

    async def catch_up(self) -> None:
        """Takes in everything the journals hold by now."""
        for stream, take in ((EVENTS, self._take_events), (CALLS, self._take_calls)):
            while await self._batch(stream, take):
                pass

    async def _batch(self, stream: str, take: Callable[[sqlite3.Connection, Lines], None]) -> bool:
        reader = self._readers[stream]
        before = dict(reader.positions)
        lines = await asyncio.to_thread(reader.read, BATCH)
        if not lines:
            return False
        positions = dict(reader.positions)

        def work(db: sqlite3.Connection) -> None:
            take(db, lines)
            set_fact(db, f"position:{stream}", positions)

        try:
            await self._index.write(work)
        except BaseException:
            reader.positions = before
            raise
        return True

    def _take_events(self, db: sqlite3.Connection, lines: Lines) -> None:
        _take_event_lines(db, lines, self._tombstones)

    def _take_calls(self, db: sqlite3.Connection, lines: Lines) -> None:
        _take_call_lines(
            db, [line for line in lines if isinstance(line, BadLine) or not self._is_erased(line.raw)]
        )

    def _is_erased(self, raw: bytes) -> bool:
        return is_erased_line(raw, self._tombstones)

    def _positions(self, db: sqlite3.Connection) -> dict[str, Positions]:
        found: dict[str, Positions] = {}
        for stream in (EVENTS, CALLS):
            row = db.execute("SELECT value FROM facts WHERE name = ?", (f"position:{stream}",)).fetchone()
            if row is not None:
                found[stream] = msgspec.json.decode(row[0], type=Positions)
            else:
                found[stream] = end_positions(self._data_dir, stream) if stream == EVENTS else {}
                set_fact(db, f"position:{stream}", found[stream])
        return found


def _take_event_lines(db: sqlite3.Connection, lines: Lines, tombstones: Tombstones) -> None:
    changes = []
    for line in lines:
        event = _event(line.raw) if not isinstance(line, BadLine) else None
        if event is None:
            continue
        message = message_to_read(event)
        if message is not None:
            mark_stale(db, "message", message, event.service_sid, event.conversation_sid)
        change = change_of(event)
        if change is not None and not is_erased(tombstones, change):
            changes.append(change)
    apply(db, changes)


def _event(raw: bytes) -> ConversationEvent | None:
    try:
        return msgspec.json.decode(raw, type=ConversationEvent)
    except (msgspec.MsgspecError, RecursionError):
        return None


def _take_call_lines(db: sqlite3.Connection, lines: Lines) -> None:
    for line in lines:
        if isinstance(line, BadLine):
            continue
        try:
            record = decode_call(line.raw)
        except (msgspec.MsgspecError, RecursionError):
            continue
        if isinstance(record, CallStarted):
            _start_call(db, record)
        elif isinstance(record, Turn):
            _put_turn(db, record)
        elif isinstance(record, CallEnded):
            db.execute(
                "UPDATE calls SET ended_ms = ?, duration_s = ?, reason = ?, turns = ? WHERE call_sid = ?",
                (milliseconds(record.at), record.duration_s, record.reason, record.turns, record.call_sid),
            )


def _start_call(db: sqlite3.Connection, record: CallStarted) -> None:
    customer = record.called if record.direction.startswith("outbound") else record.caller
    db.execute(
        "INSERT OR IGNORE INTO calls (call_sid, customer, direction, language, started_ms) VALUES (?, ?, ?, ?, ?)",
        (record.call_sid, plain_address(customer), record.direction, record.language, milliseconds(record.at)),
    )


def _put_turn(db: sqlite3.Connection, record: Turn) -> None:
    """A later record of a turn corrects the earlier; the turn stays at its first time."""
    db.execute(
        "INSERT INTO turns VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (call_sid, turn) DO UPDATE SET"
        " caller_text = excluded.caller_text, reply_text = excluded.reply_text, heard_text = excluded.heard_text,"
        " interrupted = excluded.interrupted, outcome = excluded.outcome",
        (
            record.call_sid,
            record.turn,
            milliseconds(record.at),
            record.caller_text,
            record.reply_text,
            record.heard_text,
            record.interrupted,
            record.outcome,
        ),
    )
