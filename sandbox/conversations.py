"""Twilio Conversations v1: one set of handlers for every resource of the table."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from sandbox.conversations_events import ConversationEvents
from sandbox.forms import read_form
from sandbox.list_filters import list_conditions
from sandbox.product import Handler, json_answer
from sandbox.resources import Change, Resource, set_place
from sandbox.sids import new_sid
from sandbox.store import Document, NameTaken
from sandbox.twilio_product import Listing, base_url, not_found, read_page, twilio_error
from sandbox.world import World

PREFIX = "/conversations/v1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the account a request points: service, scope in the store, enclosing document, URL."""

    service_sid: str
    scope: str
    parent: Document | None
    url: str
    through_service: bool


class AccountSettings(Protocol):
    """What the account's and the services' configuration says."""

    def default_service_sid(self) -> str: ...
    def shows_presence(self, service_sid: str) -> bool: ...
    def default_timers(self) -> dict[str, str]: ...


class ConversationsApi:
    """The account's Conversations product over its world."""

    def __init__(self, world: World, settings: AccountSettings, events: ConversationEvents) -> None:
        self._world = world
        self._store = world.store
        self._settings = settings
        self._events = events

    def handlers(self, resource: Resource) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of the resource, at account level and under a service."""
        for prefix in prefixes(resource):
            collection = (
                prefix + "".join(f"/{r.path}/{{{r.key}}}" for r in resource.line[:-1]) + f"/{resource.path}"
            )
            member = f"{collection}/{{{resource.key}}}"
            yield "GET", collection, self._bound(resource, self.list)
            yield "GET", member, self._bound(resource, self.fetch)
            if resource.creatable:
                yield "POST", collection, self._bound(resource, self.create)
            if resource.deletable:
                yield "DELETE", member, self._bound(resource, self.delete)
            if resource.updatable:
                yield "POST", member, self._bound(resource, self.update)

    @staticmethod
    def _bound(resource: Resource, method: Callable[[Resource, web.Request], Any]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer: web.StreamResponse = await method(resource, request)
            return answer

        return handle

    # ---- the five verbs ----

    async def list(self, resource: Resource, request: web.Request) -> web.Response:
        place = self.place(resource, request)
        listing = Listing(
            kind=resource.path,
            scope=place.scope,
            key=resource.key,
            conditions=list_conditions(resource, request),
            descending=resource.can_reverse and request.query.get("Order") == "desc",
            limits=resource.limits,
        )
        page = read_page(self._store, listing, request)
        return json_answer(
            {resource.key: [present(resource, d, place) for d in page.documents], "meta": page.meta}
        )

    async def fetch(self, resource: Resource, request: web.Request) -> web.Response:
        place = self.place(resource, request)
        shown = present(resource, self._member(resource, place, request), place)
        if resource.key == "users" and self._settings.shows_presence(place.service_sid):
            shown |= {"is_online": False, "is_notifiable": False}  # no chat client is ever connected here
        return json_answer(shown)

    async def create(self, resource: Resource, request: web.Request) -> web.Response:
        given = read_form(resource.fields, await request.post(), creating=True)
        place = self.place(resource, request)
        self._count(resource, place, None)
        if wants_webhooks(request):
            change = self._change(place, self._new(resource, place), None, given)
            given |= await self._events.ask_before(resource, change, "Added")
            place = self.place(resource, request)
        document = self.make(resource, place, given, asked=wants_webhooks(request))
        return json_answer(present(resource, document, place), 201)

    async def update(self, resource: Resource, request: web.Request) -> web.Response:
        given = read_form(resource.fields, await request.post(), creating=False)
        place = self.place(resource, request)
        before = self._member(resource, place, request)
        self._count(resource, place, before["sid"])
        if wants_webhooks(request):
            change = self._change(place, copy.deepcopy(before), before, given)
            given |= await self._events.ask_before(resource, change, "Updated")
            place = self.place(resource, request)
            before = self._member(resource, place, request)
        document = copy.deepcopy(before)
        document["date_updated"] = self._world.clock.now_text()
        change = self._change(place, document, before, given)
        self._store_change(resource, change)
        self._events.emit(resource, change, "Updated", asked=wants_webhooks(request))
        return json_answer(present(resource, document, place))

    async def delete(self, resource: Resource, request: web.Request) -> web.Response:
        place = self.place(resource, request)
        document = self._member(resource, place, request)
        self._count(resource, place, None)
        if wants_webhooks(request):
            await self._events.ask_before(resource, self._change(place, document, document, {}), "Removed")
            place = self.place(resource, request)
            document = self._member(resource, place, request)
        self.remove(resource, place, document, asked=wants_webhooks(request))
        return web.Response(status=204)

    # ---- the same without a request ----

    def make(
        self,
        resource: Resource,
        place: Place,
        given: Mapping[str, Any],
        *,
        asked: bool,
        source: str = "API",
        send: bool = True,
    ) -> Document:
        """The new document. Raises Refusal; nothing has been stored then."""
        document = self._new(resource, place)
        change = self._change(place, document, None, given)
        self._store_change(resource, change)
        if send:
            self._events.emit(resource, change, "Added", asked=asked, source=source)
        return document

    def remove(self, resource: Resource, place: Place, document: Document, *, asked: bool) -> None:
        """Deletes the document and what belongs to it."""
        change = self._change(place, document, document, {})
        with self._store.transaction():
            for rule in resource.before_delete:
                rule(change)
            self._delete_within(document["sid"])
            self._store.delete(resource.path, place.scope, document["sid"])
        self._events.emit(resource, change, "Removed", asked=asked)

    def place(self, resource: Resource, request: web.Request) -> Place:
        """Walks the URL from the service inwards. Raises Refusal 404 when a part does not exist."""
        service_sid = self._service_sid(request)
        through_service = "service" in request.match_info
        url = base_url(request) + PREFIX + (f"/Services/{service_sid}" if through_service else "")
        scope = self._world.account_sid if resource.owner == "account" else service_sid
        parent: Document | None = None
        for ancestor in resource.line[:-1]:
            parent = self._store.get(ancestor.path, scope, request.match_info[ancestor.key])
            if parent is None:
                raise not_found(request)
            scope = parent["sid"]
            url = f"{url}/{ancestor.path}/{scope}"
        return Place(service_sid, scope, parent, f"{url}/{resource.path}", through_service)

    def count(self, key: str) -> None:
        """Counts one change of a service or conversation. Raises Refusal 429 when it is one too many."""
        if not self._world.limit.admit(key):
            raise twilio_error(429, 50063, "Too many actions per second")

    # ---- inside ----

    def _new(self, resource: Resource, place: Place) -> Document:
        moment = self._world.clock.now_text()
        document: Document = {
            **copy.deepcopy(dict(resource.template)),
            "sid": new_sid(resource.prefix),
            "account_sid": self._world.account_sid,
            "date_created": moment,
            "date_updated": moment,
            "_service_sid": place.service_sid,
        }
        if place.parent is not None:
            document["conversation_sid"] = place.parent.get("conversation_sid", place.parent["sid"])
        if resource.key == "conversations":
            for timer, length in self._settings.default_timers().items():
                set_place(document, timer, length)
        return document

    def _count(self, resource: Resource, place: Place, updated_sid: str | None) -> None:
        if resource.counted == "conversation":
            self.count(place.scope)
        elif resource.counted == "create" and updated_sid is not None:
            self.count(updated_sid)
        elif resource.counted != "no":
            self.count(place.service_sid)

    def _change(
        self, place: Place, document: Document, before: Document | None, given: Mapping[str, Any]
    ) -> Change:
        for field_place, value in given.items():
            set_place(document, field_place, value)
        return Change(self._world, place.service_sid, place.scope, place.parent, document, before, given)

    def _store_change(self, resource: Resource, change: Change) -> None:
        """Applies the rules and stores the document, all or nothing."""
        document = change.document
        put = self._store.add if change.creating else self._store.replace
        try:
            with self._store.transaction():
                for rule in resource.rules:
                    rule(change)
                name = document[resource.name_place] if resource.name_place else None
                put(resource.path, change.scope, document["sid"], document, name)
                for rule in resource.after_change:
                    rule(change)
        except NameTaken as error:
            raise twilio_error(409, *resource.taken) from error

    def _delete_within(self, sid: str) -> None:
        """Deletes what belongs to a conversation or service, and what belongs to that."""
        for kind in ("Conversations", "Messages"):
            for found in self._store.select(kind, sid):
                self._delete_within(found.body["sid"])
        self._store.delete_scope(sid)

    def _service_sid(self, request: web.Request) -> str:
        if "service" not in request.match_info:
            return self._settings.default_service_sid()
        service_sid = request.match_info["service"]
        if self._store.get("Services", self._world.account_sid, service_sid) is None:
            raise not_found(request)
        return service_sid

    def _member(self, resource: Resource, place: Place, request: web.Request) -> Document:
        document = self._store.get(resource.path, place.scope, request.match_info[resource.key])
        if document is None:
            raise not_found(request)
        return document


def wants_webhooks(request: web.Request) -> bool:
    """True when a write asks for its webhooks: Twilio sends none for the REST API otherwise."""
    return request.headers.get("X-Twilio-Webhook-Enabled", "").lower() == "true"


def present(resource: Resource, document: Document, place: Place) -> dict[str, Any]:
    """The document as the API shows it: without what only we remember, with its addresses."""
    shown = {key: value for key, value in document.items() if key[0] != "_"}
    if resource.show_service == "always" or (resource.show_service == "scoped" and place.through_service):
        shown["chat_service_sid"] = place.service_sid
    shown["url"] = f"{place.url}/{document['sid']}"
    if resource.links:
        shown["links"] = {name: f"{shown['url']}/{path}" for name, path in resource.links}
    return shown


def prefixes(resource: Resource) -> tuple[str, ...]:
    """Where the resource is found: at account level, under a service, or both."""
    under_service = f"{PREFIX}/Services/{{service}}"
    if resource.owner == "account":
        return (PREFIX,)
    return (under_service,) if resource.only_scoped else (PREFIX, under_service)
