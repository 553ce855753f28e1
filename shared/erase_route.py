"""`POST /erase` of every service: removes a person from what the service owns, and looks again.

A service with a derived file adds what removes the person from it: `app[DERIVED].append(…)`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from shared.config import Settings
from shared.erasure import erase, mentions, remaining
from shared.journal import Journal, JournalError
from shared.person import Person, person
from shared.problem import Problem
from shared.service_keys import READINESS, SETTINGS
from shared.telemetry import get_logger
from shared.tombstones import Tombstones

# Given the person and the tombstones that are durable by then: rows removed, by the derived file's name.
Derived = Callable[[Person, Tombstones], Awaitable[dict[str, int]]]
DERIVED: web.AppKey[list[Derived]] = web.AppKey("derived", list)
TOMBSTONES = web.AppKey("tombstones", Tombstones)
DERIVED_FILES = ("*.sqlite", "*.sqlite-wal", "*.duckdb", "*.duckdb.wal")
log = get_logger("erase")


class EraseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to erase, in E.164; with `search` nothing is changed and what is there is counted."""

    caller: str
    search: bool = False


class EraseReport(msgspec.Struct):
    """Lines removed and masked by series, rows removed by derived file, and what a search finds by file."""

    removed: dict[str, int] = {}
    masked: dict[str, int] = {}
    derived: dict[str, int] = {}
    left: dict[str, int] = {}


def check(request: EraseRequest, settings: Settings) -> Person:
    """The person asked for. Raises Problem 400, or 409 for the platform's own number."""
    own = settings.twilio.phone_number if settings.twilio is not None else None
    if request.caller == own:
        raise Problem(409, "This is the platform's own number: every call would go.", code=40900)
    try:
        return person(request.caller)
    except ValueError as error:
        raise Problem(400, f"caller cannot be used: {error}.", code=40000) from error


def search(
    settings: Settings, who: Person, tombstones: Tombstones, journals: tuple[Journal, ...]
) -> dict[str, int]:
    """What is left of the person in the journals of a service and in the derived files of DATA_DIR."""
    found = remaining(settings.data_dir, who, tombstones, [journal.series for journal in journals])
    left = {series: count for series, count in found.items() if count}
    for path in derived_files(settings.data_dir):
        if count := mentions(path, who):
            left[path.name] = count
    return left


def derived_files(data_dir: Path) -> list[Path]:
    return sorted(path for pattern in DERIVED_FILES for path in data_dir.glob(pattern))


async def erase_person(request: web.Request, asked: EraseRequest) -> EraseReport:
    """Erases, or searches, in the service of this request. Raises Problem 400, 409 or 503."""
    app = request.app
    settings, tombstones, journals = app[SETTINGS], app[TOMBSTONES], app[READINESS].journals
    who = check(asked, settings)
    if asked.search:
        return EraseReport(left=await asyncio.to_thread(search, settings, who, tombstones, journals))
    try:
        done = await asyncio.to_thread(erase, settings.data_dir, who, tombstones, settings.service, journals)
    except (JournalError, OSError, TimeoutError) as error:
        log.error("erasure not finished", reason=str(error))
        raise Problem(503, "Not everything could be erased. Ask again.", code=50300) from error
    derived: dict[str, int] = {}
    for remove in app[DERIVED]:
        derived |= await remove(who, tombstones)
    log.info("erased", removed=done.removed.total(), masked=done.masked.total())
    return EraseReport(removed=dict(done.removed), masked=dict(done.masked), derived=derived)
