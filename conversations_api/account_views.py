"""What a caller gets to see of the account and its services. The same rules as in conversations_api.views."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from conversations_api.views import ConversationTimers, View


class Part(msgspec.Struct, kw_only=True, rename="camel"):
    """Common ground of configuration documents, which have no sid of their own."""


class ServiceConfiguration(Part):
    """Which roles people get in a service, and whether it tells who is online."""

    default_conversation_creator_role_sid: str | None = None
    default_conversation_role_sid: str | None = None
    default_chat_service_role_sid: str | None = None
    reachability_enabled: bool | None = None


class Webhooks(Part):
    """Where events go."""

    method: str | None = None
    filters: list[str] | None = None
    pre_webhook_url: str | None = None
    post_webhook_url: str | None = None


class AccountWebhooks(Webhooks):
    """Where the account's events go."""

    target: str | None = None


class Notifications(Part):
    """Push notifications of a service."""

    log_enabled: bool | None = None
    new_message: Any = None
    added_to_conversation: Any = None
    removed_from_conversation: Any = None


class Service(View):
    """A conversation service; its configuration comes with a single one, not in lists."""

    friendly_name: str | None = None
    configuration: ServiceConfiguration | None = None
    webhooks: Webhooks | None = None
    notifications: Notifications | None = None


class AccountConfiguration(Part):
    """What holds for every conversation of the account unless said otherwise."""

    default_chat_service_sid: str | None = None
    default_messaging_service_sid: str | None = None
    default_inactive_timer: str | None = None
    default_closed_timer: str | None = None


class Account(Part):
    """The account's configuration."""

    configuration: AccountConfiguration | None = None
    webhooks: AccountWebhooks | None = None


class User(View):
    """A chat user of a service."""

    chat_service_sid: str | None = None
    identity: str | None = None
    friendly_name: str | None = None
    attributes: Any = None
    role_sid: str | None = None
    is_online: bool | None = None
    is_notifiable: bool | None = None


class UserConversation(View):
    """A conversation as one of its users has it; `sid` is the conversation's."""

    sid: str = msgspec.field(name="conversationSid")
    chat_service_sid: str | None = None
    user_sid: str | None = None
    participant_sid: str | None = None
    friendly_name: str | None = None
    unique_name: str | None = None
    attributes: Any = None
    conversation_state: str | None = None
    unread_messages_count: int | None = None
    last_read_message_index: int | None = None
    notification_level: str | None = None
    created_by: str | None = None
    timers: ConversationTimers | None = None


class Role(View):
    """What people with this role may do."""

    chat_service_sid: str | None = None
    friendly_name: str | None = None
    type: str | None = None
    permissions: list[str] | None = None


class AutoCreation(Part):
    """What happens when someone writes to the address and no conversation with them is open."""

    enabled: bool | None = None
    type: str | None = None
    conversation_service_sid: str | None = None
    webhook_url: str | None = None
    webhook_method: str | None = None
    webhook_filters: list[str] | None = None
    studio_flow_sid: str | None = None
    studio_retry_count: int | None = None


class Address(View):
    """A number or sender of ours that people write to."""

    type: str | None = None
    address: str | None = None
    address_country: str | None = None
    friendly_name: str | None = None
    auto_creation: AutoCreation | None = None


class MediaFile(Part):
    """A stored file: name it in a message by `mediaSid`."""

    sid: str
    content_type: str | None = None
    filename: str | None = None
    size: int | None = None
    date_created: datetime | None = None
