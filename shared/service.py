"""The frame of an aiohttp service: routes with access, problem+json errors, sign-in, health, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from shared.config import Settings
from shared.door import PUBLIC, SESSION_COOKIE, Access, Door
from shared.erase_route import DERIVED, TOMBSTONES, EraseRequest, erase_person
from shared.guards import add_security_headers, door_guard, error_guard, facts_of
from shared.journal import Journal, JournalError
from shared.operators import ABSOLUTE_S, Identity, Operators, Role
from shared.problem import Problem
from shared.readiness import Readiness
from shared.records import AuditRecord
from shared.retention import expire_regularly
from shared.service_keys import ACCESS, AUDIT, DOOR, IDENTITY, OPERATORS, READINESS, SETTINGS
from shared.telemetry import get_logger, metrics_page
from shared.tombstones import Tombstones

__all__ = [
    "AUDIT",
    "OPERATORS",
    "READINESS",
    "SETTINGS",
    "add_route",
    "audit",
    "create_service",
    "facts_of",
    "identity",
    "json_response",
    "read_json",
]

BODY_BYTES = 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")
log = get_logger("service")


def create_service(settings: Settings) -> web.Application:
    """An application with the routes every service has; `add_route` adds its own.

    Opens the operators' file and the audit journal at start and closes them at the end.
    """
    app = web.Application(
        middlewares=[error_guard, door_guard],
        client_max_size=BODY_BYTES,
    )
    app.on_response_prepare.append(add_security_headers)
    app[SETTINGS] = settings
    app[READINESS] = Readiness()
    app[ACCESS] = {}
    app[TOMBSTONES] = Tombstones(settings.data_dir)
    app[DERIVED] = []
    app.cleanup_ctx.append(_operators)
    app.cleanup_ctx.append(_audit_journal)
    app.cleanup_ctx.append(_retention)
    add_route(app, "GET", "/healthz", _healthz, PUBLIC)
    add_route(app, "GET", "/readyz", _readyz, PUBLIC)
    add_route(app, "GET", "/metrics", _metrics, PUBLIC)
    add_route(app, "GET", "/api/session", _show_session, PUBLIC)
    add_route(app, "POST", "/api/session", _sign_in, PUBLIC)
    add_route(app, "DELETE", "/api/session", _sign_out, PUBLIC)
    add_route(app, "POST", "/erase", _erase, Role.ADMIN)
    return app


def add_route(app: web.Application, method: str, path: str, handler: Handler, access: Access) -> web.AbstractRoute:
    """Adds a route together with who may use it; a route added any other way is refused."""
    route = app.router.add_route(method, path, handler)
    app[ACCESS][route] = access
    return route


def identity(request: web.Request) -> Identity:
    """The operator behind a request. Raises Problem 401 on a route that admits anyone."""
    if IDENTITY not in request:
        raise Problem(401, "Sign in first: this needs an operator's token or session.", code=40100)
    return request[IDENTITY]


def json_response(value: Any, status: int = 200) -> web.Response:
    """`value` as JSON; Structs, datetimes and dataclasses are encoded by msgspec."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


async def read_json(request: web.Request, type_: type[T]) -> T:
    """The body as `type_`. Raises Problem 400 naming the field at fault, 413 or 415."""
    if request.content_type != "application/json":
        raise Problem(415, "Send the body as application/json.", code=41500)
    try:
        return msgspec.json.decode(await request.read(), type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body cannot be used: {error}.", code=40000) from error


def audit(
    request: web.Request, action: str, target: str = "", outcome: str = "ok", actor: Identity | None = None
) -> None:
    """Writes who did what; a full or broken journal is logged and does not undo what was done."""
    who = actor or request.get(IDENTITY)
    record = AuditRecord(
        actor=who.name if who else "",
        role=who.role.name.lower() if who else "",
        action=action,
        target=target,
        outcome=outcome,
        address=request.remote or "",
    )
    try:
        written = request.app[AUDIT].append(record)
    except JournalError:
        log.warning("audit record not written", action=action)
    else:
        written.add_done_callback(lambda done: _report(done, action))


def _report(done: Future[None], action: str) -> None:
    if (error := done.exception()) is not None:
        log.warning("audit record not written", action=action, reason=str(error))


# ---- parts every service has ----


async def _operators(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    operators = Operators(settings.data_dir, settings.session_secret, settings.operator_token)
    app[OPERATORS] = operators
    app[DOOR] = Door(settings, operators)
    yield
    operators.close()


async def _audit_journal(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    owner = settings.service == "conversations_api"
    journal = Journal.open(settings.data_dir, "audit", None if owner else settings.service)
    app[AUDIT] = journal
    app[READINESS].watch(journal)
    yield
    journal.close()


async def _retention(app: web.Application) -> AsyncIterator[None]:
    """Removes sealed segments that are older than RETENTION_DAYS, of the journals this service writes."""
    settings = app[SETTINGS]
    work = expire_regularly(settings.data_dir, settings.retention_days, lambda: app[READINESS].journals)
    task = asyncio.create_task(work)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _erase(request: web.Request) -> web.Response:
    asked = await read_json(request, EraseRequest)
    report = await erase_person(request, asked)
    if not asked.search:
        audit(request, "erased", outcome=f"{sum(report.removed.values())} removed")
    return json_response(report)


async def _healthz(request: web.Request) -> web.Response:
    return json_response({"service": request.app[SETTINGS].service, "status": "alive"})


async def _readyz(request: web.Request) -> web.Response:
    reasons = request.app[READINESS].reasons()
    body = {"service": request.app[SETTINGS].service, "ready": not reasons, "reasons": reasons}
    return json_response(body, status=503 if reasons else 200)


async def _metrics(_: web.Request) -> web.Response:
    body, content_type = metrics_page()
    return web.Response(body=body, headers={"Content-Type": content_type})


class Token(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a sign-in."""

    token: str


async def _show_session(request: web.Request) -> web.Response:
    known = request.app[OPERATORS].identify(
        request.headers.get("Authorization"), request.cookies.get(SESSION_COOKIE)
    )
    if known is None:
        raise Problem(401, "Nobody is signed in.", code=40100)
    return json_response({"name": known.name, "role": known.role.name.lower()})


async def _sign_in(request: web.Request) -> web.Response:
    request.app[DOOR].check_site(facts_of(request))
    body = await read_json(request, Token)
    try:
        cookie, known = request.app[OPERATORS].sign_in(body.token, request.remote or "")
    except Problem:
        audit(request, "sign_in", outcome="refused")
        raise
    audit(request, "sign_in", actor=known)
    response = json_response({"name": known.name, "role": known.role.name.lower()})
    response.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=ABSOLUTE_S,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=request.app[SETTINGS].public_url.startswith("https://"),
    )
    return response


async def _sign_out(request: web.Request) -> web.Response:
    request.app[DOOR].check_site(facts_of(request))
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie:
        known = request.app[OPERATORS].identify(None, cookie)
        request.app[OPERATORS].sign_out(cookie)
        audit(request, "sign_out", actor=known)
    response = web.Response(status=204)
    response.del_cookie(SESSION_COOKIE, path="/")
    return response
