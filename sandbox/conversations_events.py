"""Webhooks of Twilio Conversations: which event goes where, what it says, and what a pre-event may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.deliveries import Reply
from sandbox.resources import Change, Event, Resource, get_place
from sandbox.twilio_product import twilio_error
from sandbox.world import World

PRODUCT = "conversations"
TIMEOUT_S = 5.0
PRE_NAMES = {"Added": "Add", "Updated": "Update", "Removed": "Remove"}
NO_PRE_EVENT = {"onUserAdd", "onUserRemove"}
CHANGEABLE = {"Conversation": ("friendly_name",), "Message": ("body", "author", "attributes")}


@dataclass(frozen=True, slots=True)
class Target:
    """An address and the events it wants; `filters` None means all."""

    url: str
    method: str
    filters: tuple[str, ...] | None

    def wants(self, event_type: str) -> bool:
        return bool(self.url) and (self.filters is None or event_type in self.filters)


class ConversationEvents:
    """Sends each event to the service's webhook or else the account's, and to the conversation's own."""

    def __init__(self, world: World, configuration: Callable[[str], Mapping[str, Any] | None]) -> None:
        """`configuration` gives the webhook configuration that counts for a service sid."""
        self._world = world
        self._configuration = configuration

    def emit(self, resource: Resource, change: Change, verb: str, *, asked: bool, source: str = "API") -> None:
        """Announces the change itself, when asked, and what it caused; returns at once, the posts follow."""
        events = list(change.events)
        if resource.event_noun is not None:
            events.insert(0, Event(f"on{resource.event_noun}{verb}", _fields(resource, change, verb)))
        self.send(change.service_sid, (e for e in events if asked or e.unasked), source)

    def send(self, service_sid: str, events: Iterable[Event], source: str = "API") -> None:
        for event in events:
            fields = {**self._common(service_sid, event.name, source), **event.fields}
            for target in self._targets(service_sid, event.fields.get("ConversationSid", "")):
                if target.wants(event.name):
                    self._world.deliveries.form(target.url, fields, target.method, TIMEOUT_S, PRODUCT)

    async def ask_before(self, resource: Resource, change: Change, verb: str) -> dict[str, Any]:
        """What the pre-event webhook wants changed, by the document's places. Raises Refusal when it says no.

        Nothing is changed when there is no such webhook, when it does not answer in five seconds, or when its
        answer cannot be read.
        """
        name = f"on{resource.event_noun}{PRE_NAMES[verb]}"
        configuration = self._configuration(change.service_sid)
        if resource.event_noun is None or configuration is None or name in NO_PRE_EVENT:
            return {}
        target = _target(configuration.get("pre_webhook_url"), configuration)
        if not target.wants(name):
            return {}
        hidden = {f"{resource.event_noun}Sid", "Index"} if verb == "Added" else set()
        own = {key: value for key, value in _fields(resource, change, verb).items() if key not in hidden}
        fields = {**self._common(change.service_sid, name, "API"), **own}
        reply = await self._world.deliveries.ask(target.url, fields, target.method, TIMEOUT_S)
        return _wishes(resource, reply)

    def _common(self, service_sid: str, event_type: str, source: str) -> dict[str, str]:
        return {
            "AccountSid": self._world.account_sid,
            "ChatServiceSid": service_sid,
            "EventType": event_type,
            "Source": source,
            "RetryCount": "0",
        }

    def _targets(self, service_sid: str, conversation_sid: str) -> list[Target]:
        configuration = self._configuration(service_sid)
        targets = [_target(configuration.get("post_webhook_url"), configuration)] if configuration else []
        if conversation_sid:
            own = [found.body for found in self._world.store.select("Webhooks", conversation_sid)]
            targets += [
                _target(w["configuration"].get("url"), w["configuration"]) for w in own if w["target"] == "webhook"
            ]
        return targets


def _target(url: str | None, configuration: Mapping[str, Any]) -> Target:
    filters = configuration.get("filters")
    method = str(configuration.get("method") or "POST").upper()
    return Target(url or "", method, tuple(filters) if filters is not None else None)


def _wishes(resource: Resource, reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {}
    if reply.status >= 400:
        raise twilio_error(403, 20403, "The pre-event webhook rejected this change")
    if not reply.body.strip():
        return {}
    try:
        wishes = msgspec.json.decode(reply.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
    allowed = CHANGEABLE.get(resource.event_noun or "", ())
    return {name: value for name, value in wishes.items() if name in allowed and isinstance(value, str)}


def _fields(resource: Resource, change: Change, verb: str) -> dict[str, str]:
    """The event's own form fields: strings only, what is null left out."""
    document = change.document
    named = {name: get_place(document, place) for name, place in resource.event_fields.items()}
    fields = {name: _text(value) for name, value in named.items() if value is not None}
    if "MessagingBinding.Type" in fields:
        fields["MessagingBinding.Type"] = fields["MessagingBinding.Type"].upper()
    if resource.event_noun == "Message" and change.parent is not None:
        fields["MessagingServiceSid"] = change.parent.get("messaging_service_sid") or ""
    fields["DateCreated"] = document["date_created"]
    if verb != "Added" or resource.event_noun == "Conversation":
        fields["DateUpdated"] = document["date_updated"]
    if verb == "Removed":
        fields["DateRemoved"] = change.world.clock.now_text()
    return fields


def _text(value: Any) -> str:
    """Everything in a form is text; lists such as Media are JSON."""
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else str(value)
