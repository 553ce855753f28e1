"""The configuration documents of Twilio Conversations, described."""

from __future__ import annotations

from typing import Any

from sandbox.resources import Field, Singleton

POST_EVENTS = (
    "onConversationAdded",
    "onConversationUpdated",
    "onConversationRemoved",
    "onConversationStateUpdated",
    "onParticipantAdded",
    "onParticipantUpdated",
    "onParticipantRemoved",
    "onMessageAdded",
    "onMessageUpdated",
    "onMessageRemoved",
    "onDeliveryUpdated",
    "onUserAdded",
    "onUserUpdated",
)
PRE_EVENTS = (
    "onConversationAdd",
    "onConversationUpdate",
    "onConversationRemove",
    "onParticipantAdd",
    "onParticipantUpdate",
    "onParticipantRemove",
    "onMessageAdd",
    "onMessageUpdate",
    "onMessageRemove",
    "onUserUpdate",
)
ADDRESS_EVENTS = tuple(name for name in POST_EVENTS if "User" not in name and name != "onConversationStateUpdated")

_WEBHOOK_FIELDS = (
    Field("Method", "method", "choice", choices=("GET", "POST")),
    Field("Filters", "filters", "list", choices=(*PRE_EVENTS, *POST_EVENTS)),
    Field("PreWebhookUrl", "pre_webhook_url"),
    Field("PostWebhookUrl", "post_webhook_url"),
)
_WEBHOOK_TEMPLATE = {"method": "POST", "filters": None, "pre_webhook_url": None, "post_webhook_url": None}

ACCOUNT_WEBHOOKS = Singleton(
    path="Configuration/Webhooks",
    level="account",
    fields=(*_WEBHOOK_FIELDS, Field("Target", "target", "choice", choices=("webhook", "flex"))),
    template={**_WEBHOOK_TEMPLATE, "target": "webhook"},
)
SERVICE_WEBHOOKS = Singleton(
    path="Configuration/Webhooks", level="service", fields=_WEBHOOK_FIELDS, template=_WEBHOOK_TEMPLATE
)
ACCOUNT_CONFIGURATION = Singleton(
    path="Configuration",
    level="account",
    fields=(
        Field("DefaultChatServiceSid", "default_chat_service_sid"),
        Field("DefaultMessagingServiceSid", "default_messaging_service_sid"),
        Field("DefaultInactiveTimer", "default_inactive_timer"),
        Field("DefaultClosedTimer", "default_closed_timer"),
    ),
    template={
        "default_chat_service_sid": None,
        "default_messaging_service_sid": None,
        "default_inactive_timer": None,
        "default_closed_timer": None,
    },
    links=(("service", "Services"), ("webhooks", "Configuration/Webhooks")),
)
SERVICE_CONFIGURATION = Singleton(
    path="Configuration",
    level="service",
    fields=(
        Field("DefaultConversationCreatorRoleSid", "default_conversation_creator_role_sid"),
        Field("DefaultConversationRoleSid", "default_conversation_role_sid"),
        Field("DefaultChatServiceRoleSid", "default_chat_service_role_sid"),
        Field("ReachabilityEnabled", "reachability_enabled", "boolean"),
    ),
    template={
        "default_conversation_creator_role_sid": None,
        "default_conversation_role_sid": None,
        "default_chat_service_role_sid": None,
        "reachability_enabled": False,
    },
    links=(("notifications", "Configuration/Notifications"), ("webhooks", "Configuration/Webhooks")),
    with_account=False,
)


def _notice(param: str, place: str) -> tuple[Field, ...]:
    return (
        Field(f"{param}.Enabled", f"{place}.enabled", "boolean"),
        Field(f"{param}.Template", f"{place}.template"),
        Field(f"{param}.Sound", f"{place}.sound"),
    )


def _silent(text: str) -> dict[str, Any]:
    return {"enabled": False, "template": text, "sound": ""}


NOTIFICATIONS = Singleton(
    path="Configuration/Notifications",
    level="service",
    fields=(
        Field("LogEnabled", "log_enabled", "boolean"),
        *_notice("NewMessage", "new_message"),
        Field("NewMessage.BadgeCountEnabled", "new_message.badge_count_enabled", "boolean"),
        Field("NewMessage.WithMedia.Enabled", "new_message.with_media.enabled", "boolean"),
        Field("NewMessage.WithMedia.Template", "new_message.with_media.template"),
        *_notice("AddedToConversation", "added_to_conversation"),
        *_notice("RemovedFromConversation", "removed_from_conversation"),
    ),
    template={
        "log_enabled": False,
        "new_message": {
            **_silent("You have a new message in ${CONVERSATION} from ${PARTICIPANT}: ${MESSAGE}"),
            "badge_count_enabled": False,
            "with_media": {
                "enabled": False,
                "template": "You have a new message in ${CONVERSATION} with ${MEDIA_COUNT} media files: ${MEDIA}",
            },
        },
        "added_to_conversation": _silent("You have been added to a Conversation: ${CONVERSATION}"),
        "removed_from_conversation": _silent("You have been removed from a Conversation: ${CONVERSATION}"),
    },
)
SINGLETONS = (
    ACCOUNT_WEBHOOKS,
    SERVICE_WEBHOOKS,
    ACCOUNT_CONFIGURATION,
    SERVICE_CONFIGURATION,
    NOTIFICATIONS,
)
