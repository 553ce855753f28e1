"""A text that arrives at one of our numbers: it finds its conversation, or opens one where that is configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from aiohttp import web

from sandbox.control import ControlRoutes
from sandbox.conversations import ConversationsApi, Place
from sandbox.conversations_table import CONVERSATIONS, MESSAGES, PARTICIPANTS, WEBHOOKS
from sandbox.product import Refusal
from sandbox.rules_participants import channel_of, pair_holder
from sandbox.sids import new_sid
from sandbox.store import Document
from sandbox.world import World
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response, read_json


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An incoming text. `to` is our number; WhatsApp addresses begin with `whatsapp:` on both sides."""

    to: str
    body: str = ""
    from_: str = msgspec.field(name="from", default="")
    media_sid: str | None = None


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chat client's device that wants push messages."""

    service_sid: str
    identity: str
    endpoint: str
    binding_type: Literal["apn", "gcm", "fcm", "twilsock"] = "fcm"
    credential_sid: str | None = None


class InboundDesk:
    """What comes from phones and chat clients: `/control/messages`, `/control/bindings`.

    `default_service_sid` is where conversations are opened unless the address says.
    """

    def __init__(self, world: World, api: ConversationsApi, default_service_sid: Callable[[], str]) -> None:
        self._world = world
        self._api = api
        self._default_service_sid = default_service_sid

    def handlers(self) -> ControlRoutes:
        yield "POST", "messages", self.receive, Role.AGENT
        yield "POST", "bindings", self.bind, Role.ADMIN

    async def receive(self, request: web.Request) -> web.Response:
        """201 with the conversation and message; 409 when the number opens no conversations."""
        text = await read_json(request, Text)
        if not text.from_ or not (text.body or text.media_sid):
            raise Problem(400, "A text needs `from`, `to`, and a `body` or a `media_sid`.", code=40000)
        source = channel_of(text.from_).upper()
        try:
            participant = pair_holder(self._world.store, text.from_, text.to)
            place = self._inside(participant) if participant else self._open(text, source)
            given = {"author": text.from_, "body": text.body or None, "_media_sid": text.media_sid}
            message = self._api.make(MESSAGES, place, given, asked=True, source=source)
        except Refusal as refusal:
            raise Problem(refusal.status, str(refusal.body["message"]), code=refusal.body["code"]) from refusal
        opened = participant is None
        answer = {"conversation_sid": place.scope, "message_sid": message["sid"], "opened": opened}
        return json_response(answer, status=201)

    async def bind(self, request: web.Request) -> web.Response:
        """Registers a device for push, as a chat client does. 201 with the binding."""
        device = await read_json(request, Device)
        if self._world.store.get("Services", self._world.account_sid, device.service_sid) is None:
            raise Problem(404, f"There is no service {device.service_sid}.", code=20404)
        moment = self._world.clock.now_text()
        binding: Document = {
            "sid": new_sid("BS"),
            "account_sid": self._world.account_sid,
            "credential_sid": device.credential_sid,
            "date_created": moment,
            "date_updated": moment,
            "endpoint": device.endpoint,
            "identity": device.identity,
            "binding_type": device.binding_type,
            "message_types": ["removed_from_conversation", "new_message", "added_to_conversation"],
            "_service_sid": device.service_sid,
        }
        self._world.store.add("Bindings", device.service_sid, binding["sid"], binding)
        return json_response({"sid": binding["sid"]}, status=201)

    def _inside(self, participant: Document) -> Place:
        service_sid, sid = participant["_service_sid"], participant["conversation_sid"]
        conversation = self._world.store.get("Conversations", service_sid, sid)
        return Place(service_sid, sid, conversation, "", False)

    def _open(self, text: Text, source: str) -> Place:
        """A new conversation with the sender in it. Raises Problem 409 when auto creation is off."""
        address = self._world.store.get("Configuration/Addresses", self._world.account_sid, text.to)
        creation = (address or {}).get("auto_creation", {})
        if not creation.get("enabled"):
            raise Problem(
                409,
                f"No conversation has {text.from_} and {text.to}, and {text.to} opens none by itself: "
                "create an address configuration with AutoCreation.Enabled=true.",
                code=40900,
            )
        service_sid = creation.get("conversation_service_sid") or self._default_service_sid()
        place = Place(service_sid, service_sid, None, "", False)
        conversation = self._api.make(
            CONVERSATIONS, place, {"friendly_name": text.from_}, asked=True, source=source
        )
        inside = Place(service_sid, conversation["sid"], conversation, "", False)
        if creation.get("type") == "webhook" and creation.get("webhook_url"):
            self._api.make(WEBHOOKS, inside, _webhook(creation), asked=False)
        binding = {"messaging_binding.address": text.from_, "messaging_binding.proxy_address": text.to}
        self._api.make(PARTICIPANTS, inside, binding, asked=True, source=source)
        return inside


def _webhook(creation: Document) -> dict[str, Any]:
    """The conversation's own webhook, as the address configuration describes it."""
    return {
        "target": "webhook",
        "configuration.url": creation["webhook_url"],
        "configuration.method": creation.get("webhook_method") or "post",
        "configuration.filters": creation.get("webhook_filters"),
    }
