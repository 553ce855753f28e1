"""The configuration documents of Twilio Conversations: what an account has before anyone changes it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiohttp import web

from sandbox.conversations import PREFIX
from sandbox.conversations_singletons import (
    ACCOUNT_CONFIGURATION,
    ACCOUNT_WEBHOOKS,
    POST_EVENTS,
    SERVICE_CONFIGURATION,
    SERVICE_WEBHOOKS,
    SINGLETONS,
)
from sandbox.forms import read_form
from sandbox.product import Handler, json_answer
from sandbox.resources import Change, Singleton, set_place
from sandbox.rules_conversations import TIMERS, check_duration, default_role, make_default_roles
from sandbox.sids import derived_sid
from sandbox.store import Document
from sandbox.twilio_product import base_url, not_found, twilio_error
from sandbox.world import World

KIND = "Configuration"


class ConversationsConfiguration:
    """Account and service configuration; `post_webhook_url` is where the account's events go by default."""

    def __init__(self, world: World, post_webhook_url: str) -> None:
        self._world = world
        self._store = world.store
        self._account_sid = world.account_sid
        self._post_webhook_url = post_webhook_url
        self._default_sid: str | None = None

    def make_default_service(self) -> None:
        """Makes the service that every account begins with; nothing happens when it exists."""
        self._default_sid = None  # the store may have been cleared
        sid = derived_sid("IS", self._account_sid)
        if self._store.get("Services", self._account_sid, sid) is not None:
            return
        moment = self._world.clock.now_text()
        service: Document = {
            "sid": sid,
            "account_sid": self._account_sid,
            "friendly_name": "Default Conversations Service",
            "date_created": moment,
            "date_updated": moment,
        }
        change = Change(self._world, sid, self._account_sid, None, service, None, {})
        with self._store.transaction():
            self._store.add("Services", self._account_sid, sid, service)
            make_default_roles(change)

    def default_service_sid(self) -> str:
        """Every request at account level asks for it, so it is remembered until the configuration is written."""
        if self._default_sid is None:
            self._default_sid = str(
                self._read(ACCOUNT_CONFIGURATION, self._account_sid)["default_chat_service_sid"]
            )
        return self._default_sid

    def shows_presence(self, service_sid: str) -> bool:
        return bool(self._read(SERVICE_CONFIGURATION, service_sid)["reachability_enabled"])

    def default_timers(self) -> dict[str, str]:
        """The account's timers for conversations that are made without their own, by place."""
        account = self._read(ACCOUNT_CONFIGURATION, self._account_sid)
        found = {f"_timers.{state}": account[f"default_{state}_timer"] for state, _ in TIMERS}
        return {place: length for place, length in found.items() if length}

    def webhooks(self, service_sid: str) -> Mapping[str, Any]:
        """The configuration that counts for a service: its own once it has an address, else the account's."""
        own = self._read(SERVICE_WEBHOOKS, service_sid)
        return (
            own
            if own["post_webhook_url"] or own["pre_webhook_url"]
            else self._read(ACCOUNT_WEBHOOKS, self._account_sid)
        )

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every configuration document."""
        for singleton in SINGLETONS:
            prefix = PREFIX if singleton.level == "account" else f"{PREFIX}/Services/{{service}}"
            yield "GET", f"{prefix}/{singleton.path}", self._bound(singleton, self.fetch)
            yield "POST", f"{prefix}/{singleton.path}", self._bound(singleton, self.update)

    @staticmethod
    def _bound(singleton: Singleton, method: Callable[[Singleton, web.Request], Any]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer: web.StreamResponse = await method(singleton, request)
            return answer

        return handle

    async def fetch(self, singleton: Singleton, request: web.Request) -> web.Response:
        owner = self._owner(singleton, request)
        return json_answer(self._present(singleton, owner, self._read(singleton, owner), request))

    async def update(self, singleton: Singleton, request: web.Request) -> web.Response:
        given = read_form(singleton.fields, await request.post(), creating=False)
        owner = self._owner(singleton, request)
        document = self._read(singleton, owner)
        for place, value in given.items():
            set_place(document, place, value)
        self._check_default_service(document)
        self._check_timers(given)
        self._write(singleton, owner, document)
        return json_answer(self._present(singleton, owner, document, request))

    # ---- inside ----

    def _owner(self, singleton: Singleton, request: web.Request) -> str:
        if singleton.level == "account":
            return self._account_sid
        service_sid = request.match_info["service"]
        if self._store.get("Services", self._account_sid, service_sid) is None:
            raise not_found(request)
        return service_sid

    def _check_default_service(self, document: Document) -> None:
        sid = document.get("default_chat_service_sid")
        if sid is not None and self._store.get("Services", self._account_sid, sid) is None:
            raise twilio_error(400, 20001, "Invalid parameter DefaultChatServiceSid: there is no such service")

    @staticmethod
    def _check_timers(given: Mapping[str, Any]) -> None:
        for state, shortest in TIMERS:
            check_duration(given.get(f"default_{state}_timer"), f"Default{state.title()}Timer", shortest)

    def _read(self, singleton: Singleton, owner: str) -> Document:
        stored = self._store.get(KIND, owner, singleton.path)
        return stored if stored is not None else self._initial(singleton, owner)

    def _write(self, singleton: Singleton, owner: str, document: Document) -> None:
        self._default_sid = None
        if self._store.get(KIND, owner, singleton.path) is None:
            self._store.add(KIND, owner, singleton.path, document)
        else:
            self._store.replace(KIND, owner, singleton.path, document)

    def _initial(self, singleton: Singleton, owner: str) -> Document:
        document = copy.deepcopy(dict(singleton.template))
        if singleton is ACCOUNT_CONFIGURATION:
            document["default_chat_service_sid"] = derived_sid("IS", self._account_sid)
            document["default_messaging_service_sid"] = derived_sid("MG", derived_sid("IS", self._account_sid))
        elif singleton is ACCOUNT_WEBHOOKS:
            document["post_webhook_url"] = self._post_webhook_url
            document["filters"] = list(POST_EVENTS)
        elif singleton is SERVICE_CONFIGURATION:
            document["default_conversation_creator_role_sid"] = default_role(owner, "channel admin")
            document["default_conversation_role_sid"] = default_role(owner, "channel user")
            document["default_chat_service_role_sid"] = default_role(owner, "service user")
        return document

    def _present(
        self, singleton: Singleton, owner: str, document: Document, request: web.Request
    ) -> dict[str, Any]:
        root = base_url(request) + PREFIX
        base = root if singleton.level == "account" else f"{root}/Services/{owner}"
        shown = {**document, "url": f"{base}/{singleton.path}"}
        if singleton.with_account:
            shown["account_sid"] = self._account_sid
        if singleton.level == "service":
            shown["chat_service_sid"] = owner
        if singleton.links:
            shown["links"] = {name: f"{base}/{path}" for name, path in singleton.links}
        if singleton is ACCOUNT_CONFIGURATION:
            shown["links"]["service"] = f"{root}/Services/{document['default_chat_service_sid']}/Configuration"
        return shown
