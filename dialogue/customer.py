"""What Segment knows about a caller: a few allow-listed traits, within a time budget or not at all."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from urllib.parse import quote

import aiohttp
import msgspec

from dialogue.agent_tables import TRAITS, CustomerConfig
from shared.bodies import BodyTooLarge, read_whole
from shared.config import SegmentSettings
from shared.telemetry import get_logger

BUDGET_S = 0.5
BODY_BYTES = 64 * 1024
CACHED_CUSTOMERS = 1000
log = get_logger("customer")


class _Traits(msgspec.Struct):
    traits: dict[str, object] = {}


class Customers:
    """The customers of one space: a look-up per person and time, however many calls and tools ask."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        segment: SegmentSettings | None,
        config: CustomerConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._segment = segment
        self._config = config
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, dict[str, str]]] = OrderedDict()

    async def traits(self, phone: str) -> dict[str, str]:
        """Their allow-listed traits; empty when Segment is not used, does not know them, is slow or fails."""
        if self._segment is None or not phone or not self._config.traits:
            return {}
        until_s, known = self._known.get(phone, (0.0, {}))
        if until_s > self._clock():
            return known
        found = await _fetch(self._session, self._segment, phone, self._config.traits, self._config.budget_s)
        if found is None:
            return known  # what was known before is better than nothing
        self._known[phone] = (self._clock() + self._config.cache_s, found)
        self._known.move_to_end(phone)
        while len(self._known) > CACHED_CUSTOMERS:
            self._known.popitem(last=False)
        return found


async def customer_traits(
    session: aiohttp.ClientSession, segment: SegmentSettings, phone: str, names: Sequence[str] = TRAITS
) -> dict[str, str]:
    """The caller's allow-listed traits; empty when Segment does not know them, is slow or fails."""
    return await _fetch(session, segment, phone, names, BUDGET_S) or {}


async def _fetch(
    session: aiohttp.ClientSession, segment: SegmentSettings, phone: str, names: Sequence[str], budget_s: float
) -> dict[str, str] | None:
    """The traits, none of somebody unknown; None when Segment could not be asked.

    Source: Segment Profile API, `collections/users/profiles/{id_type}:{id}/traits`.
    """
    path = f"spaces/{quote(segment.space_id, safe='')}/collections/users/profiles"
    profile = quote(f"{segment.phone_key}:{phone}", safe=":")
    try:
        async with (
            asyncio.timeout(budget_s),
            session.get(
                f"{segment.base_url}/{path}/{profile}/traits",
                params={"limit": "200", "include": ",".join(names)},
                headers={"Authorization": aiohttp.encode_basic_auth(segment.access_secret, "")},
            ) as response,
        ):
            if response.status != 200:
                if response.status == 404:
                    return {}  # a caller Segment does not know
                log.warning("segment refused", status=response.status)
                return None
            found = msgspec.json.decode(await read_whole(response.content, BODY_BYTES), type=_Traits)
    except (TimeoutError, aiohttp.ClientError, BodyTooLarge, msgspec.MsgspecError, RecursionError) as error:
        log.warning("segment not used", reason=type(error).__name__)
        return None
    return {
        name: str(found.traits[name]) for name in names if isinstance(found.traits.get(name), str | int | float)
    }
