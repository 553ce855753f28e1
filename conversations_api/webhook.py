"""`POST /webhooks/conversations`: what happened in Twilio, verified, journalled once, then acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web
from prometheus_client import Counter

from conversations_api.deliveries import event_key
from conversations_api.parts import INDEX, INTAKE
from shared.config import Settings
from shared.journal import JournalError
from shared.problem import Problem
from shared.records import ConversationEvent
from shared.service import SETTINGS, json_response
from shared.signature import BadSignature, check_form
from shared.telemetry import get_logger

# Twilio waits five seconds for Conversations webhooks.
ANSWER_WITHIN_S = 4.0
BODY_BYTES = 256 * 1024
FIELDS = 500
# Which field names the thing that changed, by the middle of the event's name (onMessageAdded).
SUBJECTS = {
    "Message": "MessageSid",
    "Participant": "ParticipantSid",
    "User": "UserSid",
    "Delivery": "DeliveryReceiptSid",
    "Conversation": "ConversationSid",
}
WEBHOOKS = Counter("conversations_webhooks_total", "Webhook deliveries", ["outcome"])
log = get_logger("conversations.webhook")


async def receive(request: web.Request) -> web.Response:
    """200 with `{}` (for a pre-event: as it is) once the event is durable, or was before.

    403 without a valid signature, 400 and 413 for bodies that are no form, 503 when the event cannot be stored.
    """
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            pairs = _fields(await _body(request))
            _verify(request, pairs)
            new = await request.app[INTAKE].accept(_event(pairs))
            request.app[INDEX].tell()
    except (TimeoutError, JournalError) as error:
        WEBHOOKS.labels("not_stored").inc()
        log.error("webhook not stored", reason=str(error) or "too slow")
        raise Problem(503, "The event cannot be stored at the moment.", headers={"Retry-After": "5"}) from error
    WEBHOOKS.labels("stored" if new else "duplicate").inc()
    return json_response({})


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_BYTES:
        raise Problem(413, "The body is too large.")
    body = await request.read()
    if len(body) > BODY_BYTES:
        raise Problem(413, "The body is too large.")
    return body


def _fields(body: bytes) -> list[tuple[str, str]]:
    """The form's fields as sent, blank ones included: leaving one out would break the signature."""
    try:
        text = body.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS)
    except ValueError as error:  # also bytes that are not UTF-8
        raise Problem(400, "The body is not a form.") from error


def _verify(request: web.Request, pairs: list[tuple[str, str]]) -> None:
    settings = request.app[SETTINGS]
    if not settings.validate_signatures:
        return
    params: dict[str, str | list[str]] = {}
    for name, value in pairs:
        known = params.get(name)
        params[name] = value if known is None else [*([known] if isinstance(known, str) else known), value]
    try:
        header = request.headers.get("X-Twilio-Signature")
        check_form(settings.conversations_public_url + request.raw_path, params, header, _tokens(settings))
    except BadSignature as error:
        WEBHOOKS.labels("refused").inc()
        raise Problem(403, "The request is not signed by Twilio.", code=40303) from error


def _tokens(settings: Settings) -> list[str]:
    return list(settings.twilio.signing_keys.tokens) if settings.twilio is not None else []


def _event(pairs: list[tuple[str, str]]) -> ConversationEvent:
    fields: Mapping[str, str] = dict(pairs)
    event_type = fields.get("EventType", "unknown")
    subject = next((name for part, name in SUBJECTS.items() if event_type.startswith(f"on{part}")), "")
    return ConversationEvent(
        event_type=event_type,
        source="webhook",
        service_sid=fields.get("ChatServiceSid", ""),
        conversation_sid=fields.get("ConversationSid", ""),
        sid=fields.get(subject, ""),
        payload=dict(fields),
        event_key=event_key(pairs),
    )
