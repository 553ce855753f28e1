"""What a caller gets to see: Twilio's fields that we pass on, in camelCase.

An allowlist: account sids, links and addresses of Twilio stay behind the door. Strings that Twilio may extend
(states, targets, delivery) stay strings, so that a new value of theirs is no error of ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class View(msgspec.Struct, kw_only=True, rename="camel"):
    """Common ground of all answers about one resource."""

    sid: str
    date_created: datetime | None = None
    date_updated: datetime | None = None


class ConversationTimers(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """When the state changes by itself."""

    date_inactive: datetime | None = None
    date_closed: datetime | None = None


class Conversation(View):
    """A conversation; `attributes` is the JSON value Twilio keeps as text."""

    chat_service_sid: str | None = None
    messaging_service_sid: str | None = None
    friendly_name: str | None = None
    unique_name: str | None = None
    attributes: Any = None
    state: str | None = None
    timers: ConversationTimers | None = None
    bindings: Any = None


class MessagingBinding(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """How a participant outside chat is reached."""

    type: str | None = None
    address: str | None = None
    proxy_address: str | None = None
    projected_address: str | None = None


class Participant(View):
    """Someone who takes part: a chat identity or an address."""

    conversation_sid: str | None = None
    chat_service_sid: str | None = None
    identity: str | None = None
    attributes: Any = None
    messaging_binding: MessagingBinding | None = None
    role_sid: str | None = None
    last_read_message_index: int | None = None
    last_read_timestamp: datetime | None = None


class Media(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """A file that came with a message."""

    sid: str | None = None
    content_type: str | None = None
    filename: str | None = None
    size: int | None = None


class Delivery(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """How far a message got: how many receivers, and all, some or none per state."""

    total: int | None = None
    sent: str | None = None
    delivered: str | None = None
    read: str | None = None
    failed: str | None = None
    undelivered: str | None = None


class Message(View):
    """A message; `index` only grows and may skip."""

    conversation_sid: str | None = None
    chat_service_sid: str | None = None
    index: int | None = None
    author: str | None = None
    participant_sid: str | None = None
    body: str | None = None
    subject: str | None = None
    media: list[Media] | None = None
    attributes: Any = None
    content_sid: str | None = None
    delivery: Delivery | None = None


class Receipt(View):
    """How far a message got with one participant outside chat."""

    conversation_sid: str | None = None
    chat_service_sid: str | None = None
    message_sid: str | None = None
    channel_message_sid: str | None = None
    participant_sid: str | None = None
    status: str | None = None
    error_code: int | None = None


class WebhookConfiguration(msgspec.Struct, kw_only=True, frozen=True, rename="camel"):
    """Where a webhook goes and for what."""

    url: str | None = None
    method: str | None = None
    filters: list[str] | None = None
    triggers: list[str] | None = None
    flow_sid: str | None = None
    replay_after: int | None = None


class Webhook(View):
    """A webhook of one conversation."""

    conversation_sid: str | None = None
    chat_service_sid: str | None = None
    target: str | None = None
    configuration: WebhookConfiguration | None = None
