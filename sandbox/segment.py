"""Segment's Profile API over a small file of fictional customers."""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from sandbox.product import Handler, Product, Refusal, has_basic, json_answer
from sandbox.sids import derived_sid
from shared.config import SegmentSettings

PREFIX = "/segment/v1/spaces/{space}/collections/users/profiles/{profile}"
KINDS = {400: "validation_error", 401: "authentication_error", 404: "not_found", 429: "rate_limit_error"}
TRAITS_LIMIT, TRAITS_LARGEST = 20, 200
LIST_LIMIT, LIST_LARGEST = 10, 100
MADE_AT = "2026-01-05T09:00:00.000Z"
T = TypeVar("T")


class Customer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One profile: its external ids by type, its traits, its events newest first."""

    ids: dict[str, str]
    traits: dict[str, str | int | float | bool]
    events: list[dict[str, Any]] = []


@cache
def customers() -> list[Customer]:
    """The seeded customers, all fictional."""
    text = resources.files("sandbox").joinpath("customers.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["customers"], list[Customer])


def segment_error(status: int, message: str) -> Refusal:
    """A refusal in Segment's JSON shape."""
    code = KINDS.get(status, "internal_error")
    headers = {"Request-Id": secrets.token_hex(8)}
    return Refusal(status, {"error": {"code": code, "message": message}}, headers)


def segment_not_found(_: web.Request) -> Refusal:
    return segment_error(404, "Not found.")


def segment_product(settings: SegmentSettings) -> Product:
    """The Profile API, whose access secret is the Basic user name with an empty password."""

    def authenticate(request: web.Request) -> None:
        if not has_basic(request, settings.access_secret, ""):
            raise segment_error(401, "The access token is not valid.")

    def failure(status: int) -> Refusal:
        return segment_error(status, f"The sandbox was told to answer {status}.")

    return Product("segment", authenticate, failure)


class SegmentApi:
    """Profiles by `id_type:id`, such as `phone:+15555550101`."""

    def __init__(self, space_id: str) -> None:
        self._space_id = space_id

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "GET", f"{PREFIX}/traits", self.traits
        yield "GET", f"{PREFIX}/external_ids", self.external_ids
        yield "GET", f"{PREFIX}/events", self.events
        yield "GET", f"{PREFIX}/metadata", self.metadata

    async def traits(self, request: web.Request) -> web.Response:
        customer = self._customer(request)
        wanted = {name for name in request.query.get("include", "").split(",") if name}
        chosen = [(name, value) for name, value in customer.traits.items() if not wanted or name in wanted]
        page, following = _window(request, chosen, TRAITS_LIMIT, TRAITS_LARGEST)
        if request.query.get("verbose") == "true":
            shown: dict[str, Any] = {
                name: {"value": value, "source_id": "sandbox", "updated_at": MADE_AT} for name, value in page
            }
        else:
            shown = dict(page)
        return _answer({"traits": shown, "cursor": _cursor(request, following)})

    async def external_ids(self, request: web.Request) -> web.Response:
        customer = self._customer(request)
        page, following = _window(request, list(customer.ids.items()), LIST_LIMIT, LIST_LARGEST)
        data = [
            {
                "source_id": "sandbox",
                "collection": "users",
                "id": value,
                "type": kind,
                "created_at": MADE_AT,
                "encoding": "none",
                "first_message_id": derived_sid("ajs-", kind, value),
            }
            for kind, value in page
        ]
        return _answer({"data": data, "cursor": _cursor(request, following)})

    async def events(self, request: web.Request) -> web.Response:
        customer = self._customer(request)
        found = list(customer.events)
        for name, keeps in (("include", True), ("exclude", False)):
            names = {part for part in request.query.get(name, "").split(",") if part}
            if names:
                found = [event for event in found if (event["event"] in names) == keeps]
        page, following = _window(request, found, LIST_LIMIT, LIST_LARGEST)
        data = [_event(customer, event) for event in page]
        return _answer({"data": data, "cursor": _cursor(request, following)})

    async def metadata(self, request: web.Request) -> web.Response:
        self._customer(request)
        return _answer({"metadata": {"created_at": MADE_AT, "updated_at": MADE_AT, "expires_at": None}})

    def _customer(self, request: web.Request) -> Customer:
        if request.match_info["space"] != self._space_id:
            raise segment_error(404, "Space was not found.")
        kind, colon, value = request.match_info["profile"].partition(":")
        if not colon or not kind.replace("_", "").isalnum():
            raise segment_error(400, "The parameter `profile` must be written as `id_type:id`")
        for customer in customers():
            if customer.ids.get(kind) == value:
                return customer
        raise segment_error(404, "Profile was not found.")


def _window(request: web.Request, items: list[T], usual: int, largest: int) -> tuple[list[T], int | None]:
    """The page that `limit` and `next` name, and where the following one begins."""
    limit = _whole_number(request, "limit", usual)
    start = _whole_number(request, "next", 0)
    if not 1 <= limit <= largest:
        raise segment_error(400, f"The parameter `limit` must be between 1 and {largest}")
    end = start + limit
    return items[start:end], end if end < len(items) else None


def _whole_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise segment_error(400, f"The parameter `{name}` has invalid character(s) `{text}`")
    return int(text)


def _cursor(request: web.Request, following: int | None) -> dict[str, Any]:
    path = request.path.removeprefix("/segment")
    return {"url": path, "has_more": following is not None, "next": "" if following is None else str(following)}


def _event(customer: Customer, event: dict[str, Any]) -> dict[str, Any]:
    user_id = {"collection": "users", "type": "user_id", "id": customer.ids["user_id"], "encoding": "none"}
    return {
        "external_ids": [user_id],
        "context": {"library": {"name": "sandbox", "version": "1"}},
        "type": "track",
        "message_id": derived_sid("ajs-", customer.ids["user_id"], event["event"], event["timestamp"]),
        "source_id": "sandbox",
        "timestamp": event["timestamp"],
        "properties": event.get("properties", {}),
        "event": event["event"],
        "related": {"users": derived_sid("use_", customer.ids["user_id"])},
    }


def _answer(value: Any) -> web.Response:
    return json_answer(value, headers={"Request-Id": secrets.token_hex(8)})
