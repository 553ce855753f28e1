"""The sandbox's clock: real time, which a test or an operator can move forward."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sandbox.sids import date_text


class Clock:
    """Now, moved forward by what `advance` was told; it never goes back. A restart begins with real time again."""

    def __init__(self, real_now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._real_now = real_now
        self._ahead = timedelta()
        self._moved = asyncio.Event()

    @property
    def ahead(self) -> timedelta:
        """How far this clock is before real time."""
        return self._ahead

    def now(self) -> datetime:
        return self._real_now() + self._ahead

    def now_text(self) -> str:
        return date_text(self.now())

    def advance(self, by: timedelta) -> None:
        """Moves the clock; whoever waits in `wait_until` looks again. Raises ValueError for a step back."""
        if by < timedelta():
            raise ValueError("the clock only goes forward")
        self._ahead += by
        self.nudge()

    def nudge(self) -> None:
        """Wakes whoever waits, who then looks at the time and the agenda again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_until(self, moment: datetime | None) -> None:
        """Returns at the moment, or earlier when the clock was moved or nudged; None waits for that alone."""
        moved = self._moved
        wait_s = None if moment is None else max((moment - self.now()).total_seconds(), 0.0)
        try:
            await asyncio.wait_for(moved.wait(), wait_s)
        except TimeoutError:
            return
