"""Twilio Conversations v1, described: every resource, its fields, its limits and its rules."""

from __future__ import annotations

from sandbox import rules_conversations as rules
from sandbox import rules_messages, rules_participants
from sandbox.conversations_singletons import ADDRESS_EVENTS, POST_EVENTS
from sandbox.resources import Field, Resource
from sandbox.store import Condition
from sandbox.twilio_product import PageLimits

KILOBYTE = 1024
DATES = (Field("DateCreated", "date_created", "date"), Field("DateUpdated", "date_updated", "date"))
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

CONVERSATIONS = Resource(
    path="Conversations",
    key="conversations",
    prefix="CH",
    fields=(
        Field("FriendlyName", "friendly_name", max_chars=256),
        Field("UniqueName", "unique_name", max_chars=256),
        Field("MessagingServiceSid", "messaging_service_sid"),
        Field("Attributes", "attributes", "json", max_bytes=16 * KILOBYTE),
        Field("State", "state", "choice", choices=("inactive", "active", "closed")),
        Field("Timers.Inactive", "_timers.inactive"),
        Field("Timers.Closed", "_timers.closed"),
        Field("Bindings.Email.Address", "bindings.email.address"),
        Field("Bindings.Email.Name", "bindings.email.name"),
        *DATES,
    ),
    template={
        "messaging_service_sid": None,
        "friendly_name": None,
        "unique_name": None,
        "attributes": "{}",
        "state": "active",
        "timers": {},
        "bindings": {},
    },
    filters={
        "StartDate": Condition("date_created", ">=", ""),
        "EndDate": Condition("date_created", "<=", ""),
        "State": Condition("state", "=", ""),
    },
    name_place="unique_name",
    taken=(50353, "Conversation with provided unique name already exists"),
    show_service="always",
    links=(("participants", "Participants"), ("messages", "Messages"), ("webhooks", "Webhooks")),
    rules=(rules.closed_is_final, rules.default_messaging_service, rules.timers),
    after_change=(rules.report_state,),
    before_delete=(rules.forget_timers,),
    counted="create",
    event_noun="Conversation",
    event_fields={
        "ConversationSid": "sid",
        "FriendlyName": "friendly_name",
        "UniqueName": "unique_name",
        "Attributes": "attributes",
        "MessagingServiceSid": "messaging_service_sid",
        "State": "state",
    },
)

PARTICIPANTS = Resource(
    path="Participants",
    key="participants",
    prefix="MB",
    parent=CONVERSATIONS,
    fields=(
        Field("Identity", "identity", max_chars=256),
        Field("MessagingBinding.Address", "messaging_binding.address", on_update=False, max_chars=256),
        Field("MessagingBinding.ProxyAddress", "messaging_binding.proxy_address", max_chars=256),
        Field("MessagingBinding.ProjectedAddress", "messaging_binding.projected_address", max_chars=256),
        Field("Attributes", "attributes", "json", max_bytes=4 * KILOBYTE),
        Field("RoleSid", "role_sid"),
        Field("LastReadMessageIndex", "last_read_message_index", "integer", on_create=False),
        Field("LastReadTimestamp", "last_read_timestamp", on_create=False),
        *DATES,
    ),
    template={
        "identity": None,
        "attributes": "{}",
        "messaging_binding": None,
        "role_sid": None,
        "last_read_message_index": None,
        "last_read_timestamp": None,
    },
    name_place="identity",
    taken=(50437, "Participant already exists"),
    rules=(
        rules.conversation_is_open,
        rules_participants.one_way_to_reach,
        rules_participants.enough_room,
        rules_participants.pair_is_free,
        rules_participants.participant_role,
    ),
    after_change=(rules_participants.make_user,),
    counted="conversation",
    event_noun="Participant",
    event_fields={
        "ConversationSid": "conversation_sid",
        "ParticipantSid": "sid",
        "Identity": "identity",
        "RoleSid": "role_sid",
        "Attributes": "attributes",
        "MessagingBinding.Type": "messaging_binding.type",
        "MessagingBinding.Address": "messaging_binding.address",
        "MessagingBinding.ProxyAddress": "messaging_binding.proxy_address",
        "MessagingBinding.ProjectedAddress": "messaging_binding.projected_address",
        "LastReadMessageIndex": "last_read_message_index",
    },
)

MESSAGES = Resource(
    path="Messages",
    key="messages",
    prefix="IM",
    parent=CONVERSATIONS,
    fields=(
        Field("Author", "author", max_chars=256),
        Field("Body", "body", max_bytes=32 * KILOBYTE),
        Field("Attributes", "attributes", "json", max_bytes=4 * KILOBYTE),
        Field("MediaSid", "_media_sid", on_update=False),
        Field("ContentSid", "content_sid", on_update=False),
        Field("Subject", "_subject", max_chars=256),
        *DATES,
    ),
    template={
        "index": 0,
        "author": "system",
        "body": None,
        "media": None,
        "attributes": "{}",
        "participant_sid": None,
        "delivery": None,
        "content_sid": None,
    },
    can_reverse=True,
    links=(("delivery_receipts", "Receipts"), ("channel_metadata", "ChannelMetadata")),
    rules=(rules.conversation_is_open, rules_messages.next_index, rules_messages.author, rules_messages.media),
    after_change=(rules_messages.deliver,),
    counted="conversation",
    event_noun="Message",
    event_fields={
        "ConversationSid": "conversation_sid",
        "MessageSid": "sid",
        "Index": "index",
        "Body": "body",
        "Author": "author",
        "ParticipantSid": "participant_sid",
        "Attributes": "attributes",
        "Media": "media",
    },
)

RECEIPTS = Resource(
    path="Receipts",
    key="delivery_receipts",
    prefix="DY",
    parent=MESSAGES,
    fields=(),
    limits=FIFTY,
    creatable=False,
    updatable=False,
    deletable=False,
)

WEBHOOKS = Resource(
    path="Webhooks",
    key="webhooks",
    prefix="WH",
    parent=CONVERSATIONS,
    fields=(
        Field(
            "Target",
            "target",
            "choice",
            required=True,
            on_update=False,
            choices=("webhook", "trigger", "studio"),
        ),
        Field("Configuration.Url", "configuration.url"),
        Field("Configuration.Method", "configuration.method", "choice", choices=HTTP_METHODS),
        Field("Configuration.Filters", "configuration.filters", "list", choices=POST_EVENTS),
        Field("Configuration.Triggers", "configuration.triggers", "list"),
        Field("Configuration.FlowSid", "configuration.flow_sid"),
        Field("Configuration.ReplayAfter", "configuration.replay_after", "integer", on_update=False),
    ),
    template={"configuration": {}},
    limits=PageLimits(5, 5),
    rules=(rules.at_most_five_webhooks,),
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

RESOURCES = (
    SERVICES,
    ADDRESSES,
    CONVERSATIONS,
    PARTICIPANTS,
    MESSAGES,
    RECEIPTS,
    WEBHOOKS,
    USERS,
    ROLES,
    BINDINGS,
    CREDENTIALS,
)
