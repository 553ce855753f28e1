"""Webhooks of Twilio Conversations: which event goes where, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.deliveries import Deliveries
from sandbox.resources import Change, Resource, get_place
from sandbox.store import Store


@dataclass(frozen=True, slots=True)
class Target:
    """An address and the events it wants; `filters` None means all."""

    url: str
    method: str
    filters: tuple[str, ...] | None

    def wants(self, event_type: str) -> bool:
        return self.filters is None or event_type in self.filters


class ConversationEvents:
    """Sends each event to the service's webhook or else the account's, and to the conversation's own."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        configuration: Callable[[str], Mapping[str, Any] | None],
    ) -> None:
        """`configuration` gives the webhook configuration that counts for a service sid."""
        self._store = store
        self._deliveries = deliveries
        self._configuration = configuration

    def emit(self, resource: Resource, change: Change, verb: str) -> None:
        """Announces the change itself and what it caused; returns at once, the posts follow."""
        if resource.event_noun is None:
            return
        events = [(f"on{resource.event_noun}{verb}", _fields(resource, change.document, verb))]
        for event_type, fields in [*events, *change.events]:
            conversation_sid = fields.get("ConversationSid", "")
            common = {
                "AccountSid": change.account_sid,
                "ChatServiceSid": change.service_sid,
                "EventType": event_type,
                "Source": "API",
                "RetryCount": "0",
            }
            for target in self._targets(change.service_sid, conversation_sid):
                if target.wants(event_type):
                    self._deliveries.form(target.url, {**common, **fields}, target.method)

    def _targets(self, service_sid: str, conversation_sid: str) -> list[Target]:
        configuration = self._configuration(service_sid)
        targets = [_target(configuration.get("post_webhook_url"), configuration)] if configuration else []
        own = [found.body for found in self._store.select("Webhooks", conversation_sid)]
        targets += [
            _target(w["configuration"].get("url"), w["configuration"]) for w in own if w["target"] == "webhook"
        ]
        return [target for target in targets if target.url]


def _target(url: str | None, configuration: Mapping[str, Any]) -> Target:
    filters = configuration.get("filters")
    method = str(configuration.get("method") or "POST").upper()
    return Target(url or "", method, tuple(filters) if filters is not None else None)


def _fields(resource: Resource, document: Mapping[str, Any], verb: str) -> dict[str, str]:
    """The event's own form fields: strings only, what is null left out."""
    named = {name: get_place(document, place) for name, place in resource.event_fields.items()}
    fields = {name: str(value) for name, value in named.items() if value is not None}
    if "MessagingBinding.Type" in fields:
        fields["MessagingBinding.Type"] = fields["MessagingBinding.Type"].upper()
    fields["DateCreated"] = document["date_created"]
    if verb != "Added" or resource.event_noun == "Conversation":
        fields["DateUpdated"] = document["date_updated"]
    if verb == "Removed":
        fields["DateRemoved"] = document["date_updated"]
    return fields
