"""What is read of each stream's lines, and how a line becomes a row: the SQL between read_ndjson and the tables.

Columns are named, so that DuckDB parses nothing else. A field of the wrong type fails the whole file, which is
then cleaned line by line (staging.py); here only what is missing has to be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from shared.records import AnyRecord
from signal_analytics.latency import STAGES, bin_sql

LARGEST_LINE_BYTES = 16 * 1024 * 1024
# Of every record type we know; lines of another type are foreign.
KNOWN_TYPES = sorted({str(record.__struct_config__.tag) for record in get_args(AnyRecord)})
# A version's rank: its millisecond, within it the writer's sequence; ids of one millisecond have no order.
_MILLISECOND = "coalesce(try_cast('0x' || left(id, 12) AS UBIGINT), epoch_ms(\"at\"))"
_RANK = (
    f"({_MILLISECOND}::HUGEINT * 18446744073709551616::HUGEINT + seq::HUGEINT * 16777216 + hash(id) % 16777216)"
)
# Within a call the writer's sequence comes first, since its clock may be set back between two versions of a turn.
_CALL_RANK = f"(seq::HUGEINT * 18446744073709551616::HUGEINT + {_MILLISECOND}::HUGEINT * 65536 + hash(id) % 65536)"
# Integer arithmetic on the moment keeps its time zone out of the session's.
_UTC = "make_timestamp(epoch_us({}))"
_ENVELOPE = {"id": "VARCHAR", "at": "TIMESTAMPTZ", "seq": "BIGINT", "type": "VARCHAR"}


@dataclass(frozen=True, slots=True)
class Stream:
    """A journal stream: the columns of its lines and the SELECT list that makes rows of them.

    Every row has `bad`: true when a field is missing that a record of its type must have.
    """

    name: str
    columns: dict[str, str]
    select: str

    def rows(self, files: str) -> str:
        """The SELECT of all rows of `files`, a parameter that holds a list of paths."""
        types = ", ".join(f"'{name}': '{kind}'" for name, kind in self.columns.items())
        return (
            f"SELECT {self.select} FROM read_ndjson({files}, columns = {{{types}}}, "
            f"maximum_object_size = {LARGEST_LINE_BYTES + 1024})"
        )


def _integers(*names: str) -> str:
    return ", ".join(f"{name} BIGINT" for name in names)


def _milliseconds(seconds: str) -> str:
    return f"CASE WHEN {seconds} BETWEEN 0 AND 1e9 THEN round({seconds} * 1000)::BIGINT END"


def _between(name: str, low: float, high: float) -> str:
    return f"CASE WHEN {name} BETWEEN {low} AND {high} THEN {name} END AS {name}"


_BAD = f"""id IS NULL OR "type" IS NULL OR "type" NOT IN {tuple(KNOWN_TYPES)!r}
    OR ("type" <> 'erased' AND ("at" IS NULL OR seq IS NULL))"""

CALLS = Stream(
    "calls",
    {
        **_ENVELOPE,
        "call_sid": "VARCHAR",
        "turn": "BIGINT",
        "caller": "VARCHAR",
        "direction": "VARCHAR",
        "language": "VARCHAR",
        "agent": "VARCHAR",
        "reason": "VARCHAR",
        "duration_s": "DOUBLE",
        "turns": "BIGINT",
        "action": "VARCHAR",
        "input": "VARCHAR",
        "outcome": "VARCHAR",
        "interrupted": "BOOLEAN",
        "latency": f"STRUCT({', '.join(f'{stage}_ms DOUBLE' for stage in STAGES)})",
        "speech": "STRUCT(agent_ms DOUBLE, caller_ms DOUBLE, silence_ms DOUBLE)",
        "tools": "STRUCT(outcome VARCHAR)[]",
        "usage": f"STRUCT({_integers('prompt_tokens', 'completion_tokens')})",
        "cost_usd": "DOUBLE",
    },
    f"""
    ({_BAD} OR (call_sid IS NULL AND "type" <> 'erased') OR CASE "type"
        WHEN 'call_started' THEN direction IS NULL OR "language" IS NULL OR agent IS NULL OR caller IS NULL
        WHEN 'turn' THEN turn IS NULL OR input IS NULL
        WHEN 'call_ended' THEN reason IS NULL OR duration_s IS NULL OR turns IS NULL
        ELSE false END) AS bad,
    hash(call_sid) AS call,
    CASE "type" WHEN 'turn' THEN 3 WHEN 'call_started' THEN 1 WHEN 'call_ended' THEN 2 WHEN 'handoff' THEN 4
        WHEN 'language_switched' THEN 5 WHEN 'silence_prompt' THEN 6
        WHEN 'operator_action' THEN CASE WHEN action IN ('transfer', 'takeover') THEN 4 ELSE 0 END
        ELSE 0 END::UTINYINT AS kind,
    CASE "type" WHEN 'turn' THEN turn WHEN 'call_started' THEN 0 WHEN 'call_ended' THEN 0
        ELSE hash(id) END::UBIGINT AS part,
    CASE "type" WHEN 'call_started' THEN -{_CALL_RANK} ELSE {_CALL_RANK} END AS rank,
    {_UTC.format('"at"')} AS written_at,
    CASE WHEN "type" IN ('call_started', 'call_ended') THEN call_sid END AS call_sid,
    caller, direction, "language", agent, reason,
    {_milliseconds("duration_s")} AS duration_ms,
    turns::INTEGER AS turns, input, outcome, interrupted,
    {", ".join(f"{bin_sql(f'latency.{stage}_ms')} AS {stage}_bin" for stage in STAGES)},
    {", ".join(f"round(speech.{who}_ms)::INTEGER AS {who}_ms" for who in ("agent", "caller", "silence"))},
    len(tools)::INTEGER AS tools,
    len(list_filter(tools, lambda tool: tool.outcome = 'ok'))::INTEGER AS tools_ok,
    usage.prompt_tokens AS prompt_tokens, usage.completion_tokens AS completion_tokens,
    round(cost_usd * 1e6)::BIGINT AS cost_micros
    """,
)

# A call's task was completed when every action that the operator lists was; read from Twilio's published
# "Task Completion" operator.
_RESOLVED = """
    list_filter(operators, lambda o: o.parsed IS DISTINCT FROM false
        AND regexp_matches(lower(o.name), 'task.?completion|resolution'))[1].value
"""
_SUBJECT = "coalesce(transcript_sid, conversation_sid, id)"

RESULTS = Stream(
    "intel_results",
    {
        **_ENVELOPE,
        "source": "VARCHAR",
        "transcript_sid": "VARCHAR",
        "call_sid": "VARCHAR",
        "conversation_sid": "VARCHAR",
        "service_sid": "VARCHAR",
        "channel": "VARCHAR",
        "language": "VARCHAR",
        "started_at": "TIMESTAMPTZ",
        "duration_s": "DOUBLE",
        "csat": "DOUBLE",
        "csat_surveyed": "DOUBLE",
        "ces": "DOUBLE",
        "nps": "DOUBLE",
        "sentiment": "VARCHAR",
        "legal_risk": "STRUCT(score DOUBLE, band VARCHAR, findings JSON)",
        "hallucinations": "BIGINT",
        "escalation_requested": "BOOLEAN",
        "summary": "VARCHAR",
        "operators": 'STRUCT(name VARCHAR, parsed BOOLEAN, reason VARCHAR, "value" JSON)[]',
        "reference_sids": "VARCHAR[]",
    },
    f"""
    ({_BAD} OR ("type" = 'intel_result' AND source IS NULL)) AS bad,
    coalesce("type" = 'intel_result', false) AS wanted,
    hash(coalesce(call_sid, {_SUBJECT})) AS call, hash({_SUBJECT}) AS part, {_RANK} AS rank,
    {_UTC.format('"at"')} AS written_at,
    coalesce(call_sid, {_SUBJECT}) AS call_key, {_SUBJECT} AS subject,
    transcript_sid, conversation_sid,
    coalesce(list_filter(reference_sids, lambda sid: starts_with(sid, 'CH'))[1],
        CASE WHEN starts_with(conversation_sid, 'CH') THEN conversation_sid END) AS chat_sid,
    service_sid, coalesce(channel, 'voice') AS channel, "language",
    {_UTC.format("started_at")} AS started_at,
    {_milliseconds("duration_s")} AS duration_ms,
    {_between("csat", 1, 5)}, {_between("csat_surveyed", 1, 5)}, {_between("ces", 1, 7)}, {_between("nps", 0, 10)},
    sentiment, {_between("legal_risk.score", 0, 100).replace("AS legal_risk.score", "AS legal_risk")},
    legal_risk.band AS legal_risk_band, hallucinations, escalation_requested,
    ({_RESOLVED}) AS resolution, json(legal_risk.findings)::VARCHAR AS findings, summary,
    CASE WHEN len(list_filter(operators, lambda o: o.parsed = false)) > 0 THEN to_json(
        [{{'name': o.name, 'reason': o.reason}} FOR o IN operators IF o.parsed = false])::VARCHAR END AS unparsed
    """,
)

CHATS = Stream(
    "conversation_events",
    {
        **_ENVELOPE,
        "event_type": "VARCHAR",
        "source": "VARCHAR",
        "service_sid": "VARCHAR",
        "conversation_sid": "VARCHAR",
        "payload": "JSON",
    },
    f"""
    ({_BAD} OR ("type" = 'conversation_event' AND (event_type IS NULL OR source IS NULL))) AS bad,
    nullif(conversation_sid, '') AS sid, nullif(service_sid, '') AS service_sid,
    {_UTC.format('"at"')} AS written_at,
    (event_type = 'onConversationRemoved' OR (event_type = 'onConversationStateUpdated'
        AND coalesce(payload->>'StateTo', payload->>'State') = 'closed')) AS closed
    """,
)

STREAMS = (CALLS, RESULTS, CHATS)
