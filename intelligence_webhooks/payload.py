"""Webhook bodies, parsed once: v2 notification, v3 rule execution, or something Twilio has added since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from jsonschema_rs import Validator, validator_for

from intelligence_webhooks.wire import Notification, RuleExecution

# Twilio's own schemas end at ten levels; a v3 webhook wraps them in four.
MAX_DEPTH = 32
V2_EVENT = "voice_intelligence_transcript_available"
ACCOUNT_FIELDS = ("account_sid", "accountId", "AccountSid")


class BadPayload(Exception):
    """The body cannot be used; the message says why and holds nothing of the body but field names."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a webhook is about. `natural_key` is the same for every delivery of the same event."""

    kind: Literal["v2", "v3", "unknown"]
    natural_key: str
    account_sid: str | None
    transcript_sid: str | None = None
    conversation_sid: str | None = None


def parse(body: bytes) -> Payload:
    """The payload of a JSON body.

    Raises BadPayload for anything but one JSON object of sensible depth, and for a v2 or v3 shape that its schema
    does not allow. NaN, infinite numbers, lone surrogates and invalid UTF-8 are no JSON; a name that stands twice
    in an object is refused, since two readers could take it for two different values.
    """
    value = _decode(body)
    try:
        if "operatorResults" in value and "intelligenceConfiguration" in value:
            _check("webhook_v3", value)
            return _rule_execution(msgspec.convert(value, RuleExecution), body)
        if "transcript_sid" in value:
            _check("webhook_v2", value)
            return _notification(msgspec.convert(value, Notification), body)
    except msgspec.ValidationError as error:
        raise BadPayload(str(error)) from error
    return Payload("unknown", _body_key(body), _account(value))


def parse_form(body: bytes) -> Payload:
    """The payload of a form body, whose fields have the names of the JSON one. Raises BadPayload."""
    return parse(msgspec.json.encode(form_fields(body)))


def form_fields(body: bytes) -> dict[str, str]:
    """A form's fields, blank ones included. Raises BadPayload for a form that is empty or repeats a field."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise BadPayload("the form cannot be read") from error
    if not pairs or len({name for name, _ in pairs}) < len(pairs):
        raise BadPayload("the form is empty or repeats a field")
    return dict(pairs)


def parse_execution(body: str) -> RuleExecution:
    """The v3 webhook in a stored body. Raises msgspec.ValidationError or DecodeError."""
    return msgspec.json.decode(body, type=RuleExecution)


def transcript_key(transcript_sid: str) -> str:
    """The natural key of the one v2 event there is about a transcript (Twilio sends no event id)."""
    return f"{V2_EVENT}:{transcript_sid}"


def _decode(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadPayload("the body is not JSON") from error
    except RecursionError as error:
        raise BadPayload("the body is nested too deeply") from error
    if not isinstance(value, dict):
        raise BadPayload("the body is not a JSON object")
    if _deeper_than(value, MAX_DEPTH):
        raise BadPayload("the body is nested too deeply")
    _duplicates.decode(body.decode())
    return value


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadPayload("a name stands twice in an object")


_duplicates = json.JSONDecoder(object_pairs_hook=_once)


@cache
def _schema(name: str) -> Validator:
    """The package's JSON Schema of this name; a fault's message shows no value of the body."""
    text = resources.files(__package__).joinpath(f"schemas/{name}.json").read_text("utf-8")
    return validator_for(json.loads(text), mask="the value")


def _check(name: str, value: dict[str, Any]) -> None:
    fault = next(iter(_schema(name).iter_errors(value)), None)
    if fault is not None:
        place = "/".join(str(part) for part in fault.instance_path)
        raise BadPayload(f"{place or 'body'}: {fault.message}")


def _deeper_than(value: Any, limit: int) -> bool:
    """True when more than `limit` objects and lists stand inside each other."""
    level = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _notification(notification: Notification, body: bytes) -> Payload:
    known = notification.event_type == V2_EVENT
    return Payload(
        kind="v2" if known else "unknown",
        natural_key=transcript_key(notification.transcript_sid) if known else _body_key(body),
        account_sid=notification.account_sid,
        transcript_sid=notification.transcript_sid,
    )


def _rule_execution(execution: RuleExecution, body: bytes) -> Payload:
    ids = sorted(result.id for result in execution.operator_results)
    digest = hashlib.sha256("\n".join([execution.conversation_id, *ids]).encode()).hexdigest()
    return Payload(
        kind="v3",
        natural_key=f"v3:{digest}" if ids else _body_key(body),
        account_sid=execution.account_id,
        conversation_sid=execution.conversation_id,
    )


def _body_key(body: bytes) -> str:
    return f"body:{hashlib.sha256(body).hexdigest()}"


def _account(value: Mapping[str, Any]) -> str | None:
    return next((value[name] for name in ACCOUNT_FIELDS if isinstance(value.get(name), str)), None)
