"""The resource table against Twilio's own list of parameters: the signatures of the official SDK."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from twilio.rest.conversations.v1.address_configuration import (
    AddressConfigurationContext,
    AddressConfigurationInstance,
    AddressConfigurationList,
)
from twilio.rest.conversations.v1.conversation import ConversationContext, ConversationInstance, ConversationList
from twilio.rest.conversations.v1.conversation.message import MessageContext, MessageInstance, MessageList
from twilio.rest.conversations.v1.conversation.message.delivery_receipt import (
    DeliveryReceiptInstance,
    DeliveryReceiptList,
)
from twilio.rest.conversations.v1.conversation.participant import (
    ParticipantContext,
    ParticipantInstance,
    ParticipantList,
)
from twilio.rest.conversations.v1.conversation.webhook import WebhookContext, WebhookInstance, WebhookList
from twilio.rest.conversations.v1.role import RoleContext, RoleInstance, RoleList
from twilio.rest.conversations.v1.service import ServiceInstance, ServiceList
from twilio.rest.conversations.v1.service.configuration import ConfigurationContext
from twilio.rest.conversations.v1.service.configuration.notification import NotificationContext
from twilio.rest.conversations.v1.service.configuration.webhook import WebhookContext as ServiceWebhookContext
from twilio.rest.conversations.v1.user import UserContext, UserInstance, UserList
from twilio.rest.conversations.v1.user.user_conversation import (
    UserConversationContext,
    UserConversationInstance,
    UserConversationList,
)

from conversations_api import bodies
from conversations_api.bodies import Body
from conversations_api.openapi import document
from conversations_api.resources import (
    ADDRESS,
    CONVERSATION,
    MESSAGE,
    PARTICIPANT,
    RECEIPT,
    RESOURCES,
    ROLE,
    SERVICE,
    USER,
    USER_CONVERSATION,
    WEBHOOK,
    Resource,
)
from conversations_api.wire import form_pairs

WEBHOOK_FLAG = "x_twilio_webhook_enabled"
SDK: list[tuple[Resource, Any, Any, Any]] = [
    (SERVICE, ServiceList, None, ServiceInstance),
    (CONVERSATION, ConversationList, ConversationContext, ConversationInstance),
    (PARTICIPANT, ParticipantList, ParticipantContext, ParticipantInstance),
    (MESSAGE, MessageList, MessageContext, MessageInstance),
    (WEBHOOK, WebhookList, WebhookContext, WebhookInstance),
    (RECEIPT, DeliveryReceiptList, None, DeliveryReceiptInstance),
    (USER, UserList, UserContext, UserInstance),
    (USER_CONVERSATION, UserConversationList, UserConversationContext, UserConversationInstance),
    (ROLE, RoleList, RoleContext, RoleInstance),
    (ADDRESS, AddressConfigurationList, AddressConfigurationContext, AddressConfigurationInstance),
]


def parameters(method: Any) -> set[str]:
    return set(inspect.signature(method).parameters) - {"self"}


def form_names(kind: type[Body], prefix: str = "") -> set[str]:
    """All form fields a body can become, in the SDK's spelling."""
    found: set[str] = set()
    hints = get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        inner = [t for t in get_args(hints[field.name]) or (hints[field.name],) if isinstance(t, type)]
        nested = [t for t in inner if issubclass(t, Body)]
        name = prefix + field.name
        found |= form_names(nested[0], f"{name}_") if nested else {name}
    return found


@pytest.mark.parametrize(
    ("resource", "lists"), [(row[0], row[1]) for row in SDK if row[0].create], ids=lambda x: getattr(x, "name", "")
)
def test_what_can_be_created_is_what_twilio_takes(resource: Resource, lists: Any) -> None:
    assert resource.create is not None
    assert form_names(resource.create) == parameters(lists.create) - {WEBHOOK_FLAG}


@pytest.mark.parametrize(
    ("resource", "context"), [(row[0], row[2]) for row in SDK if row[2]], ids=lambda x: getattr(x, "name", "")
)
def test_what_can_be_changed_is_what_twilio_takes(resource: Resource, context: Any) -> None:
    assert resource.update is not None
    assert form_names(resource.update) == parameters(context.update) - {WEBHOOK_FLAG}


def test_a_services_parts_take_what_twilio_takes() -> None:
    contexts = {
        "configuration": ConfigurationContext,
        "webhooks": ServiceWebhookContext,
        "notifications": NotificationContext,
    }
    assert SERVICE.update is not None
    named = {
        part.name: {n.removeprefix(f"{part.name}_") for n in form_names(SERVICE.update) if n.startswith(part.name)}
        for part in SERVICE.parts
    }
    assert named == {name: parameters(context.update) for name, context in contexts.items()}


@pytest.mark.parametrize(
    ("resource", "lists"), [(row[0], row[1]) for row in SDK], ids=lambda x: getattr(x, "name", "")
)
def test_lists_take_the_filters_twilio_takes(resource: Resource, lists: Any) -> None:
    assert resource.lists.theirs == parameters(lists.page) - {"page_token", "page_number", "page_size"}


@pytest.mark.parametrize(
    ("resource", "lists"), [(row[0], row[1]) for row in SDK if row[0].create], ids=lambda x: getattr(x, "name", "")
)
def test_webhooks_are_asked_for_exactly_where_twilio_offers_them(resource: Resource, lists: Any) -> None:
    assert resource.fires_webhooks == (WEBHOOK_FLAG in parameters(lists.create))


@pytest.mark.parametrize(
    ("resource", "instance"), [(row[0], row[3]) for row in SDK], ids=lambda x: getattr(x, "name", "")
)
def test_every_answered_field_is_one_that_twilio_has(resource: Resource, instance: Any) -> None:
    source = inspect.getsource(instance.__init__)
    theirs = set(re.findall(r"payload\.get\(\s*\"(\w+)\"", source))
    ours = {field.name for field in msgspec.structs.fields(resource.view)} - {part.name for part in resource.parts}
    if resource is USER_CONVERSATION:
        ours -= {"sid"}  # that of the conversation, under its own name
    # `subject` is a parameter of messages that the SDK does not read back.
    assert ours - theirs - {"subject", "chat_service_sid"} == set()
    assert not ours & {"account_sid", "url", "links"}


def test_a_body_becomes_twilios_form() -> None:
    body = bodies.ParticipantUpdate(
        messaging_binding=bodies.ChangedMessagingBinding(proxy_address="+15550100", projected_address=None),
        attributes={"vip": True},
        last_read_timestamp=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
    )
    assert sorted(form_pairs(body)) == [
        ("Attributes", '{"vip":true}'),
        ("LastReadTimestamp", "2026-11-22T10:00:00Z"),
        ("MessagingBinding.ProjectedAddress", "null"),
        ("MessagingBinding.ProxyAddress", "+15550100"),
    ]


def test_a_list_becomes_repeated_fields() -> None:
    configuration = bodies.NewWebhookConfiguration(url="https://a.example/x", filters=["onMessageAdded", "b"])
    assert form_pairs(bodies.WebhookCreate(target="webhook", configuration=configuration)) == [
        ("Target", "webhook"),
        ("Configuration.Url", "https://a.example/x"),
        ("Configuration.Filters", "onMessageAdded"),
        ("Configuration.Filters", "b"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"identity": "ana", "messagingBinding": {"address": "+15550100"}},
        {"messagingBinding": {"proxyAddress": "+15550100"}},
    ],
)
def test_a_participant_is_an_identity_or_an_address_and_never_both(body: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"either `identity` or `messagingBinding\.address`"):
        msgspec.convert(body, bodies.ParticipantCreate)


@pytest.mark.parametrize("text", ["", "P", "PT", "1H", "PT1H2D", "-PT1M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"timers": {"inactive": text}}, bodies.ConversationWrite)


def test_every_schema_the_document_names_is_in_it() -> None:
    text = msgspec.json.encode(document()).decode()
    named = set(re.findall(r"#/components/schemas/(\w+)", text))
    assert named <= set(document()["components"]["schemas"])
    assert {resource.view.__name__ for resource in RESOURCES} <= named
