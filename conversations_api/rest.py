"""The handlers of every resource in the table: list, create, fetch, update, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from aiohttp import web

from conversations_api.bodies import Body
from conversations_api.cursor import next_cursor, page_parameters
from conversations_api.identifiers import SID
from conversations_api.parts import EVENTS, TWILIO
from conversations_api.queries import OURS, Paging, parse_query
from conversations_api.refusals import unreadable
from conversations_api.resources import METHODS, STATUSES, Resource, Verb, operations
from conversations_api.upstream import Call
from conversations_api.views import View
from conversations_api.wire import Unreadable, form_pairs, page, view
from shared.journal import JournalError
from shared.problem import Problem
from shared.records import ConversationEvent
from shared.service import Handler, add_route, audit, json_response, read_json
from shared.telemetry import get_logger

HAPPENED = {"create": "Added", "update": "Updated", "delete": "Removed"}
log = get_logger("conversations.rest")


def add_resource_routes(app: web.Application) -> None:
    """Adds the routes of the whole table."""
    for resource, verb in operations():
        add_route(app, METHODS[verb], resource.path(verb), handler(resource, verb), resource.roles[verb])


def handler(resource: Resource, verb: Verb) -> Handler:
    """The handler of one operation."""

    async def answer(request: web.Request) -> web.StreamResponse:
        query = parse_query(request.query, resource.query(verb))
        path = resource.upstream_path(verb, request.match_info, _service_sid(query))
        if verb == "list":
            return await _list(request, resource, path, query)
        if verb == "fetch":
            return json_response(_view("GET", await request.app[TWILIO].send(Call("GET", path)), resource))
        return await _write(request, resource, verb, path, query)

    return answer


async def _list(request: web.Request, resource: Resource, path: str, query: Body) -> web.Response:
    assert isinstance(query, Paging)  # noqa: S101 - the table says so
    filters = [pair for pair in form_pairs(query) if pair[0] not in OURS]
    pages = page_parameters(query.cursor, path, filters) if isinstance(query.cursor, str) else []
    size = ("PageSize", str(min(query.limit, resource.page_max)))
    raw = await request.app[TWILIO].send(Call("GET", path, [size, *filters, *pages]))
    try:
        items, next_page_url = page(raw, resource.view)
    except Unreadable as error:
        raise _unreadable("GET", resource, error) from error
    return json_response({"items": items, "nextCursor": next_cursor(next_page_url, path, filters)})


async def _write(
    request: web.Request, resource: Resource, verb: Verb, path: str, query: Body
) -> web.StreamResponse:
    """Writes once, and records who did it and what came of it, refusals included."""
    form = await _form(request, resource, verb)
    method: Literal["POST", "DELETE"] = "DELETE" if verb == "delete" else "POST"
    target = "/".join(request.match_info.values())
    action = f"{resource.name}.{verb}"
    try:
        raw = await request.app[TWILIO].send(Call(method, path, form=form, fires_webhooks=resource.fires_webhooks))
        written = None if verb == "delete" else _view(method, raw, resource)
    except Problem as problem:
        audit(request, action, target, f"refused {problem.status} {problem.code}")
        raise
    audit(request, action, f"{target}/{written.sid}".lstrip("/") if written and verb == "create" else target)
    await _record(request, _event(request, resource, verb, written, _service_sid(query)))
    if written is None:
        return web.Response(status=STATUSES[verb])
    return json_response(written, STATUSES[verb])


async def _form(request: web.Request, resource: Resource, verb: Verb) -> Sequence[tuple[str, str]]:
    kind = resource.body(verb)
    if kind is None:
        return ()
    form = form_pairs(await read_json(request, kind))
    if verb == "update" and not form:
        raise Problem(400, "The body names nothing to change.")
    return form


def _event(
    request: web.Request, resource: Resource, verb: Verb, written: View | None, service_sid: str | None
) -> ConversationEvent:
    """Our own write in the form of Twilio's post event of the same name; its payload is our answer.

    Where a conversation was deleted by its unique name, the sids stay empty: Twilio's own event names them.
    """
    payload = msgspec.to_builtins(written) if written is not None else {}
    ids = {name: value if SID.fullmatch(value) else "" for name, value in request.match_info.items()}
    sid = written.sid if written is not None else ids[resource.sid_name]
    conversation = sid if resource.name == "conversation" else ids.get("conversationSid", "")
    return ConversationEvent(
        event_type=f"on{resource.name.title()}{HAPPENED[verb]}",
        source="api",
        service_sid=payload.get("chatServiceSid") or service_sid or "",
        conversation_sid=payload.get("conversationSid") or conversation,
        sid=sid,
        payload=payload,
    )


async def _record(request: web.Request, event: ConversationEvent) -> None:
    """Journals the event. Twilio has done the write, so a journal that fails is logged and does not undo it."""
    try:
        await request.app[EVENTS].commit(event)
    except JournalError as error:
        log.error("own write not journalled", event_type=event.event_type, sid=event.sid, reason=str(error))


def _view(method: str, raw: bytes, resource: Resource) -> View:
    try:
        return view(raw, resource.view)
    except Unreadable as error:
        raise _unreadable(method, resource, error) from error


def _unreadable(method: str, resource: Resource, error: Unreadable) -> Problem:
    log.warning("unreadable answer", resource=resource.name, reason=str(error)[:200])
    return unreadable(method)


def _service_sid(query: Body) -> str | None:
    found = getattr(query, "service_sid", None)
    return found if isinstance(found, str) else None
