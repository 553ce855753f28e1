"""Twilio Conversations v1: one set of handlers for every resource of the table."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.conversations_events import ConversationEvents
from sandbox.forms import read_form
from sandbox.product import Handler, json_answer
from sandbox.resources import Change, Field, Resource, set_place
from sandbox.sids import new_sid, now_text
from sandbox.store import Condition, Document, NameTaken, Store
from sandbox.twilio_product import Listing, base_url, not_found, read_page, twilio_error

PREFIX = "/conversations/v1"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the account a request points: service, scope in the store, enclosing document, URL."""

    service_sid: str
    scope: str
    parent: Document | None
    url: str
    through_service: bool


class ConversationsApi:
    """The account's Conversations product over a store."""

    def __init__(
        self, store: Store, account_sid: str, default_service_sid: Callable[[], str], events: ConversationEvents
    ) -> None:
        self._store = store
        self._account_sid = account_sid
        self._default_service_sid = default_service_sid
        self._events = events

    def handlers(self, resource: Resource) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of the resource, at account level and under a service."""
        for prefix in _prefixes(resource):
            collection = (
                prefix + "".join(f"/{r.path}/{{{r.key}}}" for r in resource.line[:-1]) + f"/{resource.path}"
            )
            member = f"{collection}/{{{resource.key}}}"
            yield "GET", collection, self._bound(resource, self.list)
            yield "GET", member, self._bound(resource, self.fetch)
            if resource.writable:
                yield "POST", collection, self._bound(resource, self.create)
                yield "DELETE", member, self._bound(resource, self.delete)
            if resource.writable and resource.updatable:
                yield "POST", member, self._bound(resource, self.update)

    @staticmethod
    def _bound(resource: Resource, method: Callable[[Resource, web.Request], Any]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer: web.StreamResponse = await method(resource, request)
            return answer

        return handle

    # ---- the five verbs ----

    async def list(self, resource: Resource, request: web.Request) -> web.Response:
        place = self._place(resource, request)
        listing = Listing(
            kind=resource.path,
            scope=place.scope,
            key=resource.key,
            conditions=_conditions(resource, request),
            descending=resource.can_reverse and request.query.get("Order") == "desc",
            limits=resource.limits,
        )
        page = read_page(self._store, listing, request)
        return json_answer(
            {resource.key: [present(resource, d, place) for d in page.documents], "meta": page.meta}
        )

    async def fetch(self, resource: Resource, request: web.Request) -> web.Response:
        place = self._place(resource, request)
        return json_answer(present(resource, self._member(resource, place, request), place))

    async def create(self, resource: Resource, request: web.Request) -> web.Response:
        given = read_form(resource.fields, await request.post(), creating=True)
        place = self._place(resource, request)
        moment = now_text()
        document: Document = {
            **copy.deepcopy(dict(resource.template)),
            "sid": new_sid(resource.prefix),
            "account_sid": self._account_sid,
            "date_created": moment,
            "date_updated": moment,
            "_service_sid": place.service_sid,
        }
        if resource.parent is not None and place.parent is not None:
            document["conversation_sid"] = place.parent.get("conversation_sid", place.parent["sid"])
        change = self._change(place, document, None, given)
        self._store_change(resource, change)
        self._emit(resource, change, "Added", request)
        return json_answer(present(resource, document, place), 201)

    async def update(self, resource: Resource, request: web.Request) -> web.Response:
        given = read_form(resource.fields, await request.post(), creating=False)
        place = self._place(resource, request)
        before = self._member(resource, place, request)
        document = copy.deepcopy(before)
        document["date_updated"] = now_text()
        change = self._change(place, document, before, given)
        self._store_change(resource, change)
        self._emit(resource, change, "Updated", request)
        return json_answer(present(resource, document, place))

    async def delete(self, resource: Resource, request: web.Request) -> web.Response:
        place = self._place(resource, request)
        document = self._member(resource, place, request)
        with self._store.transaction():
            self._delete_within(document["sid"])
            self._store.delete(resource.path, place.scope, document["sid"])
        self._emit(resource, self._change(place, document, document, {}), "Removed", request)
        return web.Response(status=204)

    # ---- inside ----

    def _change(
        self, place: Place, document: Document, before: Document | None, given: Mapping[str, Any]
    ) -> Change:
        for field_place, value in given.items():
            set_place(document, field_place, value)
        return Change(
            store=self._store,
            account_sid=self._account_sid,
            service_sid=place.service_sid,
            scope=place.scope,
            parent=place.parent,
            document=document,
            before=before,
            given=given,
        )

    def _store_change(self, resource: Resource, change: Change) -> None:
        """Applies the rules and stores the document, all or nothing."""
        document = change.document
        put = self._store.add if change.before is None else self._store.replace
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

    def _place(self, resource: Resource, request: web.Request) -> Place:
        """Walks the URL from the service inwards. Raises Refusal 404 when a part does not exist."""
        service_sid = self._service_sid(request)
        through_service = "service" in request.match_info
        url = base_url(request) + PREFIX + (f"/Services/{service_sid}" if through_service else "")
        scope = self._account_sid if resource.owner == "account" else service_sid
        parent: Document | None = None
        for ancestor in resource.line[:-1]:
            parent = self._store.get(ancestor.path, scope, request.match_info[ancestor.key])
            if parent is None:
                raise not_found(request)
            scope = parent["sid"]
            url = f"{url}/{ancestor.path}/{scope}"
        return Place(service_sid, scope, parent, f"{url}/{resource.path}", through_service)

    def _service_sid(self, request: web.Request) -> str:
        if "service" not in request.match_info:
            return self._default_service_sid()
        service_sid = request.match_info["service"]
        if self._store.get("Services", self._account_sid, service_sid) is None:
            raise not_found(request)
        return service_sid

    def _member(self, resource: Resource, place: Place, request: web.Request) -> Document:
        document = self._store.get(resource.path, place.scope, request.match_info[resource.key])
        if document is None:
            raise not_found(request)
        return document

    def _emit(self, resource: Resource, change: Change, verb: str, request: web.Request) -> None:
        """Sends the webhooks of a REST change, which Twilio does only when the request asks for them."""
        if request.headers.get("X-Twilio-Webhook-Enabled", "").lower() == "true":
            self._events.emit(resource, change, verb)


def present(resource: Resource, document: Document, place: Place) -> dict[str, Any]:
    """The document as the API shows it: without what only we remember, with its addresses."""
    shown = {key: value for key, value in document.items() if not key.startswith("_")}
    if resource.show_service == "always" or (resource.show_service == "scoped" and place.through_service):
        shown["chat_service_sid"] = place.service_sid
    shown["url"] = f"{place.url}/{document['sid']}"
    if resource.links:
        shown["links"] = {name: f"{shown['url']}/{path}" for name, path in resource.links}
    return shown


def _prefixes(resource: Resource) -> tuple[str, ...]:
    if resource.owner == "account":
        return (PREFIX,)
    return (PREFIX, f"{PREFIX}/Services/{{service}}")


def _conditions(resource: Resource, request: web.Request) -> list[Condition]:
    """The list's filters as given; days are widened to their first and last second."""
    day_ends = {"StartDate": "T00:00:00Z", "EndDate": "T23:59:59Z"}
    conditions = []
    for name, condition in resource.filters.items():
        text = request.query.get(name, "")
        if text:
            value = text + day_ends[name] if name in day_ends and "T" not in text else text
            conditions.append(Condition(condition.field, condition.comparison, value))
    _check_choices(resource.fields, request)
    return conditions


def _check_choices(fields: tuple[Field, ...], request: web.Request) -> None:
    for field in fields:
        text = request.query.get(field.param)
        if text is not None and field.choices and text not in field.choices:
            raise twilio_error(
                400, 20001, f"Invalid parameter {field.param}: must be one of {', '.join(field.choices)}"
            )
