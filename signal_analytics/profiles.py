"""Customers by Segment's Profile API: traits on an allow-list, external ids, events; within a time budget or not.

Source: Segment, Profile API, `collections/users/profiles/{id_type}:{id}/{traits|external_ids|events}`: Basic user
name with an empty password, `limit` up to 200 for traits and 100 for the others, `cursor` with `has_more` and
`next`, 404 for somebody unknown, 429 with a pause. The EU's host is chosen by SEGMENT_BASE_URL.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from shared.bodies import BodyTooLarge, read_whole
from shared.config import SegmentSettings
from shared.records import utc_now
from shared.telemetry import get_logger

BUDGET_S = 3.0
FRESH_S = 300.0
BODY_BYTES = 1024 * 1024
MOST_PAGES = 10
MOST_CACHED = 1000
FIRST_PAUSE_S = 0.2
LIMITS = {"traits": "200", "external_ids": "100", "events": "50"}
# What may be kept and grouped by: nothing that names or reaches a person.
ALLOWED_TRAITS = frozenset(
    {
        "account_type", "birthday_month", "consent_marketing", "country", "favourite_genre", "gift_cards",
        "industry", "joined_year", "lifetime_value_eur", "lifetime_value_usd", "loyalty_points", "newsletter",
        "orders_total", "plan", "preferred_channel", "preferred_language", "reading_club", "region",
        "returns_total", "segment", "stage", "store_visits", "tier", "vip",
    }
)  # fmt: skip
TRAIT_CHARACTERS = 100
log = get_logger("customers")


class Unavailable(Exception):
    """Segment could not be asked within the budget, or refused."""


class ExternalId(msgspec.Struct):
    type: str
    id: str


class Event(msgspec.Struct):
    event: str = ""
    timestamp: str = ""
    properties: dict[str, Any] = {}


class _Cursor(msgspec.Struct):
    has_more: bool = False
    next: str | None = None


class _Page(msgspec.Struct):
    traits: dict[str, Any] = {}
    data: list[Any] = []
    cursor: _Cursor = msgspec.field(default_factory=_Cursor)


class Profile(msgspec.Struct):
    """One customer; `known` is false for somebody Segment has never heard of."""

    known: bool
    fetched_at: datetime
    traits: dict[str, str | int | float | bool] = {}
    external_ids: list[ExternalId] = []
    events: list[Event] = []


class Profiles:
    """The customers of one space, asked once in five minutes each."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        segment: SegmentSettings,
        clock: Callable[[], float] | None = None,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._session = session
        self._segment = segment
        self._clock = clock or asyncio.get_running_loop().time
        self._budget_s = budget_s
        self._kept: OrderedDict[str, tuple[float, Profile]] = OrderedDict()

    def kept(self, phone: str) -> Profile | None:
        """What is known of the number without asking, however old."""
        found = self._kept.get(phone)
        return found[1] if found else None

    async def profile(self, phone: str) -> tuple[Profile, bool]:
        """The customer, and whether it came from what was kept. Raises Unavailable when there is neither."""
        found = self._kept.get(phone)
        if found is not None and self._clock() < found[0]:
            return found[1], True
        try:
            async with asyncio.timeout(self._budget_s):
                profile = await self._fetch(phone)
        except (TimeoutError, aiohttp.ClientError, BodyTooLarge, msgspec.MsgspecError, RecursionError) as error:
            log.warning("segment not used", reason=type(error).__name__)
            raise Unavailable("Segment could not be asked") from error
        self._kept[phone] = (self._clock() + FRESH_S, profile)
        self._kept.move_to_end(phone)
        while len(self._kept) > MOST_CACHED:
            self._kept.popitem(last=False)
        return profile, False

    async def traits(self, phone: str) -> dict[str, str | int | float | bool] | None:
        """Only the allowed traits; None for somebody unknown. Raises Unavailable."""
        try:
            async with asyncio.timeout(self._budget_s):
                return await self._traits(phone)
        except (TimeoutError, aiohttp.ClientError, BodyTooLarge, msgspec.MsgspecError, RecursionError) as error:
            raise Unavailable("Segment could not be asked") from error

    async def _fetch(self, phone: str) -> Profile:
        traits = await self._traits(phone)
        if traits is None:
            return Profile(known=False, fetched_at=utc_now())
        ids = [page.data async for page in self._pages(phone, "external_ids") if page is not None]
        events = await self._page(phone, "events", {"limit": LIMITS["events"]})
        return Profile(
            known=True,
            fetched_at=utc_now(),
            traits=traits,
            external_ids=msgspec.convert([item for part in ids for item in part], list[ExternalId]),
            events=msgspec.convert(events.data if events else [], list[Event]),
        )

    async def _traits(self, phone: str) -> dict[str, str | int | float | bool] | None:
        found: dict[str, Any] = {}
        async for page in self._pages(phone, "traits"):
            if page is None:
                return None
            found |= page.traits
        return allowed(found)

    async def _pages(self, phone: str, what: str) -> AsyncIterator[_Page | None]:
        """Page after page; a single None for somebody unknown."""
        following: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = await self._page(phone, what, {"limit": LIMITS[what], **following})
            yield page
            if page is None or not page.cursor.has_more or not page.cursor.next:
                return
            following = {"next": page.cursor.next}

    async def _page(self, phone: str, what: str, query: Mapping[str, str]) -> _Page | None:
        """One answer; None on 404. Waits and asks again on 429 and 5xx, as long as the budget lasts."""
        profile = quote(f"{self._segment.phone_key}:{phone}", safe=":")
        space = quote(self._segment.space_id, safe="")
        url = f"{self._segment.base_url}/spaces/{space}/collections/users/profiles/{profile}/{what}"
        headers = {"Authorization": aiohttp.encode_basic_auth(self._segment.access_secret, "")}
        pause_s = FIRST_PAUSE_S
        while True:
            async with self._session.get(url, params=query, headers=headers) as response:
                if response.status == 200:
                    return msgspec.json.decode(await read_whole(response.content, BODY_BYTES), type=_Page)
                if response.status == 404:
                    return None
                if response.status != 429 and response.status < 500:
                    log.warning("segment refused", status=response.status)
                    raise Unavailable(f"Segment answered {response.status}")
                asked = response.headers.get("Retry-After", "")
            await asyncio.sleep(float(asked) if asked.isdigit() else pause_s)
            pause_s *= 2


def allowed(traits: Mapping[str, Any]) -> dict[str, str | int | float | bool]:
    """The traits on the list that are plain values; texts are cut."""
    plain = {name: value for name, value in traits.items() if name in ALLOWED_TRAITS}
    return {
        name: value[:TRAIT_CHARACTERS] if isinstance(value, str) else value
        for name, value in sorted(plain.items())
        if isinstance(value, str | int | float | bool)
    }
