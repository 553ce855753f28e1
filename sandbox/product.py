"""What every product of the sandbox shares: it remembers requests, lets faults happen, checks credentials."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from sandbox.faults import Fault, FaultBook
from sandbox.request_log import RequestLog

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FAULT = web.RequestKey("fault", Fault)


class Refusal(Exception):
    """An error answer in the product's own shape."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        return json_answer(self.body, self.status, self.headers)


@dataclass(frozen=True, slots=True)
class Product:
    """One of the accounts that the sandbox plays.

    `authenticate` raises Refusal for wrong credentials; `failure` makes the product's error for a status.
    """

    name: str
    authenticate: Callable[[web.Request], None]
    failure: Callable[[int], Refusal]


class FrontDesk:
    """Stands before every product's handlers: log, fault, credentials, handler, error shape."""

    def __init__(self, faults: FaultBook, log: RequestLog) -> None:
        self._faults = faults
        self._log = log

    def guard(self, product: Product, handler: Handler) -> Handler:
        """The handler as it is put into the router."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            await self._log.note(product.name, request)
            fault = self._faults.take(product.name, request.path, request.method)
            try:
                await _let_happen(fault, product, request)
                product.authenticate(request)
                response = await handler(request)
            except Refusal as refusal:
                response = refusal.response()
            if fault is not None and fault.cut_after_bytes is not None and isinstance(response, web.Response):
                return await _send_cut(request, response, fault.cut_after_bytes)
            return response

        return guarded


async def _let_happen(fault: Fault | None, product: Product, request: web.Request) -> None:
    if fault is None:
        return
    await asyncio.sleep(fault.delay_ms / 1000)
    if fault.status is not None:
        refusal = product.failure(fault.status)
        refusal.headers.update(fault.headers)
        raise refusal
    request[FAULT] = fault


async def _send_cut(request: web.Request, response: web.Response, size_bytes: int) -> web.StreamResponse:
    """Promises the whole body, sends its beginning and drops the connection."""
    body = response.body if isinstance(response.body, bytes) else b""
    cut = web.StreamResponse(status=response.status, headers=response.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[:size_bytes])
    drop_connection(request)
    return cut


def drop_connection(request: web.Request) -> None:
    """Cuts the connection without a goodbye, as a broken network does."""
    if request.transport is not None:
        request.transport.abort()


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def has_basic(request: web.Request, user: str, password: str) -> bool:
    """True when the request carries exactly these Basic credentials (compared in constant time)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, f"{user}:{password}".encode())


def has_bearer(request: web.Request, token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
