"""Twilio Conversations v1, described: conversations and what is in them; all resources together."""

from __future__ import annotations

from sandbox import rules_conversations as rules
from sandbox import rules_messages, rules_participants
from sandbox.account_table import (
    ADDRESSES,
    BINDINGS,
    CREDENTIALS,
    FIFTY,
    HTTP_METHODS,
    KILOBYTE,
    ROLES,
    SERVICES,
    USERS,
)
from sandbox.conversations_singletons import POST_EVENTS
from sandbox.resources import Field, Resource
from sandbox.store import Condition
from sandbox.twilio_product import PageLimits

DATES = (Field("DateCreated", "date_created", "date"), Field("DateUpdated", "date_updated", "date"))

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
