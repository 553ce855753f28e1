"""Records as the services write them, and the table that is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.records import CallEnded, CallStarted, Handoff, IntelResult, Record, Turn, encode
from signal_analytics.call_row import CallRow, listed_calls
from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.rejects import skipped_lines

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CALL = "CA" + "0" * 32
STREAMS = {b'"intel_result"': "intel_results", b'"conversation_event"': "conversation_events"}


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def stamp(record: Record, minutes: float, seq: int = 1) -> Record:
    """The record as if it had been written at that minute."""
    milliseconds = int(at(minutes).timestamp() * 1000)
    record.at, record.seq, record.id = at(minutes), seq, f"{milliseconds:012x}7000{seq:016x}"
    return record


def started(
    minutes: float = 0,
    call_sid: str = CALL,
    language: str = "pt-BR",
    agent: str = "ana",
    caller: str = "+15550100100",
    direction: str = "inbound",
) -> Record:
    record = CallStarted(
        call_sid=call_sid,
        session_id="VX",
        caller=caller,
        called="+15550100101",
        direction=direction,
        language=language,
        agent=agent,
    )
    return stamp(record, minutes)


def ended(minutes: float = 5, call_sid: str = CALL, reason: str = "completed", duration_s: float = 300) -> Record:
    return stamp(CallEnded(call_sid=call_sid, reason=reason, duration_s=duration_s, turns=7), minutes)


def turn(minutes: float = 1, number: int = 1, call_sid: str = CALL, seq: int = 1, **values: Any) -> Record:
    record = Turn(call_sid=call_sid, turn=number, input="speech", caller_text="hello", outcome="completed")
    for name, value in values.items():
        setattr(record, name, value)
    return stamp(record, minutes, seq)


def handed_off(minutes: float = 4, call_sid: str = CALL) -> Record:
    return stamp(Handoff(call_sid=call_sid, turn=2, reason="wants a person"), minutes)


def result(
    minutes: float = 6, number: int = 0, call_sid: str | None = CALL, seq: int = 1, **scores: Any
) -> Record:
    record = IntelResult(
        source="v2", transcript_sid=sid("GT", number), call_sid=call_sid, started_at=at(0), language="pt-BR"
    )
    for name, value in scores.items():
        setattr(record, name, value)
    return stamp(record, minutes, seq)


def with_fields(record: Record, **fields: Any) -> bytes:
    """The record's line with fields that another writer's version may have."""
    return json.dumps(json.loads(encode(record)) | fields).encode()


def _stream_of(line: bytes) -> str:
    return next((name for tag, name in STREAMS.items() if tag in line), "calls")


def write(data_dir: Path, records: Sequence[Record | bytes], stream: str | None = None) -> None:
    data_dir.mkdir(exist_ok=True, mode=0o700)
    for record in records:
        line = record if isinstance(record, bytes) else encode(record)
        name = stream or _stream_of(line)
        with (data_dir / f"{name}.ndjson").open("ab") as file:
            file.write(line + b"\n")


def rows(table: CallTable) -> list[CallRow]:
    table.refresh()
    return listed(table)


EVERYTHING = Filters()


def listed(
    table: CallTable, filters: Filters = EVERYTHING, limit: int = 1000, before: tuple[datetime, str] | None = None
) -> list[CallRow]:
    return table.query(lambda db: listed_calls(db, filters, limit, before))


def skipped(table: CallTable) -> int:
    return table.query(skipped_lines)
