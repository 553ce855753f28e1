"""Twilio Conversations v1, described: what belongs to the account or a service, beside its conversations."""

from __future__ import annotations

from sandbox import rules_conversations as rules
from sandbox import rules_participants
from sandbox.conversations_singletons import ADDRESS_EVENTS
from sandbox.resources import Field, Resource
from sandbox.store import Condition
from sandbox.twilio_product import PageLimits

KILOBYTE = 1024
FIFTY = PageLimits(50, 50)
HTTP_METHODS = ("get", "post", "GET", "POST")

SERVICES = Resource(
    path="Services",
    key="services",
    prefix="IS",
    owner="account",
    fields=(Field("FriendlyName", "friendly_name", required=True, max_chars=256),),
    show_service="never",
    links=(
        ("conversations", "Conversations"),
        ("users", "Users"),
        ("roles", "Roles"),
        ("bindings", "Bindings"),
        ("configuration", "Configuration"),
        ("participant_conversations", "ParticipantConversations"),
        ("conversation_with_participants", "ConversationWithParticipants"),
    ),
    after_change=(rules.make_default_roles,),
    updatable=False,
)


USERS = Resource(
    path="Users",
    key="users",
    prefix="US",
    fields=(
        Field("Identity", "identity", required=True, on_update=False, max_chars=256),
        Field("FriendlyName", "friendly_name", max_chars=256),
        Field("Attributes", "attributes", "json", max_bytes=4 * KILOBYTE),
        Field("RoleSid", "role_sid"),
    ),
    template={
        "friendly_name": None,
        "attributes": "{}",
        "role_sid": None,
        "is_online": None,
        "is_notifiable": None,
    },
    limits=FIFTY,
    name_place="identity",
    taken=(50201, "User already exists"),
    show_service="always",
    links=(("user_conversations", "Conversations"),),
    rules=(rules_participants.user_role,),
    counted="service",
    event_noun="User",
    event_fields={
        "UserSid": "sid",
        "Identity": "identity",
        "FriendlyName": "friendly_name",
        "RoleSid": "role_sid",
        "Attributes": "attributes",
    },
)


ROLES = Resource(
    path="Roles",
    key="roles",
    prefix="RL",
    fields=(
        Field("FriendlyName", "friendly_name", required=True, on_update=False, max_chars=64),
        Field("Type", "type", "choice", required=True, on_update=False, choices=("conversation", "service")),
        Field("Permission", "permissions", "list", required=True),
    ),
    limits=FIFTY,
    show_service="always",
    counted="service",
)


BINDINGS = Resource(
    path="Bindings",
    key="bindings",
    prefix="BS",
    fields=(),
    only_scoped=True,
    filters={"BindingType": Condition("binding_type", "in", ""), "Identity": Condition("identity", "in", "")},
    show_service="always",
    creatable=False,
    updatable=False,
)


CREDENTIALS = Resource(
    path="Credentials",
    key="credentials",
    prefix="CR",
    owner="account",
    fields=(
        Field("Type", "type", "choice", required=True, choices=("apn", "gcm", "fcm")),
        Field("FriendlyName", "friendly_name", max_chars=64),
        Field("Certificate", "_certificate"),
        Field("PrivateKey", "_private_key"),
        Field("Sandbox", "sandbox", "boolean"),
        Field("ApiKey", "_api_key"),
        Field("Secret", "_secret"),
    ),
    template={"friendly_name": None, "sandbox": None},
    rules=(rules.sandbox_is_text,),
    show_service="never",
)


ADDRESSES = Resource(
    path="Configuration/Addresses",
    key="address_configurations",
    prefix="IG",
    owner="account",
    fields=(
        Field(
            "Type",
            "type",
            "choice",
            required=True,
            on_update=False,
            choices=("sms", "whatsapp", "messenger", "gbm", "email", "rcs", "apple", "chat"),
        ),
        Field("Address", "address", required=True, on_update=False),
        Field("FriendlyName", "friendly_name", max_chars=256),
        Field("AddressCountry", "address_country", on_update=False),
        Field("AutoCreation.Enabled", "auto_creation.enabled", "boolean"),
        Field("AutoCreation.Type", "auto_creation.type", "choice", choices=("webhook", "studio", "default")),
        Field("AutoCreation.ConversationServiceSid", "auto_creation.conversation_service_sid"),
        Field("AutoCreation.WebhookUrl", "auto_creation.webhook_url"),
        Field("AutoCreation.WebhookMethod", "auto_creation.webhook_method", "choice", choices=HTTP_METHODS),
        Field("AutoCreation.WebhookFilters", "auto_creation.webhook_filters", "list", choices=ADDRESS_EVENTS),
        Field("AutoCreation.StudioFlowSid", "auto_creation.studio_flow_sid"),
        Field("AutoCreation.StudioRetryCount", "auto_creation.studio_retry_count", "integer"),
    ),
    template={"friendly_name": None, "address_country": None, "auto_creation": {"enabled": False}},
    limits=FIFTY,
    filters={"Type": Condition("type", "=", "")},
    name_place="address",
    taken=(50202, "An address configuration for this address already exists"),
    show_service="never",
)
