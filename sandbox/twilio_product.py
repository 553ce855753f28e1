"""Twilio's way of answering: Basic credentials, error documents, lists with pages."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from sandbox.product import Product, Refusal, has_basic
from sandbox.store import Condition, Document, Store
from shared.config import TwilioAccount

CODES = {400: 20001, 401: 20003, 403: 20403, 404: 20404, 405: 20004, 429: 20429, 503: 20503}
TOKEN = re.compile(r"(after|before):(\d+)")


def twilio_error(status: int, code: int, message: str) -> Refusal:
    """A refusal in Twilio's JSON shape."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return Refusal(status, {"code": code, "message": message, "more_info": more_info, "status": status})


def not_found(request: web.Request) -> Refusal:
    return twilio_error(404, 20404, f"The requested resource {request.path} was not found")


def twilio_product(name: str, account: TwilioAccount) -> Product:
    """A Twilio product whose only credentials are the account's SID and token."""

    def authenticate(request: web.Request) -> None:
        if not has_basic(request, account.account_sid, account.auth_token):
            raise twilio_error(401, 20003, "Authenticate")

    return Product(name, authenticate, _failure)


def open_product(name: str) -> Product:
    """The part of a Twilio product that needs no credentials: its addresses are signed."""
    return Product(name, lambda _: None, _failure)


def _failure(status: int) -> Refusal:
    return twilio_error(status, CODES.get(status, 20500), f"The sandbox was told to answer {status}")


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How many records a list gives when not asked, and at most."""

    default: int = 50
    largest: int = 100


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list is made of."""

    kind: str
    scope: str | None
    key: str
    conditions: Sequence[Condition] = ()
    descending: bool = False
    limits: PageLimits = PageLimits()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of documents and its `meta` part."""

    documents: list[Document]
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a page begins: beyond a position, walking with the list's order or against it."""

    position: int | None = None
    backwards: bool = False


def read_page(store: Store, listing: Listing, request: web.Request) -> Page:
    """The page that the request's PageSize, Page and PageToken name. Raises Refusal for bad ones.

    A token names the record at the edge of the page before or after, so that pages neither repeat nor
    skip records when others are added or deleted meanwhile.
    """
    size = _whole_number(request, "PageSize", listing.limits.default)
    if not 1 <= size <= listing.limits.largest:
        raise twilio_error(400, 20001, f"PageSize must be between 1 and {listing.limits.largest}")
    number = _whole_number(request, "Page", 0)
    cursor = _cursor(request, number)
    found = store.select(
        listing.kind,
        listing.scope,
        listing.conditions,
        after=cursor.position,
        descending=listing.descending != cursor.backwards,
        limit=size + 1,
    )
    more, found = len(found) > size, found[:size]
    if cursor.backwards:
        found.reverse()
    later = found[-1].position if found and (more or cursor.backwards) else None
    earlier_exists = number > 0 and found and (more or not cursor.backwards)
    earlier = found[0].position if earlier_exists else None
    meta = _meta(request, listing.key, size, number, later, earlier)
    return Page([stored.body for stored in found], meta)


def _cursor(request: web.Request, number: int) -> _Cursor:
    token = request.query.get("PageToken")
    if token is None:
        if number > 0:
            raise twilio_error(400, 20001, "Paged requests must include a PageToken")
        return _Cursor()
    match = TOKEN.fullmatch(_decoded(token))
    if match is None:
        raise twilio_error(400, 21481, "Invalid PageToken")
    return _Cursor(int(match[2]), match[1] == "before")


def _meta(
    request: web.Request, key: str, size: int, number: int, later: int | None, earlier: int | None
) -> dict[str, Any]:
    kept = {name: request.query.getall(name) for name in request.query if not name.startswith("Page")}
    base = base_url(request) + request.path

    def url(page: int, token: str | None) -> str:
        query = {**kept, "PageSize": size, "Page": page, **({"PageToken": token} if token else {})}
        return f"{base}?{urlencode(query, doseq=True)}"

    return {
        "page": number,
        "page_size": size,
        "first_page_url": url(0, None),
        "previous_page_url": url(number - 1, _encoded(f"before:{earlier}")) if earlier is not None else None,
        "url": url(number, request.query.get("PageToken")),
        "next_page_url": url(number + 1, _encoded(f"after:{later}")) if later is not None else None,
        "key": key,
    }


def base_url(request: web.Request) -> str:
    """The origin as the client wrote it, so that it can follow the URLs in our answers."""
    return f"{request.scheme}://{request.host}"


def _whole_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise twilio_error(400, 20001, f"{name} must be a whole number")
    return int(text)


def _encoded(text: str) -> str:
    return "PT" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(token: str) -> str:
    """The text of a page token; empty for anything that is not one of ours."""
    encoded = token.removeprefix("PT")
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""


def query_conditions(query: Mapping[str, str], conditions: Mapping[str, Condition]) -> list[Condition]:
    """The conditions whose parameter is in the query, with the value given there."""
    return [
        Condition(condition.field, condition.comparison, query[name])
        for name, condition in conditions.items()
        if query.get(name)
    ]
