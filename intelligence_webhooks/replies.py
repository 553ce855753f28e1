"""Answers and bodies of the Flask side: JSON by msgspec, problems, audit records."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from flask import Request, Response, g

from intelligence_webhooks.store import Store
from shared.door import SESSION_COOKIE, Facts
from shared.journal import JournalError
from shared.operators import Identity
from shared.problem import CONTENT_TYPE, Problem
from shared.records import AuditRecord
from shared.telemetry import get_logger

T = TypeVar("T")
log = get_logger("http")


def json_reply(value: Any, status: int = 200) -> Response:
    """`value` as JSON; Structs, datetimes and dataclasses are encoded by msgspec."""
    return Response(msgspec.json.encode(value), status=status, content_type="application/json")


def problem_reply(problem: Problem) -> Response:
    """The problem as an HTTP answer."""
    return Response(
        problem.body(), status=problem.status, content_type=CONTENT_TYPE, headers=list(problem.headers.items())
    )


def read_json(request: Request, type_: type[T]) -> T:
    """The body as `type_`. Raises Problem 400 naming the field at fault, or 415."""
    if request.mimetype != "application/json":
        raise Problem(415, "Send the body as application/json.", code=41500)
    try:
        return msgspec.json.decode(request.get_data(), type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, f"The body cannot be used: {error}.", code=40000) from error


def facts_of(request: Request) -> Facts:
    """What the door looks at in a request."""
    return Facts(
        method=request.method,
        path=request.path,
        address=request.remote_addr or "",
        authorization=request.headers.get("Authorization"),
        cookie=request.cookies.get(SESSION_COOKIE),
        origin=request.headers.get("Origin"),
        content_type=request.headers.get("Content-Type"),
        has_body=bool(request.content_length) or "Transfer-Encoding" in request.headers,
    )


def audit(
    store: Store,
    request: Request,
    action: str,
    target: str = "",
    outcome: str = "ok",
    actor: Identity | None = None,
) -> None:
    """Writes who did what; a full or broken journal is logged and does not undo what was done."""
    who: Identity | None = actor or g.get("identity")
    record = AuditRecord(
        actor=who.name if who else "",
        role=who.role.name.lower() if who else "",
        action=action,
        target=target,
        outcome=outcome,
        address=request.remote_addr or "",
    )
    try:
        store.audit.append(record)
    except JournalError:
        log.warning("audit record not written", action=action)
