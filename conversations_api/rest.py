"""The handlers of every resource in the table: list, create, fetch, update, delete."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from aiohttp import web

from conversations_api.account_documents import read_parts, write_parts
from conversations_api.bodies import Body
from conversations_api.identifiers import SID
from conversations_api.index_lists import conversations, messages, with_activity
from conversations_api.listing import Asked, Page, from_scan, from_twilio
from conversations_api.message_limits import check_length
from conversations_api.parts import SERVICES, TWILIO
from conversations_api.queries import ListQuery, parse_query
from conversations_api.reading import read_body
from conversations_api.recording import record, written_event
from conversations_api.refusals import unreadable
from conversations_api.resources import CONVERSATION, MESSAGE, METHODS, STATUSES, Resource, Verb, operations
from conversations_api.upstream import Call
from conversations_api.views import View
from conversations_api.wire import Unreadable, form_pairs, view
from shared.problem import Problem
from shared.service import Handler, add_route, audit, json_response
from shared.telemetry import get_logger

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
            assert isinstance(query, ListQuery)  # noqa: S101 - the table says so
            return await _list(request, resource, path, query)
        if verb == "fetch":
            return json_response(await _fetch(request, resource, path))
        return await _write(request, resource, verb, path, query)

    return answer


async def _fetch(request: web.Request, resource: Resource, path: str) -> View:
    """One resource with its parts. A miss is audited: it may be someone trying sids of another service."""
    client = request.app[TWILIO]
    try:
        raw, parts = await asyncio.gather(
            client.send(Call("GET", path)), read_parts(client, path, resource.parts, optional=True)
        )
    except Problem as problem:
        if problem.status == 404:
            audit(request, f"{resource.name}.fetch", "/".join(request.match_info.values()), "refused 404 20404")
        raise
    found = _view("GET", raw, resource)
    return msgspec.structs.replace(found, **parts) if parts else found


async def _list(request: web.Request, resource: Resource, path: str, query: ListQuery) -> web.Response:
    asked = Asked(resource, path, query)
    try:
        return json_response(await _page(request, asked))
    except Unreadable as error:
        raise _unreadable("GET", resource, error) from error


async def _page(request: web.Request, asked: Asked) -> Page:
    """From Twilio where it can answer alone, else from the index where it knows, else from a scan."""
    client, service_sid = request.app[TWILIO], _service_sid(asked.query)
    if asked.resource is CONVERSATION:
        if asked.ours:
            return await conversations(request, asked, await request.app[SERVICES].resolve(service_sid))
        return await with_activity(request, await from_twilio(client, asked))
    if not asked.ours:
        return await from_twilio(client, asked)
    key = request.match_info.get("conversationSid", "")
    if asked.resource is MESSAGE and SID.fullmatch(key):
        found = await messages(request, asked, key, await request.app[SERVICES].resolve(service_sid))
        if found is not None:
            return found
    return await from_scan(client, asked)


async def _write(
    request: web.Request, resource: Resource, verb: Verb, path: str, query: Body
) -> web.StreamResponse:
    """Writes once, and records who did it and what came of it, refusals included."""
    body = await _body(request, resource, verb)
    await check_length(request, body)
    target = "/".join(request.match_info.values())
    action = f"{resource.name}.{verb}"
    try:
        written = await _send(request, resource, verb, path, body)
    except Problem as problem:
        audit(request, action, target, f"refused {problem.status} {problem.code}")
        raise
    audit(request, action, f"{target}/{written.sid}".lstrip("/") if written and verb == "create" else target)
    event = written_event(resource, verb, written, request.match_info, _service_sid(query))
    await record(request.app, event)
    if written is None:
        return web.Response(status=STATUSES[verb])
    return json_response(written, STATUSES[verb])


async def _body(request: web.Request, resource: Resource, verb: Verb) -> Body | None:
    kind = resource.body(verb)
    if kind is None:
        return None
    body = await read_body(request, kind)
    if verb == "update" and not form_pairs(body):
        raise Problem(400, "The body names nothing to change.")
    return body


async def _send(request: web.Request, resource: Resource, verb: Verb, path: str, body: Body | None) -> View | None:
    """Does the write at Twilio; None for a deletion."""
    client = request.app[TWILIO]
    if verb == "update" and resource.parts:
        assert body is not None  # noqa: S101 - updates have one
        await write_parts(client, path, resource.parts, body)
        return await _fetch(request, resource, path)
    method: Literal["POST", "DELETE"] = "DELETE" if verb == "delete" else "POST"
    form = form_pairs(body) if body is not None else ()
    raw = await client.send(Call(method, path, form=form, fires_webhooks=resource.fires_webhooks))
    return None if verb == "delete" else _view(method, raw, resource)


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
