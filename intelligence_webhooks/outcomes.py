"""Operator results of every type and of both versions, normalised into one form: OperatorOutcome.

The value of an outcome by its canonical operator type:
  conversation-classify  {"label", "probability"}
  utterance-classify     {"matched", "utterances"}
  extract, extract-normalize, pii-extract  {"matched", "entities": {label: [text]}, "normalized"}
  text-generation        the text
  json                   the operator's own object
What cannot be understood stays as it came, with `parsed` false and the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from intelligence_webhooks.wire import OperatorResult, OperatorResultV3
from shared.records import OperatorOutcome

REDACTED = "[Redacted"
V3_TYPES = {
    "CLASSIFICATION": "conversation-classify",
    "TEXT": "text-generation",
    "GENERATION": "text-generation",
    "JSON": "json",
    "EXTRACTION": "extract",
}
V3_JSON_WRAPPER = "com.twilio.cai.intelligence.JSONResult"


class NotUnderstood(Exception):
    """A result has no form we know; the message is the reason that is stored."""


def outcome_of_v2(raw: bytes) -> OperatorOutcome:
    """One item of an `operator_results` list, normalised; a malformed item is an unparsed outcome."""
    try:
        result = msgspec.json.decode(raw, type=OperatorResult)
    except msgspec.ValidationError as error:
        return OperatorOutcome(name="", parsed=False, value=msgspec.json.decode(raw), reason=f"malformed: {error}")
    return _outcome(
        result.name,
        result.operator_sid,
        result.operator_type,
        lambda: _v2_value(result),
        original=msgspec.json.decode(raw),
    )


def outcome_of_v3(result: OperatorResultV3) -> OperatorOutcome:
    """One inline result of a v3 webhook, normalised; `created_at` orders repeated runs of an operator."""
    operator = result.operator
    kind = V3_TYPES.get(result.output_format.upper(), result.output_format)
    return _outcome(
        operator.display_name or operator.friendly_name or "",
        operator.id or "",
        kind,
        lambda: _v3_value(kind, result.result),
        original=result.result,
        created_at=result.date_created,
    )


def needs_second_read(raw: bytes) -> bool:
    """True when a listed result holds none of its result fields, so that it has to be fetched by itself."""
    try:
        result = msgspec.json.decode(raw, type=OperatorResult)
    except msgspec.ValidationError:
        return False
    filled = (
        result.predicted_label,
        result.extract_match,
        result.utterance_match,
        result.text_generation_results,
        result.json_results,
    )
    return bool(result.operator_sid) and all(value is None for value in filled)


def _outcome(
    name: str,
    operator_sid: str,
    operator_type: str,
    read: Callable[[], Any],
    *,
    original: Any,
    created_at: datetime | None = None,
) -> OperatorOutcome:
    outcome = OperatorOutcome(
        name=name, operator_sid=operator_sid, operator_type=operator_type, created_at=created_at
    )
    try:
        outcome.value = read()
    except NotUnderstood as fault:
        outcome.parsed, outcome.reason, outcome.value = False, str(fault), original
    return outcome


def _v2_value(result: OperatorResult) -> Any:
    match result.operator_type:
        case "conversation-classify":
            return _classification(result.predicted_label, result.predicted_probability)
        case "utterance-classify":
            return {"matched": bool(result.utterance_match), "utterances": result.utterance_results or []}
        case "extract" | "extract-normalize" | "pii-extract":
            return _extraction(result)
        case "text-generation":
            return _text((result.text_generation_results or {}).get("result"))
        case "json":
            return _json_object(result.json_results)
        case other:
            raise NotUnderstood(f"unknown operator type {other!r}")


def _v3_value(kind: str, value: Any) -> Any:
    if not isinstance(value, dict):
        raise NotUnderstood("the result is not an object")
    match kind:
        case "conversation-classify":
            return _classification(value.get("label"), value.get("probability"))
        case "text-generation":
            return _text(value.get("text", value.get("result")))
        case "json":
            return _json_object(_unwrapped(value))
        case "extract":
            return _entities(value.get("entities"))
        case other:
            raise NotUnderstood(f"unknown output format {other!r}")


def _classification(label: Any, probability: Any) -> dict[str, Any]:
    if not isinstance(label, str) or not label:
        raise NotUnderstood("no label")
    if label.startswith(REDACTED):
        raise NotUnderstood("redacted")
    return {"label": label, "probability": _probability(probability)}


def _probability(value: Any) -> float | None:
    """Twilio sends probabilities as numbers and, in its own example, as strings."""
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _extraction(result: OperatorResult) -> dict[str, Any]:
    # The top-level match_probability is the threshold (always 0.5), no confidence: it is left out.
    if result.extract_match is None and result.extract_results is None:
        raise NotUnderstood("neither a match nor results")
    value = {"matched": bool(result.extract_match), "entities": result.extract_results or {}}
    if result.normalized_result is not None:
        value["normalized"] = result.normalized_result
    return value


def _entities(items: Any) -> dict[str, Any]:
    if not isinstance(items, list):
        raise NotUnderstood("no entities")
    entities: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, dict):
            entities.setdefault(str(item.get("label", "")), []).append(str(item.get("text", "")))
    return {"matched": bool(entities), "entities": entities}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise NotUnderstood("no text")
    if value.strip().startswith(REDACTED) and value.strip().endswith("]"):
        raise NotUnderstood("redacted")
    return value


def _json_object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise NotUnderstood(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotUnderstood("no JSON object")
    if value.get("refusal"):
        raise NotUnderstood("refused by the model")
    return value


def _unwrapped(value: dict[str, Any]) -> Any:
    """The object inside the wrappers that v3 has been seen to use."""
    inner = value.get(V3_JSON_WRAPPER, value)
    if isinstance(inner, dict) and set(inner) == {"payload"}:
        return inner["payload"]
    return inner
