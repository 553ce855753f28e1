"""The routes that every service has: health, metrics, sign-in."""

from __future__ import annotations

import msgspec
from flask import Request, Response

from intelligence_webhooks.replies import audit, facts_of, json_reply, read_json
from intelligence_webhooks.store import Store
from shared.door import SESSION_COOKIE
from shared.operators import ABSOLUTE_S, Identity
from shared.problem import Problem
from shared.telemetry import metrics_page


class Token(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a sign-in."""

    token: str


def healthz(store: Store, _: Request) -> Response:
    return json_reply({"service": store.settings.service, "status": "alive"})


def readyz(store: Store, _: Request) -> Response:
    reasons = store.readiness.reasons()
    body = {"service": store.settings.service, "ready": not reasons, "reasons": reasons}
    return json_reply(body, status=503 if reasons else 200)


def metrics(_: Store, __: Request) -> Response:
    page, content_type = metrics_page()
    return Response(page, content_type=content_type)


def show_session(store: Store, request: Request) -> Response:
    known = store.operators.identify(request.headers.get("Authorization"), request.cookies.get(SESSION_COOKIE))
    if known is None:
        raise Problem(401, "Nobody is signed in.", code=40100)
    return json_reply(_shown(known))


def sign_in(store: Store, request: Request) -> Response:
    store.door.check_site(facts_of(request))
    token = read_json(request, Token).token
    try:
        cookie, known = store.operators.sign_in(token, request.remote_addr or "")
    except Problem:
        audit(store, request, "sign_in", outcome="refused")
        raise
    audit(store, request, "sign_in", actor=known)
    response = json_reply(_shown(known))
    response.set_cookie(
        SESSION_COOKIE,
        cookie,
        max_age=ABSOLUTE_S,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=store.settings.public_url.startswith("https://"),
    )
    return response


def sign_out(store: Store, request: Request) -> Response:
    store.door.check_site(facts_of(request))
    cookie = request.cookies.get(SESSION_COOKIE)
    if cookie:
        known = store.operators.identify(None, cookie)
        store.operators.sign_out(cookie)
        audit(store, request, "sign_out", actor=known)
    response = Response(status=204)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def _shown(known: Identity) -> dict[str, str]:
    return {"name": known.name, "role": known.role.name.lower()}
