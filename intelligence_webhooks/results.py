"""The one result per transcript (v2) or conversation (v3), put together from what Twilio reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import structs

from intelligence_webhooks.outcomes import outcome_of_v2, outcome_of_v3
from intelligence_webhooks.rules import Rules
from intelligence_webhooks.scores import Scores, score
from intelligence_webhooks.wire import Channel, MediaProperties, RuleExecution, Sentence, Transcript, channel_of
from shared.records import IntelResult, OperatorOutcome, Speaker, SpeakerRole

CALL_SID = re.compile(r"CA[0-9a-fA-F]{32}")
CONVERSATION_SID = re.compile(r"CH[0-9a-fA-F]{32}")
CES_DIRECTION = "7=easy"


def result_of_transcript(
    event_id: str,
    transcript: Transcript,
    sentences: Sequence[Sentence],
    operator_results: Sequence[bytes],
    rules: Rules,
) -> IntelResult:
    """The result of a v2 transcript; findings without evidence get the words of the sentence they point at."""
    scores, outcomes = score([outcome_of_v2(raw) for raw in operator_results], rules)
    channel = channel_of(transcript.channel)
    speakers = speakers_of(channel)
    _quote(scores, sentences, {speaker.channel: speaker.role for speaker in speakers})
    call_sid = call_sid_of(channel, transcript.customer_key)
    result = IntelResult(
        source="v2",
        event_id=event_id,
        transcript_sid=transcript.sid,
        call_sid=call_sid,
        conversation_sid=_conversation_sid(transcript.customer_key),
        customer_key=transcript.customer_key,
        speakers=speakers,
        service_sid=transcript.service_sid,
        channel=(channel.type or "voice").lower(),
        language=transcript.language_code,
        started_at=transcript.media_start_time or transcript.date_created,
        duration_s=transcript.duration,
        operators=outcomes,
        reference_sids=[call_sid] if call_sid else [],
    )
    return _with_scores(result, scores)


def result_of_encrypted(event_id: str, transcript: Transcript, rules: Rules) -> IntelResult:
    """The result of a transcript whose contents only the holder of the key can read: no scores, and why."""
    result = result_of_transcript(event_id, transcript, [], [], rules)
    reason = f"encrypted with {transcript.encryption_credential_sid}"
    result.operators = [OperatorOutcome(name="", parsed=False, reason=reason)]
    return result


def result_of_execution(
    event_id: str, execution: RuleExecution, previous: IntelResult | None, rules: Rules
) -> IntelResult:
    """The result of a v3 conversation: what this webhook reports over what is known from `previous`.

    Rules fire many times in a conversation; the latest run of each operator counts, whatever the order of
    arrival.
    """
    earlier = previous.operators if previous else []
    latest = _latest_runs([*earlier, *(outcome_of_v3(item) for item in execution.operator_results)])
    scores, outcomes = score(latest, rules)
    sids = _reference_sids(execution, previous)
    times = [*_trigger_times(execution), *([previous.started_at] if previous and previous.started_at else [])]
    result = IntelResult(
        source="v3",
        event_id=event_id,
        conversation_sid=execution.conversation_id,
        call_sid=next((sid for sid in sids if CALL_SID.fullmatch(sid)), None),
        service_sid=execution.intelligence_configuration.id,
        channel=_channel(execution) or (previous.channel if previous else "unknown"),
        started_at=min(times, default=None),
        operators=outcomes,
        speakers=_speakers_v3(execution) or (previous.speakers if previous else []),
        reference_sids=sids,
    )
    return _with_scores(result, scores)


def _with_scores(result: IntelResult, scores: Scores) -> IntelResult:
    direction = CES_DIRECTION if scores.ces is not None else None
    return structs.replace(result, ces_direction=direction, **structs.asdict(scores))


def speakers_of(channel: Channel) -> list[Speaker]:
    """Who speaks on which channel, by the participants: channel numbers mean nothing by themselves."""
    return [
        Speaker(channel=found.channel_participant, role=role_of(found.role), label=found.role or "")
        for found in channel.participants
    ]


def role_of(label: str | None) -> SpeakerRole:
    """The role behind Twilio's free text, such as `Virtual Agent`, `agent`, `AI Assistant`, `HUMAN_AGENT`."""
    words = set(re.findall(r"[a-z]+", (label or "").lower().replace("_", " ")))
    if words & {"customer", "caller", "client", "user"}:
        return "customer"
    if words & {"virtual", "ai", "bot", "assistant"}:
        return "ai_agent"
    return "agent" if words & {"agent", "representative", "operator"} else "unknown"


def _speakers_v3(execution: RuleExecution) -> list[Speaker]:
    details = (item.execution_details for item in execution.operator_results)
    types = (found.type or "" for detail in details if detail is not None for found in detail.participants or [])
    return [Speaker(role=role_of(label), label=label) for label in dict.fromkeys(types)]


def _conversation_sid(customer_key: str | None) -> str | None:
    """A conversation's sid in the customer key ties a transcript to it."""
    return customer_key if customer_key is not None and CONVERSATION_SID.fullmatch(customer_key) else None


def call_sid_of(channel: Channel, customer_key: str | None) -> str | None:
    """The call behind a transcript: Twilio's reference, else a recorded call's own sid, else the customer key."""
    media = channel.media_properties or MediaProperties()
    reference = media.reference_sids.call_sid if media.reference_sids else None
    candidates = (reference, media.source_sid, customer_key)
    return next((sid for sid in candidates if sid is not None and CALL_SID.fullmatch(sid)), None)


def _quote(scores: Scores, sentences: Iterable[Sentence], roles: Mapping[int | None, str]) -> None:
    """Gives findings that point at a sentence its words and its speaker's role."""
    by_index = {sentence.sentence_index: sentence for sentence in sentences}
    for finding in scores.legal_risk.findings if scores.legal_risk else []:
        sentence = by_index.get(finding.sentence_index) if finding.sentence_index is not None else None
        if sentence is not None:
            finding.evidence = finding.evidence or sentence.transcript
            finding.speaker = finding.speaker or roles.get(sentence.media_channel, "unknown")


def _latest_runs(outcomes: Iterable[OperatorOutcome]) -> list[OperatorOutcome]:
    latest: dict[str, OperatorOutcome] = {}
    for outcome in outcomes:
        key = outcome.operator_sid or outcome.name
        known = latest.get(key)
        if known is None or _run_at(outcome) >= _run_at(known):
            latest[key] = outcome
    return [latest[key] for key in sorted(latest)]


def _run_at(outcome: OperatorOutcome) -> float:
    return outcome.created_at.timestamp() if outcome.created_at else 0.0


def _trigger_times(execution: RuleExecution) -> list[datetime]:
    details = (item.execution_details for item in execution.operator_results)
    triggers = (detail.trigger for detail in details if detail is not None)
    return [trigger.timestamp for trigger in triggers if trigger is not None and trigger.timestamp is not None]


def _reference_sids(execution: RuleExecution, previous: IntelResult | None) -> list[str]:
    named = {sid for item in execution.operator_results for sid in item.reference_ids or []}
    return sorted(named.union(previous.reference_sids if previous else []))


def _channel(execution: RuleExecution) -> str | None:
    details = (item.execution_details for item in execution.operator_results)
    channels = (channel for detail in details if detail is not None for channel in detail.channels or [])
    return next((channel.lower() for channel in channels), None)
