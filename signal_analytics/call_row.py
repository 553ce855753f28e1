"""A call as it is listed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec


class CallRow(msgspec.Struct):
    """One call: what relay_server and Intelligence know of it, null where nothing is known."""

    key: str
    call_sid: str | None
    transcript_sid: str | None
    conversation_sid: str | None
    service_sid: str | None
    started_at: datetime
    ended_at: datetime | None
    duration_s: float | None
    reason: str | None
    turns: int | None
    direction: str | None
    channel: str | None
    language: str | None
    agent: str | None
    csat: float | None
    csat_surveyed: float | None
    ces: float | None
    sentiment: str | None
    legal_risk: float | None
    legal_risk_band: str | None
    hallucinations: int | None
    escalation_requested: bool | None


def call_row(values: Sequence[Any]) -> CallRow:
    """The row of a tuple of values in the order of the fields; times without a zone are UTC."""
    aware: list[Any] = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in values]
    return CallRow(*aware)
