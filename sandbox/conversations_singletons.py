"""The configuration documents of Twilio Conversations, described."""

from __future__ import annotations

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

_WEBHOOK_FIELDS = (
    Field("Method", "method", "choice", choices=("GET", "POST")),
    Field("Filters", "filters", "list"),
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
SINGLETONS = (ACCOUNT_WEBHOOKS, SERVICE_WEBHOOKS, ACCOUNT_CONFIGURATION, SERVICE_CONFIGURATION)
