"""Journal records reduced to the rows they leave behind, one per call or transcript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from shared.records import CallEnded, CallStarted, IntelResult, Record, decode


class StartRow(msgspec.Struct):
    call_sid: str
    rank: str
    started_at: datetime
    language: str
    agent: str
    direction: str


class EndRow(msgspec.Struct):
    call_sid: str
    rank: str
    ended_at: datetime
    reason: str
    duration_s: float
    turns: int


class ResultRow(msgspec.Struct, kw_only=True):
    subject: str
    call_key: str
    rank: str
    written_at: datetime
    transcript_sid: str | None
    conversation_sid: str | None
    service_sid: str | None
    channel: str
    language: str | None
    started_at: datetime | None
    duration_s: float | None
    csat: float | None
    csat_surveyed: float | None
    ces: float | None
    sentiment: str | None
    legal_risk: float | None
    legal_risk_band: str | None
    hallucinations: int | None
    escalation_requested: bool | None


Row = TypeVar("Row", StartRow, EndRow, ResultRow)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Batch:
    """The rows of some journal lines. Adding a line twice, or in another order, changes nothing."""

    def __init__(self) -> None:
        self.starts: dict[str, StartRow] = {}
        self.ends: dict[str, EndRow] = {}
        self.results: dict[str, ResultRow] = {}
        self.skipped = 0

    def add(self, raw: bytes) -> None:
        """Takes in one line; a line that is no record of ours is counted as skipped."""
        try:
            record = decode(raw)
        except UNREADABLE:
            self.skipped += 1
            return
        match record:
            case CallStarted():
                _keep(self.starts, record.call_sid, _start_row(record), min)
            case CallEnded():
                _keep(self.ends, record.call_sid, _end_row(record), max)
            case IntelResult():
                row = _result_row(record)
                _keep(self.results, row.subject, row, max)
            case _:  # other records of a call change no measure yet
                pass


def rank_of(record: Record) -> str:
    """What orders the versions of a record: its millisecond, within it the writer's sequence.

    An id alone is not enough, since within a millisecond its order is random.
    """
    return f"{record.id[:12]}-{record.seq:016d}-{record.id[12:]}"


def _keep(rows: dict[str, Row], key: str, row: Row, choose: Callable[..., Row]) -> None:
    known = rows.get(key)
    rows[key] = row if known is None else choose(known, row, key=lambda candidate: candidate.rank)


def _start_row(record: CallStarted) -> StartRow:
    return StartRow(
        record.call_sid, rank_of(record), _utc(record.at), record.language, record.agent, record.direction
    )


def _end_row(record: CallEnded) -> EndRow:
    return EndRow(
        record.call_sid, rank_of(record), _utc(record.at), record.reason, record.duration_s, record.turns
    )


def _result_row(record: IntelResult) -> ResultRow:
    subject = record.transcript_sid or record.conversation_sid or record.id
    risk = record.legal_risk
    return ResultRow(
        subject=subject,
        call_key=record.call_sid or subject,
        rank=rank_of(record),
        written_at=_utc(record.at),
        transcript_sid=record.transcript_sid,
        conversation_sid=record.conversation_sid,
        service_sid=record.service_sid,
        channel=record.channel,
        language=record.language,
        started_at=None if record.started_at is None else _utc(record.started_at),
        duration_s=record.duration_s,
        csat=record.csat,
        csat_surveyed=record.csat_surveyed,
        ces=record.ces,
        sentiment=record.sentiment,
        legal_risk=None if risk is None else risk.score,
        legal_risk_band=None if risk is None else risk.band,
        hallucinations=record.hallucinations,
        escalation_requested=record.escalation_requested,
    )


def _utc(at: datetime) -> datetime:
    """The time in UTC; DuckDB's TIMESTAMP would drop another offset without a word."""
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
