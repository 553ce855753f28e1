"""Middlewares of every aiohttp service: security headers, problem+json errors with metrics, the door."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from shared.door import SESSION_COOKIE, Facts, Open
from shared.problem import CONTENT_TYPE, Problem
from shared.service_keys import ACCESS, DOOR, IDENTITY, SETTINGS
from shared.telemetry import REQUEST_SECONDS, REQUESTS, get_logger

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = get_logger("http")

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the security headers a handler has not set itself; as a signal it reaches streams and redirects too."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.app[SETTINGS].public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


@web.middleware
async def error_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into problem+json, counts the request and logs what was not expected."""
    started = time.perf_counter()
    try:
        response = await handler(request)
    except Problem as problem:
        response = problem_response(problem)
    except web.HTTPException as answer:
        if answer.status < 400:  # a redirect
            _measure(request, answer.status, time.perf_counter() - started)
            raise
        response = problem_response(_from_http(answer))
    except Exception:  # the outermost shell of a request: logged, answered, let go
        log.exception("request failed", method=request.method, path=request.path)
        response = problem_response(Problem(500, "Something went wrong here. It has been logged."))
    _measure(request, response.status, time.perf_counter() - started)
    if request.writer.output_size and not response.prepared and request.transport is not None:
        request.transport.close()  # a stream or socket that broke: an answer would land in the middle of it
    return response


@web.middleware
async def door_guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Admits a request by the access its route was added with; a route without access is refused."""
    route = request.match_info.route
    known = request.app[ACCESS].get(route)
    if request.match_info.http_exception is not None or (known is None and route.method == "OPTIONS"):
        return await handler(request)  # nothing is done there but to answer 404, 405 or a preflight
    if known is None:
        raise Problem(403, "This route has no access rule.", code=40302)
    if not isinstance(known, Open):
        identity = request.app[DOOR].admit(known, facts_of(request))
        if identity is not None:
            request[IDENTITY] = identity
    return await handler(request)


def facts_of(request: web.Request) -> Facts:
    """What the door looks at in a request."""
    return Facts(
        method=request.method,
        path=request.path,
        address=request.remote or "",
        authorization=request.headers.get("Authorization"),
        cookie=request.cookies.get(SESSION_COOKIE),
        origin=request.headers.get("Origin"),
        content_type=request.headers.get("Content-Type"),
        has_body=request.body_exists,
        is_websocket=request.headers.get("Upgrade", "").lower() == "websocket",
    )


def problem_response(problem: Problem) -> web.Response:
    """The problem as an HTTP answer."""
    return web.Response(
        body=problem.body(), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )


def _from_http(refusal: web.HTTPException) -> Problem:
    sentences = {
        404: "There is nothing at this address.",
        405: "This address does not take that method.",
        413: "The body is too large.",
    }
    headers = {name: value for name, value in refusal.headers.items() if name in {"Allow", "Retry-After"}}
    detail = sentences.get(refusal.status, refusal.reason or "The request was refused.")
    return Problem(refusal.status, detail, headers=headers)


def _measure(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    service = request.app[SETTINGS].service
    method = request.method if request.method in METHODS and route != "none" else "any"
    REQUESTS.labels(service, method, route, str(status)).inc()
    REQUEST_SECONDS.labels(service, route).observe(seconds)
