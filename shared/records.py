"""The records of the journals: one typed, versioned Struct per line type.

Every line is `{"v":1,"id":…,"at":"…Z","seq":n,"type":…, …}` in snake_case and UTC. Readers ignore fields they do
not know; a type they do not know is a msgspec.ValidationError, which they count.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

VERSION = 1


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A unique id of 32 hexadecimal digits whose order is the order of time (UUID version 7, RFC 9562)."""
    milliseconds, rest_ns = divmod(time.time_ns(), 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000  # twelve more bits of time, so that ids of one millisecond rise too
    low = int.from_bytes(os.urandom(8), "big") >> 2
    return f"{milliseconds:012x}7{fraction:03x}{(0b10 << 62) | low:016x}"


class Record(msgspec.Struct, kw_only=True, tag_field="type"):
    """What every line has; the journal's writer sets `seq` when it writes."""

    v: int = VERSION
    id: str = msgspec.field(default_factory=new_id)
    at: datetime = msgspec.field(default_factory=utc_now)
    seq: int = 0


# ---- calls: written by relay_server -------------------------------------------------------------------------

TurnInput = Literal["speech", "dtmf", "operator"]
TurnOutcome = Literal["open", "completed", "interrupted", "superseded", "failed"]


class CallStarted(Record, tag="call_started"):
    """A caller is connected. `direction` is `inbound` or `outbound`; addresses are E.164 where they are phones."""

    call_sid: str
    session_id: str
    caller: str
    called: str
    direction: str
    language: str
    agent: str
    account_sid: str = ""
    call_type: str = ""
    parameters: dict[str, str] = {}


class ToolUse(msgspec.Struct, kw_only=True):
    """One tool call inside a turn; `outcome` is ok, error or unknown (no answer in time)."""

    tool_call_id: str
    name: str
    arguments: str = ""
    result: str = ""
    outcome: Literal["ok", "error", "unknown"] = "ok"
    duration_ms: float = 0.0


class Turn(Record, tag="turn"):
    """One exchange; a later record with the same (call_sid, turn) corrects the earlier.

    `latency` holds milliseconds since the prompt arrived: model_request_ms, first_byte_ms, first_text_ms,
    first_speech_ms, tools_ms, complete_ms, heard_ms. `heard_source` says how `heard_text` is known: played,
    interrupt, estimated, or playing while more of it may be heard. `speech` holds how long each spoke since the
    turn before was settled: agent_ms, caller_ms, silence_ms; empty where Twilio reports no speakers.
    `reply_text[answer_start:]` is the answer itself: what stands before it was said before and while tools ran.
    """

    call_sid: str
    turn: int
    input: TurnInput
    caller_text: str
    reply_text: str = ""
    heard_text: str = ""
    heard_source: str = ""
    interrupted: bool = False
    outcome: TurnOutcome = "open"
    language: str = ""
    persona: str = ""
    tools: list[ToolUse] = []
    latency: dict[str, float] = {}
    model: str = ""
    usage: dict[str, int] = {}
    speech: dict[str, float] = {}
    answer_start: int = 0


class ToolRecord(Record, tag="tool"):
    """A tool started or finished; `key` is call_sid:turn:tool_call_id."""

    call_sid: str
    turn: int
    key: str
    name: str
    state: Literal["started", "finished"]
    arguments: str = ""
    result: str = ""
    outcome: str = ""
    duration_ms: float = 0.0


class LanguageSwitched(Record, tag="language_switched"):
    """The call goes on in another language; `cause` is prompt, request, tool or detected."""

    call_sid: str
    turn: int
    from_language: str
    to_language: str
    cause: str


class PersonaChanged(Record, tag="persona_changed"):
    """Another persona of the agent file has taken over."""

    call_sid: str
    turn: int
    from_persona: str
    to_persona: str


class Handoff(Record, tag="handoff"):
    """The call leaves the agent; `data` is what Twilio gets as handoffData."""

    call_sid: str
    turn: int
    reason: str
    data: dict[str, Any] = {}


class OperatorAction(Record, tag="operator_action"):
    """An operator acted on a call."""

    call_sid: str
    actor: str
    action: str
    detail: str = ""


class SilencePrompt(Record, tag="silence_prompt"):
    """The agent asked a silent caller, for the `count`th time in a row, whether they are there."""

    call_sid: str
    turn: int
    count: int


class KeysEntered(Record, tag="keys_entered"):
    """The caller has keyed in the entry `name` of the agent file; `digits` are masked when it is `sensitive`."""

    call_sid: str
    turn: int
    name: str
    digits: str
    sensitive: bool = False


class CallResumed(Record, tag="call_resumed"):
    """The same call came back on a new socket."""

    call_sid: str
    session_id: str
    resumes: int


class CallError(Record, tag="error"):
    """Something failed inside a call; `detail` holds no caller's words."""

    call_sid: str
    code: str
    detail: str = ""


class CallEnded(Record, tag="call_ended"):
    """The call is over; reason is completed, agent_ended, handoff, silent, limit, failed, shutdown or lost.

    `usage` sums the turns' tokens; `cost_usd` is None when a price is not known.
    """

    call_sid: str
    reason: str
    duration_s: float
    turns: int
    usage: dict[str, int] = {}
    cost_usd: float | None = None


CallRecord = (
    CallStarted
    | Turn
    | ToolRecord
    | LanguageSwitched
    | PersonaChanged
    | Handoff
    | OperatorAction
    | SilencePrompt
    | KeysEntered
    | CallResumed
    | CallError
    | CallEnded
)


# ---- intelligence_webhooks ----------------------------------------------------------------------------------


class IntelEvent(Record, tag="intel_event"):
    """One accepted webhook: raw body and the headers that matter; deduplicated by `event_key`.

    `replay_of` is the id of the dead letter that an operator replayed, "" for what Twilio sent.
    """

    event_key: str
    body: str
    headers: dict[str, str]
    content_type: str = ""
    kind: Literal["v2", "v3", "unknown"] = "unknown"
    transcript_sid: str | None = None
    conversation_sid: str | None = None
    replay_of: str = ""


class Finding(msgspec.Struct, kw_only=True):
    """A legal risk finding: severity 0-100 with the words that show it and whose they are."""

    category: str
    severity: float
    evidence: str = ""
    sentence_index: int | None = None
    speaker: str = ""


class LegalRisk(msgspec.Struct, kw_only=True):
    """The call's score is the largest severity; bands: low below 40, medium below 70, high."""

    score: float
    band: Literal["low", "medium", "high"]
    findings: list[Finding] = []


class OperatorOutcome(msgspec.Struct, kw_only=True):
    """One operator's result, normalised; where it could not be parsed, `reason` says why.

    `created_at` orders repeated runs of an operator (v3 only).
    """

    name: str
    operator_sid: str = ""
    operator_type: str = ""
    parsed: bool = True
    value: Any = None
    reason: str = ""
    created_at: datetime | None = None


SpeakerRole = Literal["agent", "ai_agent", "customer", "unknown"]


class Speaker(msgspec.Struct, kw_only=True):
    """Who speaks on a channel of the transcript, by Twilio's participants; `label` is the role as it was sent."""

    channel: int | None = None
    role: SpeakerRole = "unknown"
    label: str = ""


class IntelResult(Record, tag="intel_result"):
    """What Intelligence found about one transcript (v2) or conversation (v3); a later line supersedes.

    csat 1-5 or null; ces 1-7 or null with `ces_direction` "7=easy"; `csat_surveyed` never mixes with the inferred
    `csat`. `nps` 0-10, only when asked.
    `tasks_completed` of `tasks` that the caller asked for were done.
    `event_id` is the intel_event that this line answers; `reference_sids` are the CA… and CH… sids it names.
    """

    source: Literal["v2", "v3"]
    transcript_sid: str | None = None
    call_sid: str | None = None
    conversation_sid: str | None = None
    service_sid: str | None = None
    channel: str = "voice"
    language: str | None = None
    started_at: datetime | None = None
    duration_s: float | None = None
    csat: float | None = None
    csat_surveyed: float | None = None
    ces: float | None = None
    nps: float | None = None
    sentiment: str | None = None
    legal_risk: LegalRisk | None = None
    hallucinations: int | None = None
    escalation_requested: bool | None = None
    summary: str | None = None
    disposition: str | None = None
    intents: list[str] = []
    emotions: list[str] = []
    toxic: bool | None = None
    tasks_completed: int | None = None
    tasks: int | None = None
    ces_direction: str | None = None
    customer_key: str | None = None
    speakers: list[Speaker] = []
    operators: list[OperatorOutcome] = []
    event_id: str = ""
    reference_sids: list[str] = []


class DeadLetter(Record, tag="dead_letter"):
    """What could not be accepted or resolved, with the reason and what is needed to replay it."""

    reason: str
    event_id: str = ""
    body: str = ""
    headers: dict[str, str] = {}
    detail: str = ""


# ---- conversations_api and audit ----------------------------------------------------------------------------


class ConversationEvent(Record, tag="conversation_event"):
    """A verified Conversations webhook, or a write of our own."""

    event_type: str
    source: Literal["webhook", "api"]
    service_sid: str = ""
    conversation_sid: str = ""
    sid: str = ""
    payload: dict[str, Any] = {}
    event_key: str = ""  # what a webhook's redelivery is recognised by; empty for our own writes


class AuditRecord(Record, tag="audit"):
    """Who did what to which call or conversation, and how it went."""

    actor: str
    role: str
    action: str
    target: str = ""
    outcome: str = "ok"
    address: str = ""


# ---- what keeps people's and operators' wishes --------------------------------------------------------------


class Erased(Record, tag="erased"):
    """What is left of a line after its person was erased, in blanks to the old length: readers pass over it."""


class Tombstone(Record, tag="tombstone"):
    """Something erased that must not come back: a keyed hash of a phone number, a sid or an event's key."""

    hash: str
    kind: Literal["phone", "sid", "event"]


class Cleared(Record, tag="cleared"):
    """Everything before this line was moved to `folder` under DATA_DIR; reconcile does not look behind `until`."""

    until: datetime
    folder: str
    archived: dict[str, int] = {}


AnyRecord = (
    CallRecord
    | IntelEvent
    | IntelResult
    | DeadLetter
    | ConversationEvent
    | AuditRecord
    | Erased
    | Tombstone
    | Cleared
)

_encoder = msgspec.json.Encoder(decimal_format="number")
_call_decoder: msgspec.json.Decoder[CallRecord] = msgspec.json.Decoder(CallRecord)
_any_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


def encode(record: Record) -> bytes:
    """The record as one JSON line, without its newline. Half a surrogate pair becomes U+FFFD."""
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:  # a streamed reply or a raw header can hold one; that must not cost the record
        return _encoder.encode(_whole_characters(msgspec.to_builtins(record)))


def _whole_characters(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
        case list():
            return [_whole_characters(item) for item in value]
        case _:
            return value


def decode_call(raw: bytes) -> CallRecord:
    """A line of the `calls` stream. Raises msgspec.ValidationError or DecodeError."""
    return _call_decoder.decode(raw)


def decode(raw: bytes) -> AnyRecord:
    """A line of any stream. Raises msgspec.ValidationError or DecodeError."""
    return _any_decoder.decode(raw)
