"""Segment's tracking intake: identify, track, group, alias, page, screen, batch.

As the real one, it answers 200 for whatever is JSON and not too large; what it rejects is remembered for
`/control/segment`, where the real one shows it in the debugger only.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from aiohttp import web

from sandbox.control import ControlRoutes
from sandbox.product import Handler, json_answer
from sandbox.segment import segment_error
from sandbox.segment_profiles import Profiles
from sandbox.sids import derived_sid
from shared.operators import Role
from shared.service import json_response

PREFIX = "/segment/v1"
CALLS = ("identify", "track", "group", "alias", "page", "screen")
LARGEST_EVENT_BYTES, LARGEST_BATCH_BYTES = 32 * 1024, 500 * 1024
LONGEST_MESSAGE_ID = 100
KEPT = 200
Event = dict[str, Any]


class Rejected(Exception):
    """An event that is not taken; the message says why."""


class TrackingApi:
    """Takes events for the profiles of one space."""

    def __init__(self, profiles: Profiles, write_key: str | None, now_text: Callable[[], str]) -> None:
        self._profiles = profiles
        self._write_key = write_key
        self._now_text = now_text
        self._recent: deque[Event] = deque(maxlen=KEPT)
        self._rejected: deque[Event] = deque(maxlen=KEPT)
        self._counts = {"accepted": 0, "duplicates": 0, "rejected": 0}

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route; they check the write key themselves."""
        for name in CALLS:
            yield "POST", f"{PREFIX}/{name}", self._single(name)
        for path in ("batch", "import"):
            yield "POST", f"{PREFIX}/{path}", self.batch

    def control_handlers(self) -> ControlRoutes:
        yield "GET", "segment", self.show, Role.SUPERVISOR
        yield "DELETE", "segment", self.forget, Role.ADMIN

    def _single(self, name: str) -> Handler:
        async def take(request: web.Request) -> web.StreamResponse:
            body = await _read(request, LARGEST_EVENT_BYTES)
            self._take({**body, "type": name}, {}, _key_of(request, body))
            return json_answer({"success": True})

        return take

    async def batch(self, request: web.Request) -> web.Response:
        body = await _read(request, LARGEST_BATCH_BYTES)
        events = body.get("batch")
        if not isinstance(events, list):
            raise segment_error(400, "The parameter `batch` must be a list")
        for event in events:
            self._take(event if isinstance(event, dict) else {}, body, _key_of(request, body))
        return json_answer({"success": True})

    async def show(self, _: web.Request) -> web.Response:
        """What came in: counts, the newest events, and why events were rejected."""
        return json_response({**self._counts, "recent": list(self._recent), "rejections": list(self._rejected)})

    async def forget(self, _: web.Request) -> web.Response:
        self.clear()
        return web.Response(status=204)

    def clear(self) -> None:
        self._recent.clear()
        self._rejected.clear()
        self._counts = dict.fromkeys(self._counts, 0)

    # ---- inside ----

    def _take(self, event: Event, around: Event, key: str) -> None:
        """Takes one event; `around` is the batch, whose context and time count where the event has none."""
        try:
            if self._write_key is not None and key != self._write_key:
                raise Rejected("unknown write key")
            ids = _check(event)
            message_id = str(event.get("messageId") or derived_sid("api-", msgspec.json.encode(event).decode()))
            if len(message_id) > LONGEST_MESSAGE_ID:
                raise Rejected("messageId is longer than 100 characters")
        except Rejected as rejected:
            self._counts["rejected"] += 1
            self._rejected.append({"reason": str(rejected), "type": event.get("type"), "event": event})
            return
        if not self._profiles.is_new(message_id):
            self._counts["duplicates"] += 1
            return
        self._counts["accepted"] += 1
        self._recent.append(event)
        self._apply(
            event, ids, message_id, str(event.get("timestamp") or around.get("sentAt") or self._now_text())
        )

    def _apply(self, event: Event, ids: dict[str, str], message_id: str, at: str) -> None:
        kind = event["type"]
        traits = event.get("traits") if kind == "identify" else None
        profile = self._profiles.identify(ids, traits if isinstance(traits, dict) else {}, at, message_id)
        if kind == "group":
            self._profiles.join_group(profile, str(event["groupId"]), at)
        if kind in ("track", "page", "screen"):
            shown = {
                "type": kind,
                "event": str(event.get("event") or event.get("name") or kind.title()),
                "message_id": message_id,
                "timestamp": at,
                "properties": event.get("properties") or {},
                "context": event.get("context") or {},
            }
            self._profiles.add_event(profile, shown)


def _check(event: Event) -> dict[str, str]:
    """The event's ids by type, the strongest first. Raises Rejected."""
    kind = event.get("type")
    if kind not in CALLS:
        raise Rejected(f"type must be one of {', '.join(CALLS)}")
    if len(msgspec.json.encode(event)) > LARGEST_EVENT_BYTES:
        raise Rejected("the event is larger than 32 KB")
    if kind == "track" and not event.get("event"):
        raise Rejected("track needs an event")
    if kind == "group" and not event.get("groupId"):
        raise Rejected("group needs a groupId")
    if kind == "alias" and not event.get("previousId"):
        raise Rejected("alias needs a previousId")
    ids = _ids(event)
    if not event.get("userId") and not event.get("anonymousId"):
        raise Rejected("an event needs a userId or an anonymousId")
    return ids


def _ids(event: Event) -> dict[str, str]:
    """userId, then externalIds, then e-mail and phone of an identify's traits, then anonymousId."""
    given: list[tuple[str, Any]] = [("user_id", event.get("userId"))]
    if event.get("type") == "alias":
        given.append(("user_id", event.get("previousId")))
    context = event.get("context")
    external = context.get("externalIds") if isinstance(context, dict) else None
    given += [
        (str(item.get("type")), item.get("id"))
        for item in (external if isinstance(external, list) else [])
        if isinstance(item, dict) and item.get("collection", "users") == "users"
    ]
    traits = event.get("traits")
    if event.get("type") == "identify" and isinstance(traits, dict):
        given += [(name, traits.get(name)) for name in ("email", "phone")]
    given.append(("anonymous_id", event.get("anonymousId")))
    found: dict[str, str] = {}
    for kind, value in given:
        if value:
            found.setdefault(kind, str(value))
    return found


async def _read(request: web.Request, largest: int) -> Event:
    """The body as an object. Raises Refusal 400 for one that is too large or no JSON; there is no other."""
    raw = await request.read()
    if len(raw) > largest:
        raise segment_error(400, f"The request is larger than {largest // 1024} KB")
    try:
        return msgspec.json.decode(raw, type=Event)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise segment_error(400, "The request is not valid JSON") from error


def _key_of(request: web.Request, body: Event) -> str:
    """The write key: the user name of Basic credentials, or `writeKey` in the body."""
    encoded = request.headers.get("Authorization", "").partition(" ")[2]
    try:
        return base64.b64decode(encoded).decode().partition(":")[0] or str(body.get("writeKey", ""))
    except (binascii.Error, UnicodeDecodeError):
        return ""
