"""Keeping journals for a number of days: whole sealed segments go, the open one never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from shared.journal import Journal
from shared.segments import archived_paths, sealed_paths, torn_path
from shared.telemetry import get_logger

FIRST_AFTER_S = 10.0
EVERY_S = 3600.0
log = get_logger("retention")


def expire(data_dir: Path, series: str, keep_days: int, today: date) -> int:
    """How many sealed and archived segments of a series were removed, all of them older than `keep_days` days.

    A segment's name begins with the day it was written on. Readers that stand in one go on with the next.
    """
    first_kept = (today - timedelta(days=keep_days)).isoformat()
    paths = (*sealed_paths(data_dir, series), *archived_paths(data_dir, series))
    removed = [path for path in paths if path.stem[:10] < first_kept]
    torn = torn_path(data_dir, series)
    if torn.exists() and _day(torn) < first_kept:
        removed.append(torn)
    for path in removed:
        path.unlink()
    return len(removed)


async def expire_regularly(
    data_dir: Path,
    keep_days: int | None,
    journals: Callable[[], Sequence[Journal]],
    also: Callable[[], int] | None = None,
) -> None:
    """Removes what is too old every hour until cancelled; without a number of days, nothing.

    `also` cleans what is derived.
    """
    if keep_days is None:
        return
    await asyncio.sleep(FIRST_AFTER_S)
    while True:
        await asyncio.to_thread(_expire_all, data_dir, keep_days, journals())
        if also is not None:
            await asyncio.to_thread(also)
        await asyncio.sleep(EVERY_S)


def _expire_all(data_dir: Path, keep_days: int, journals: Sequence[Journal]) -> None:
    today = datetime.now(UTC).date()
    for journal in journals:
        try:
            removed = expire(data_dir, journal.series, keep_days, today)
        except OSError as error:
            log.warning("segments not removed", series=journal.series, reason=str(error))
            continue
        if removed:
            log.info("segments removed, they were too old", series=journal.series, segments=removed)


def _day(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
