"""`/svc/{service}/…`: the other services under the console's one origin.

The operator's own session or token goes along, and the other service judges it again; nothing of ours is added.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote_to_bytes

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from conversations_api.forward_socket import forward_socket, is_upgrade, unanswered
from conversations_api.parts import NEIGHBOURS
from shared.config import ServiceUrls
from shared.door import SESSION_COOKIE
from shared.guards import SECURITY_HEADERS
from shared.operators import Role
from shared.problem import Problem
from shared.service import SETTINGS, Handler, add_route
from shared.telemetry import get_logger

SERVICES = ("relay", "intelligence", "analytics", "sandbox")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BODY_BYTES = 10 * 1024 * 1024
CHUNK_WITHIN_S = 15.0
CONNECT_WITHIN_S = 2.0
# Between two pieces of an answer; exports and streams may be quiet for a while.
READ_WITHIN_S = 60.0
COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{1,200}")
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
# Ours to say, or about a connection that is not the caller's. X-Forwarded-* could only mislead.
NOT_SENT = HOP_BY_HOP | {"host", "cookie", "expect", "forwarded", "x-real-ip"}
NOT_RETURNED = HOP_BY_HOP | {"server", "date", "set-cookie", "strict-transport-security", "alt-svc"}
log = get_logger("conversations.forward")


def add_forward_routes(app: web.Application) -> None:
    """Adds the routes of every service that is forwarded to; the service's own roles apply beyond the door."""
    for service in SERVICES:
        for method in METHODS:
            add_route(app, method, f"/svc/{service}/{{tail:.*}}", _handler(service), Role.VIEWER)


def _handler(service: str) -> Handler:
    async def forward(request: web.Request) -> web.StreamResponse:
        target = target_url(request.app[SETTINGS].urls, service, request.rel_url)
        headers = sent_headers(request)
        if is_upgrade(request):
            return await forward_socket(request, target, headers)
        return await _forward_http(request, service, target, headers)

    return forward


def target_url(urls: ServiceUrls, service: str, asked: URL) -> URL:
    """The address at the service, path and query exactly as they were sent. Raises Problem 400.

    Dots, backslashes and control characters are refused however they are written: a path must mean the same to
    us, to the door's rules and to the other service.
    """
    tail = asked.raw_path.removeprefix(f"/svc/{service}")
    decoded = unquote_to_bytes(tail).replace(b"\\", b"/")
    if any(part in {b".", b".."} for part in decoded.split(b"/")) or any(c < 32 or c == 127 for c in decoded):
        raise Problem(400, "This path cannot be forwarded.")
    query = f"?{asked.raw_query_string}" if asked.raw_query_string else ""
    return URL(f"{getattr(urls, service)}{tail}{query}", encoded=True)


def sent_headers(request: web.Request) -> CIMultiDict[str]:
    """The caller's headers for the other service: of the cookies only the session."""
    named = _named_by_connection(request.headers)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in NOT_SENT | named and not lower.startswith(("x-forwarded-", "sec-websocket-")):
            headers.add(name, value)
    cookie = request.cookies.get(SESSION_COOKIE, "")
    if COOKIE_VALUE.fullmatch(cookie):
        headers["Cookie"] = f"{SESSION_COOKIE}={cookie}"
    return headers


def returned_headers(answer: Mapping[str, str], service: str, origin: str) -> CIMultiDict[str]:
    """The service's headers for the caller: its own security policy, ours where it has none."""
    named = _named_by_connection(answer)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in answer.items():
        lower = name.lower()
        if lower not in NOT_RETURNED | named and not lower.startswith("access-control-"):
            headers.add(name, value)
    if "Location" in headers:
        headers["Location"] = _location(headers["Location"], service, origin)
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    return headers


def _location(location: str, service: str, origin: str) -> str:
    """A redirect inside the service, as seen from here; others stay."""
    inside = location.removeprefix(origin)
    if inside.startswith("/") and not inside.startswith("//"):
        return f"/svc/{service}{inside}"
    return location


def _named_by_connection(headers: Mapping[str, str]) -> set[str]:
    return {name.strip().lower() for name in headers.get("Connection", "").split(",")}


async def _forward_http(
    request: web.Request, service: str, target: URL, headers: CIMultiDict[str]
) -> web.StreamResponse:
    if (request.content_length or 0) > BODY_BYTES:
        raise Problem(413, "The body is too large.")
    body = _Body(request)
    try:
        answer = await request.app[NEIGHBOURS].request(
            request.method,
            target,
            headers=headers,
            data=body.chunks() if request.body_exists else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN_S, sock_read=READ_WITHIN_S),
        )
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise body.problem or unanswered(service, error) from error
    async with answer:
        return await _return(request, service, target, answer)


async def _return(
    request: web.Request, service: str, target: URL, answer: aiohttp.ClientResponse
) -> web.StreamResponse:
    """Passes the answer on piece by piece; one that breaks off breaks off for the caller too."""
    headers = returned_headers(answer.headers, service, str(target.origin()))
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        log.warning("forwarded answer broke off", to=service, reason=type(error).__name__)
        if request.transport is not None:  # a clean end would look like the whole answer
            request.transport.abort()
    return response


class _Body:
    """A request body passed on as it arrives, under a size limit and a deadline per piece."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.problem: Problem | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces. Raises OSError, and says why in `problem`, when it is too large or stops arriving."""
        size = 0
        while chunk := await self._next():
            size += len(chunk)
            if size > BODY_BYTES:
                self.problem = Problem(413, "The body is too large.", headers={"Connection": "close"})
                raise OSError("large body")
            yield chunk

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(CHUNK_WITHIN_S):
                return await self._request.content.readany()
        except TimeoutError as error:
            self.problem = Problem(408, "The body stopped arriving.", headers={"Connection": "close"})
            raise OSError("slow body") from error
