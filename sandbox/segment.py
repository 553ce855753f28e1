"""Segment's Profile API over the space's profiles."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterator
from typing import Any, TypeVar

from aiohttp import web

from sandbox.product import Handler, Product, Refusal, has_basic, json_answer
from sandbox.segment_profiles import EVENTS, SOURCE, Customer, Profiles, customers
from sandbox.store import Condition, Document
from sandbox.twilio_product import query_conditions
from sandbox.world import World
from shared.config import SegmentSettings

__all__ = [
    "Customer",
    "SegmentApi",
    "customers",
    "open_segment_product",
    "segment_error",
    "segment_not_found",
    "segment_product",
]

PREFIX = "/segment/v1/spaces/{space}/collections/users/profiles/{profile}"
KINDS = {400: "validation_error", 401: "authentication_error", 404: "not_found", 429: "rate_limit_error"}
TRAITS_LIMIT, TRAITS_LARGEST = 20, 200
LIST_LIMIT, LIST_LARGEST = 10, 100
TIME_FILTERS = {"start": Condition("timestamp", ">=", ""), "end": Condition("timestamp", "<=", "")}
T = TypeVar("T")


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

    return Product("segment", authenticate, _failure)


def open_segment_product() -> Product:
    """The tracking intake, which answers 200 whatever the write key."""
    return Product("segment", lambda _: None, _failure)


def _failure(status: int) -> Refusal:
    return segment_error(status, f"The sandbox was told to answer {status}.")


class SegmentApi:
    """Profiles by `id_type:id`, such as `phone:+15555550101`, or by their own id."""

    def __init__(self, world: World, profiles: Profiles) -> None:
        self._store = world.store
        self._profiles = profiles

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "GET", f"{PREFIX}/traits", self.traits
        yield "GET", f"{PREFIX}/external_ids", self.external_ids
        yield "GET", f"{PREFIX}/events", self.events
        yield "GET", f"{PREFIX}/metadata", self.metadata
        yield "GET", f"{PREFIX}/links", self.links

    async def traits(self, request: web.Request) -> web.Response:
        profile = self._profile(request)
        wanted = _names(request, "include")
        chosen = [(name, trait) for name, trait in profile["traits"].items() if not wanted or name in wanted]
        page, following = _window(request, chosen, TRAITS_LIMIT, TRAITS_LARGEST)
        verbose = request.query.get("verbose") == "true"
        shown = {name: trait if verbose else trait["value"] for name, trait in page}
        return _answer({"traits": shown, "cursor": _cursor(request, following)})

    async def external_ids(self, request: web.Request) -> web.Response:
        profile = self._profile(request)
        page, following = _window(request, profile["ids"], LIST_LIMIT, LIST_LARGEST)
        data = [{"source_id": SOURCE, "collection": "users", "encoding": "none", **own} for own in page]
        return _answer({"data": data, "cursor": _cursor(request, following)})

    async def events(self, request: web.Request) -> web.Response:
        """Newest first, unless `sort=asc`; the cursor names the last event of the page."""
        profile = self._profile(request)
        limit, after = _limit(request, LIST_LIMIT, LIST_LARGEST), _next(request)
        newest_first = request.query.get("sort", "desc") != "asc"
        conditions = query_conditions(request.query, TIME_FILTERS)
        if included := _names(request, "include"):
            conditions.append(Condition("event", "in", "", tuple(included)))
        found = self._store.select(EVENTS, profile["sid"], conditions, after=after, descending=newest_first)
        excluded = _names(request, "exclude")
        found = [event for event in found if event.body["event"] not in excluded]
        page = found[:limit]
        following = page[-1].position if len(found) > limit else None
        data = [_event(profile, event.body) for event in page]
        return _answer({"data": data, "cursor": _cursor(request, following)})

    async def metadata(self, request: web.Request) -> web.Response:
        profile = self._profile(request)
        names = ("created_at", "updated_at", "first_message_id", "last_message_id")
        shown = {name: profile[name] for name in names}
        sources = {"expires_at": None, "first_source_id": SOURCE, "last_source_id": SOURCE}
        return _answer({"metadata": {**shown, **sources}})

    async def links(self, request: web.Request) -> web.Response:
        """The accounts that the profile belongs to."""
        profile = self._profile(request)
        page, following = _window(request, profile["groups"], TRAITS_LIMIT, LIST_LARGEST)
        data = [
            {
                "to_collection": "accounts",
                "external_ids": [
                    {
                        "id": group["id"],
                        "type": "group_id",
                        "source_id": SOURCE,
                        "collection": "accounts",
                        "created_at": group["created_at"],
                        "encoding": "none",
                    }
                ],
            }
            for group in page
        ]
        return _answer({"data": data, "cursor": _cursor(request, following)})

    def _profile(self, request: web.Request) -> Document:
        if request.match_info["space"] != self._profiles.space_id:
            raise segment_error(404, "Space was not found.")
        kind, colon, value = request.match_info["profile"].partition(":")
        if not colon or not kind.replace("_", "").isalnum():
            raise segment_error(400, "The parameter `profile` must be written as `id_type:id`")
        found = self._profiles.find({kind: value})
        if found is None:
            raise segment_error(404, "Profile was not found.")
        return found


def _names(request: web.Request, parameter: str) -> set[str]:
    return {name for name in request.query.get(parameter, "").split(",") if name}


def _window(request: web.Request, items: list[T], usual: int, largest: int) -> tuple[list[T], int | None]:
    """The page that `limit` and `next` name, and where the following one begins."""
    limit, start = _limit(request, usual, largest), _next(request) or 0
    end = start + limit
    return items[start:end], end if end < len(items) else None


def _limit(request: web.Request, usual: int, largest: int) -> int:
    text = request.query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit()):
        raise segment_error(400, f"The parameter `limit` has invalid character(s) `{text}`")
    if not 1 <= int(text) <= largest:
        raise segment_error(400, f"The parameter `limit` must be between 1 and {largest}")
    return int(text)


def _next(request: web.Request) -> int | None:
    """The position in `next`, as our cursors write it. Raises Refusal for any other text."""
    text = request.query.get("next", "")
    if not text:
        return None
    try:
        return int(base64.urlsafe_b64decode(text.encode()))
    except (binascii.Error, ValueError) as error:
        raise segment_error(400, "The parameter `next` is not a cursor") from error


def _cursor(request: web.Request, following: int | None) -> dict[str, Any]:
    path = request.path.removeprefix("/segment")
    token = "" if following is None else base64.urlsafe_b64encode(str(following).encode()).decode()
    return {"url": path, "has_more": following is not None, "next": token}


def _event(profile: Document, event: Document) -> dict[str, Any]:
    named = [{"collection": "users", "encoding": "none", "type": i["type"], "id": i["id"]} for i in profile["ids"]]
    return {
        "external_ids": named,
        "context": event.get("context") or {"library": {"name": SOURCE, "version": "1"}},
        "type": event["type"],
        "message_id": event["message_id"],
        "source_id": SOURCE,
        "timestamp": event["timestamp"],
        "properties": event["properties"],
        "event": event["event"],
        "related": {"users": profile["sid"]},
    }


def _answer(value: Any) -> web.Response:
    return json_answer(value, headers={"Request-Id": secrets.token_hex(8)})
