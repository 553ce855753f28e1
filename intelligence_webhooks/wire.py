"""What Twilio Intelligence sends, as typed values. Only what we read is named; additions are ignored.

Source: Twilio's OpenAPI document `twilio_intelligence_v2` and captures of v3 rule-execution webhooks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

AccountSid = Annotated[str, msgspec.Meta(pattern="^AC[0-9a-fA-F]{32}$")]
TranscriptSid = Annotated[str, msgspec.Meta(pattern="^GT[0-9a-fA-F]{32}$")]
ConversationId = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,128}$")]

# ---- v2: the notification and what is fetched afterwards ----------------------------------------------------


class Notification(msgspec.Struct):
    """The v2 webhook: it names a transcript and holds no results."""

    transcript_sid: TranscriptSid
    event_type: str
    account_sid: AccountSid | None = None
    service_sid: str | None = None
    customer_key: str | None = None


class ReferenceSids(msgspec.Struct):
    call_sid: str | None = None


class MediaProperties(msgspec.Struct):
    source: str | None = None
    source_sid: str | None = None
    reference_sids: ReferenceSids | None = None


class Participant(msgspec.Struct):
    """Who speaks on a channel; `role` is free text, and channel numbers mean nothing without it."""

    channel_participant: int | None = None
    role: str | None = None
    media_participant_id: str | None = None


class Channel(msgspec.Struct):
    type: str | None = None
    media_properties: MediaProperties | None = None
    participants: list[Participant] = []


class Transcript(msgspec.Struct):
    """A v2 transcript; `duration` in whole seconds."""

    sid: TranscriptSid
    status: str
    service_sid: str | None = None
    channel: Any = None  # untyped in Twilio's document: see `channel_of`
    language_code: str | None = None
    customer_key: str | None = None
    media_start_time: datetime | None = None
    date_created: datetime | None = None
    duration: float | None = None
    encryption_credential_sid: str | None = None


def channel_of(value: Any) -> Channel:
    """The transcript's channel; an empty one where Twilio's value has another shape."""
    try:
        return msgspec.convert(value or {}, Channel)
    except msgspec.ValidationError:
        return Channel()


class Sentence(msgspec.Struct):
    """One sentence; `media_channel` is a channel_participant, whose role only the transcript knows."""

    sentence_index: int
    transcript: str = ""
    media_channel: int | None = None


class OperatorResult(msgspec.Struct):
    """One v2 operator result; which fields are filled depends on `operator_type`."""

    operator_type: str
    name: str = ""
    operator_sid: str = ""
    predicted_label: str | None = None
    predicted_probability: float | str | None = None
    label_probabilities: dict[str, Any] | None = None
    extract_match: bool | None = None
    extract_results: dict[str, Any] | None = None
    normalized_result: Any = None
    utterance_match: bool | None = None
    utterance_results: list[Any] | None = None
    text_generation_results: dict[str, Any] | None = None
    json_results: Any = None


class PageMeta(msgspec.Struct, frozen=True):
    next_page_url: str | None = None


# ---- v3: results inline --------------------------------------------------------------------------------------


class OperatorV3(msgspec.Struct, rename="camel"):
    id: str | None = None
    display_name: str | None = None
    friendly_name: str | None = None


class TriggerV3(msgspec.Struct):
    on: str | None = None
    timestamp: datetime | None = None


class ParticipantV3(msgspec.Struct):
    type: str | None = None


class ExecutionV3(msgspec.Struct, rename="camel"):
    trigger: TriggerV3 | None = None
    channels: list[str] | None = None
    participants: list[ParticipantV3] | None = None


class OperatorResultV3(msgspec.Struct, rename="camel"):
    id: str
    operator: OperatorV3
    output_format: str
    result: Any
    date_created: datetime
    reference_ids: list[str] | None = None
    execution_details: ExecutionV3 | None = None


class ConfigurationV3(msgspec.Struct, rename="camel"):
    id: str
    version: int
    rule_id: str | None = None


class RuleExecution(msgspec.Struct, rename="camel"):
    """The v3 webhook: what the operators of one rule found about a conversation."""

    account_id: AccountSid
    conversation_id: ConversationId
    intelligence_configuration: ConfigurationV3
    operator_results: list[OperatorResultV3]
