"""`/api/bulk`: one change to many conversations, a selection of them or a whole filter, as a job.

Closing and deleting are final. The first request for one only says how many it would hit, and hands out a
confirmation that names the number; the job starts when that comes back and is still true.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from conversations_api.bodies import Body, ConversationWrite, ParticipantCreate
from conversations_api.bulk_store import Action, BulkStore, Item, Job, Status
from conversations_api.cursor import own_cursor, own_position
from conversations_api.faults import Fault, refuse
from conversations_api.index_lists import selection_of
from conversations_api.index_search import sids_of
from conversations_api.index_status import freshness
from conversations_api.parts import BULK, INDEX, RUNNER, SERVICES
from conversations_api.queries import ConversationFilter, Nothing, Paging, ServiceSid, given, parse_query
from conversations_api.reading import read_body
from conversations_api.routes import Route
from conversations_api.wire import form_pairs
from shared.operators import Role
from shared.problem import Problem
from shared.service import SETTINGS, audit, identity, json_response

MOST_ITEMS = 100_000
FINAL = {"close", "delete"}
PROOF_CHARS = 12
Tag = Annotated[str, Meta(pattern=r"^\S(.{0,62}\S)?$")]
ConversationSid = Annotated[str, Meta(pattern="^CH[0-9a-fA-F]{32}$")]


class BulkRequest(Body, kw_only=True):
    """What to do to which conversations: those named in `sids`, or all that a filter finds."""

    action: Action
    service_sid: ServiceSid | UnsetType = UNSET
    sids: Annotated[list[ConversationSid], Meta(min_length=1, max_length=1000)] | UnsetType = UNSET
    filter: ConversationFilter | UnsetType = UNSET
    change: ConversationWrite | UnsetType = UNSET
    participant: ParticipantCreate | UnsetType = UNSET
    tags: Annotated[list[Tag], Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    confirmation: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET


class ItemList(Paging):
    """Items of a job."""

    status: Status | UnsetType = UNSET


class JobPage(msgspec.Struct, kw_only=True, rename="camel"):
    """Jobs, the newest first."""

    items: list[Job]
    next_cursor: str | None = None
    total: int


class ItemPage(msgspec.Struct, kw_only=True, rename="camel"):
    """What came of each conversation of a job."""

    items: list[Item]
    next_cursor: str | None = None


async def _create(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    body = await read_body(request, BulkRequest)
    who = identity(request)
    if body.action == "delete" and who.role < Role.SUPERVISOR:
        raise Problem(403, "Deleting conversations needs the role supervisor.", code=40300)
    form = _form(body)
    service_sid = await request.app[SERVICES].resolve(body.service_sid)
    sids = await _selected(request, body, service_sid)
    if body.action in FINAL:
        _confirm(request, body, service_sid, sids)
    by = (who.name, who.role.name.lower())
    key = await asyncio.to_thread(request.app[BULK].add, body.action, service_sid, form, sids, by)
    audit(request, f"bulk.{body.action}", key, f"ok {len(sids)} conversations")
    request.app[RUNNER].wake()
    return json_response(await _job(request.app[BULK], key), status=202)


def _form(body: BulkRequest) -> list[tuple[str, str]]:
    """The write of every item. Raises Problem 400 for what does not belong together."""
    faults = []
    if isinstance(body.sids, UnsetType) == isinstance(body.filter, UnsetType):
        faults.append(Fault("", "has either `sids` or `filter`"))
    for name, action in (("change", "update"), ("participant", "addParticipant"), ("tags", "tag")):
        present = not isinstance(getattr(body, name), UnsetType)
        if present != (body.action == action):
            faults.append(Fault(name, f"belongs to the action {action}" if present else "is missing"))
    if faults:
        raise refuse(faults, "body")
    if body.action == "close":
        return [("State", "closed")]
    if isinstance(body.tags, list):
        return [("Tag", tag) for tag in dict.fromkeys(body.tags)]
    change = body.change if isinstance(body.change, Body) else body.participant
    pairs = form_pairs(change) if isinstance(change, Body) else []
    if body.action == "update" and not pairs:
        raise refuse([Fault("change", "names nothing to change")], "body")
    return pairs


async def _selected(request: web.Request, body: BulkRequest, service_sid: str) -> list[str]:
    """The sids meant, each once. Raises Problem 400 for none or too many, 409 while a filter would miss some."""
    if isinstance(body.sids, list):
        return list(dict.fromkeys(body.sids))
    assert isinstance(body.filter, ConversationFilter)  # noqa: S101 - _form has refused otherwise
    index, selection = request.app[INDEX], selection_of(service_sid, given(body.filter))
    if not (await index.read(freshness)).complete:
        raise Problem(409, "The index is still being filled, so a filter would miss some.", code=40911)
    await index.settled()
    found = await index.read(lambda db: sids_of(db, selection, MOST_ITEMS + 1))
    if not found:
        raise Problem(400, "The filter finds no conversation.")
    if len(found) > MOST_ITEMS:
        raise Problem(400, f"The filter finds more than {MOST_ITEMS} conversations.")
    return found


def _confirm(request: web.Request, body: BulkRequest, service_sid: str, sids: list[str]) -> None:
    """Raises Problem 409 with the confirmation unless it was given; it holds for these conversations only."""
    parts = "\n".join([body.action, service_sid, identity(request).name, *sorted(sids)])
    key = request.app[SETTINGS].session_secret.encode()
    proof = hmac.new(key, parts.encode(), hashlib.sha256).hexdigest()[:PROOF_CHARS]
    expected = f"{body.action}-{len(sids)}-{proof}"
    given_text = body.confirmation if isinstance(body.confirmation, str) else ""
    if hmac.compare_digest(given_text.encode(), expected.encode()):
        return
    count = f"{len(sids)} conversation{'s' if len(sids) != 1 else ''}"
    changed = " They are not the ones confirmed before." if given_text else ""
    detail = f"This would {body.action} {count}, for good.{changed} Send it again with `confirmation`."
    raise Problem(409, detail, code=40910, more={"count": len(sids), "confirmation": expected})


async def _list(request: web.Request) -> web.Response:
    query = parse_query(request.query, Paging)
    jobs = await asyncio.to_thread(request.app[BULK].jobs)
    start = own_position(query.cursor, "bulk", (), int)[0] if isinstance(query.cursor, str) else 0
    end = start + query.limit
    cursor = own_cursor([end], "bulk", ()) if end < len(jobs) else None
    return json_response(JobPage(items=jobs[start:end], next_cursor=cursor, total=len(jobs)))


async def _fetch(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    return json_response(await _job(request.app[BULK], request.match_info["jobId"]))


async def _items(request: web.Request) -> web.Response:
    query = parse_query(request.query, ItemList)
    store, key = request.app[BULK], request.match_info["jobId"]
    await _job(store, key)
    status = query.status if isinstance(query.status, str) else None
    after = own_position(query.cursor, key, (), int)[0] if isinstance(query.cursor, str) else 0
    found = await asyncio.to_thread(store.items, key, status, after - 1, query.limit + 1)
    shown = found[: query.limit]
    more = len(found) > query.limit
    return json_response(
        ItemPage(items=shown, next_cursor=own_cursor([shown[-1].number + 1], key, ()) if more else None)
    )


async def _cancel(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    store, key = request.app[BULK], request.match_info["jobId"]
    await _job(store, key)
    if not await asyncio.to_thread(store.finish, key, "cancelled"):
        raise Problem(409, "The job is over.", code=40912)
    audit(request, "bulk.cancel", key)
    await request.app[RUNNER].tell(key)
    return web.Response(status=204)


async def _job(store: BulkStore, key: str) -> Job:
    found = await asyncio.to_thread(store.job, key)
    if found is None:
        raise Problem(404, "There is no such job, or it is long over.", code=20404)
    return found


_PATH = "/api/bulk/{jobId}"
ROUTES = (
    Route(
        "POST",
        "/api/bulk",
        _create,
        Role.AGENT,
        "Change many conversations",
        "bulk",
        status=202,
        answer=Job,
        body=BulkRequest,
    ),
    Route("GET", "/api/bulk", _list, Role.VIEWER, "List the jobs", "bulk", answer=JobPage, query=Paging),
    Route("GET", _PATH, _fetch, Role.VIEWER, "How far a job is", "bulk", answer=Job),
    Route(
        "GET",
        f"{_PATH}/items",
        _items,
        Role.VIEWER,
        "What came of each conversation",
        "bulk",
        answer=ItemPage,
        query=ItemList,
    ),
    Route("DELETE", _PATH, _cancel, Role.AGENT, "Stop a job", "bulk", status=204),
)
