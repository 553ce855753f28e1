"""Calls as they are listed: the rows behind the numbers, with the evidence for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
import msgspec

from signal_analytics.filters import REPEAT_DAYS, Filters, stored_time
from signal_analytics.latency import STAGE_STEP, STAGES, value_of

FIRST_SPEECH = STAGES.index("first_speech") * STAGE_STEP


class Evidence(msgspec.Struct):
    """Why the numbers are what they are: what Intelligence found, and what it could not read."""

    summary: str | None = None
    findings: list[dict[str, Any]] = []
    unparsed: list[dict[str, Any]] = []


class CallRow(msgspec.Struct):
    """One call: what relay_server and Intelligence know of it, null where nothing is known.

    `first_speech_ms` is the median of its turns; `caller` and `evidence` are null for those who may not see them.
    """

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
    caller: str | None
    csat: float | None
    csat_surveyed: float | None
    ces: float | None
    nps: float | None
    sentiment: str | None
    legal_risk: float | None
    legal_risk_band: str | None
    hallucinations: int | None
    escalation_requested: bool | None
    escalated: bool | None
    contained: bool | None
    abandoned: bool | None
    resolved: bool | None
    repeated: bool | None
    interruptions: int | None
    language_switches: int | None
    tool_calls: int | None
    tool_failures: int | None
    first_speech_ms: float | None
    tokens: int | None
    cost_usd: float | None
    evidence: Evidence | None = None


_SPEECH_BINS = f"list_filter(latencies, lambda packed: packed // {STAGE_STEP} = {FIRST_SPEECH // STAGE_STEP})"
# SQL of the fields that are not columns by their own name; the median is a bin until `row_of`.
COMPUTED = {
    "duration_s": "duration_ms / 1000.0",
    "repeated": "CASE WHEN caller IS NOT NULL THEN "
    f"coalesce(next_contact_at <= started_at + INTERVAL {REPEAT_DAYS} DAYS, false) END",
    "tool_calls": "tools",
    "tool_failures": "tools - tools_ok",
    "first_speech_ms": f"list_aggregate({_SPEECH_BINS}, 'quantile_disc', 0.5)::INTEGER - {FIRST_SPEECH}",
    "tokens": "prompt_tokens + completion_tokens",
    "cost_usd": "cost_micros / 1e6",
}
FIELDS = tuple(name for name in CallRow.__struct_fields__ if name != "evidence")
COLUMNS = ", ".join(f"{COMPUTED[name]} AS {name}" if name in COMPUTED else f'"{name}"' for name in FIELDS)


def listed_calls(
    db: duckdb.DuckDBPyConnection, filters: Filters, rows: int, before: tuple[datetime, str] | None = None
) -> list[CallRow]:
    """Up to `rows` calls, newest first; those older than `before` (start, key) when it is given."""
    where, values = filters.where()
    if before is not None:
        where += " AND (started_at, key) < ($before_start::TIMESTAMP, $before_key::VARCHAR)"
        values |= {"before_start": stored_time(before[0]), "before_key": before[1]}
    statement = (
        f"SELECT {COLUMNS}, summary, findings, unparsed FROM calls WHERE {where} "
        "ORDER BY started_at DESC, key DESC LIMIT $rows"
    )
    return [row_of(found) for found in db.execute(statement, values | {"rows": rows}).fetchall()]


def oldest_calls(
    db: duckdb.DuckDBPyConnection, filters: Filters, rows: int, after: tuple[datetime, str] | None = None
) -> list[CallRow]:
    """Up to `rows` calls, oldest first; those younger than `after` (start, key) when it is given."""
    where, values = filters.where()
    if after is not None:
        where += " AND (started_at, key) > ($after_start::TIMESTAMP, $after_key::VARCHAR)"
        values |= {"after_start": stored_time(after[0]), "after_key": after[1]}
    statement = (
        f"SELECT {COLUMNS}, summary, findings, unparsed FROM calls WHERE {where} "
        "ORDER BY started_at, key LIMIT $rows"
    )
    return [row_of(found) for found in db.execute(statement, values | {"rows": rows}).fetchall()]


def without_private(row: CallRow) -> CallRow:
    """The row for those who may not see who called and what was said."""
    return msgspec.structs.replace(row, caller=None, evidence=None)


def row_of(values: Sequence[Any]) -> CallRow:
    """Times without a zone are UTC."""
    aware: list[Any] = [v.replace(tzinfo=UTC) if isinstance(v, datetime) else v for v in values]
    *plain, summary, findings, unparsed = aware
    row = CallRow(*plain)
    if row.first_speech_ms is not None:
        row.first_speech_ms = round(value_of(int(row.first_speech_ms)), 1)
    row.evidence = Evidence(summary, _list(findings), _list(unparsed))
    return row


def _list(text: str | None) -> list[dict[str, Any]]:
    return msgspec.json.decode(text, type=list[dict[str, Any]]) if text else []
