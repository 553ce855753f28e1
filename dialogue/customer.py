"""What Segment knows about a caller: a few allow-listed traits, within a time budget or not at all."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import aiohttp
import msgspec

from shared.bodies import BodyTooLarge, read_whole
from shared.config import SegmentSettings
from shared.telemetry import get_logger

BUDGET_S = 0.5
TRAITS = ("first_name", "preferred_language", "tier", "city")
BODY_BYTES = 64 * 1024
log = get_logger("customer")


class _Traits(msgspec.Struct):
    traits: dict[str, object] = {}


async def customer_traits(session: aiohttp.ClientSession, segment: SegmentSettings, phone: str) -> dict[str, str]:
    """The caller's allow-listed traits; empty when Segment does not know them, is slow or fails.

    Source: Segment Profile API, `collections/users/profiles/{id_type}:{id}/traits`.
    """
    path = f"spaces/{quote(segment.space_id, safe='')}/collections/users/profiles"
    profile = quote(f"{segment.phone_key}:{phone}", safe=":")
    try:
        async with (
            asyncio.timeout(BUDGET_S),
            session.get(
                f"{segment.base_url}/{path}/{profile}/traits",
                params={"limit": "200", "include": ",".join(TRAITS)},
                headers={"Authorization": aiohttp.encode_basic_auth(segment.access_secret, "")},
            ) as response,
        ):
            if response.status != 200:
                if response.status != 404:  # 404 is a caller Segment does not know
                    log.warning("segment refused", status=response.status)
                return {}
            found = msgspec.json.decode(await read_whole(response.content, BODY_BYTES), type=_Traits)
    except (TimeoutError, aiohttp.ClientError, BodyTooLarge, msgspec.MsgspecError, RecursionError) as error:
        log.warning("segment not used", reason=type(error).__name__)
        return {}
    return {
        name: str(found.traits[name]) for name in TRAITS if isinstance(found.traits.get(name), str | int | float)
    }
