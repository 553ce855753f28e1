"""Configuration documents: those of a service come and go with it, those of the account are `/api/account`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import web

from conversations_api import account_views
from conversations_api.account_bodies import AccountUpdate
from conversations_api.bodies import Body
from conversations_api.parts import SERVICES, TWILIO
from conversations_api.queries import Nothing, parse_query
from conversations_api.reading import read_body
from conversations_api.refusals import unreadable
from conversations_api.resources import ACCOUNT_PARTS, Part
from conversations_api.routes import Route
from conversations_api.upstream import Call, TwilioClient
from conversations_api.wire import Unreadable, form_pairs, view
from shared.operators import Role
from shared.problem import Problem
from shared.service import audit, json_response

ACCOUNT_BASE = "v1"


async def read_parts(
    client: TwilioClient, base: str, parts: Sequence[Part], *, optional: bool = False
) -> dict[str, account_views.Part | None]:
    """The documents by name. `optional`: one that Twilio does not know is None and no Problem 404."""
    found = await asyncio.gather(*(_read(client, base, part, optional) for part in parts))
    return {part.name: document for part, document in zip(parts, found, strict=True)}


async def write_parts(client: TwilioClient, base: str, parts: Sequence[Part], body: Body) -> None:
    """Writes the documents the body names, one after the other: Twilio has no way to change them together."""
    for part in parts:
        change = getattr(body, part.name)
        if isinstance(change, Body) and (form := form_pairs(change)):
            await client.send(Call("POST", f"{base}/{part.upstream}", form=form))


async def _read(client: TwilioClient, base: str, part: Part, optional: bool) -> account_views.Part | None:
    try:
        raw = await client.send(Call("GET", f"{base}/{part.upstream}"))
        return view(raw, part.view)
    except Problem as problem:
        if optional and problem.status == 404:
            return None
        raise
    except Unreadable as error:
        raise unreadable("GET") from error


async def _fetch_account(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    return json_response(await _account(request))


async def _update_account(request: web.Request) -> web.Response:
    parse_query(request.query, Nothing)
    body = await read_body(request, AccountUpdate)
    if not form_pairs(body):
        raise Problem(400, "The body names nothing to change.")
    try:
        await write_parts(request.app[TWILIO], ACCOUNT_BASE, ACCOUNT_PARTS, body)
    except Problem as problem:
        audit(request, "account.update", outcome=f"refused {problem.status} {problem.code}")
        raise
    request.app[SERVICES].forget()
    audit(request, "account.update")
    return json_response(await _account(request))


async def _account(request: web.Request) -> account_views.Account:
    documents = await read_parts(request.app[TWILIO], ACCOUNT_BASE, ACCOUNT_PARTS)
    return account_views.Account(**documents)  # type: ignore[arg-type]


ROUTES = (
    Route(
        "GET",
        "/api/account",
        _fetch_account,
        Role.VIEWER,
        "Read the account's configuration",
        "account",
        answer=account_views.Account,
    ),
    Route(
        "PUT",
        "/api/account",
        _update_account,
        Role.ADMIN,
        "Change the account's configuration",
        "account",
        answer=account_views.Account,
        body=AccountUpdate,
    ),
)
