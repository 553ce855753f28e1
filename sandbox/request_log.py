"""What the sandbox was asked, so that a test or a developer can look at it afterwards."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import msgspec
from aiohttp import web

from sandbox.sids import now_text

KEPT = 200
# Credentials are never kept.
SHOWN_HEADERS = ("Content-Type", "User-Agent", "X-Twilio-Webhook-Enabled", "Idempotency-Key")

UNREAD = {"mcs"}  # a file is not read here: it may be large, and is not JSON because it says so


class SeenRequest(msgspec.Struct, frozen=True):
    """One request: form fields as a mapping, JSON as it was, anything else as None."""

    at: str
    product: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class RequestLog:
    """The last requests to the products, newest last."""

    def __init__(self, kept: int = KEPT) -> None:
        self._seen: deque[SeenRequest] = deque(maxlen=kept)
        self._counts: Counter[str] = Counter()

    async def note(self, product: str, request: web.Request) -> None:
        self._counts[product] += 1
        headers = {name: request.headers[name] for name in SHOWN_HEADERS if name in request.headers}
        self._seen.append(
            SeenRequest(
                at=now_text(),
                product=product,
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers=headers,
                body=None if product in UNREAD else await _readable_body(request),
            )
        )

    def last(self, product: str | None, limit: int) -> list[SeenRequest]:
        """The newest `limit` requests (of one product), oldest first."""
        chosen = [seen for seen in self._seen if product in (None, seen.product)]
        return chosen[-limit:] if limit else []

    def counts(self) -> dict[str, int]:
        """How many requests each product has seen since the last clear; more than are kept."""
        return dict(self._counts)

    def clear(self) -> None:
        self._seen.clear()
        self._counts.clear()


async def _readable_body(request: web.Request) -> Any:
    if request.content_type == "application/x-www-form-urlencoded":
        form = await request.post()
        return {name: form.getall(name) if len(form.getall(name)) > 1 else form[name] for name in form}
    if request.content_type != "application/json":
        return None
    try:
        return msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        return None
