"""The time of a simulated call: real time, accelerated, plus the time it takes to say what is only typed."""

from __future__ import annotations

import asyncio
import time

from sandbox.speech_rate import spoken_s


class CallClock:
    """Seconds since the call began. `speed` 2 lets speech take half its time."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._skipped_s = 0.0

    def now_s(self) -> float:
        return (time.monotonic() - self._began) * self.speed + self._skipped_s

    def real_s(self, call_s: float) -> float:
        """How long to wait in real seconds for so many seconds of the call."""
        return max(0.0, call_s / self.speed)

    async def sleep(self, call_s: float) -> None:
        """Waits for so many seconds of the call."""
        until_s = self.now_s() + call_s
        await asyncio.sleep(self.real_s(call_s))
        self.hold_at(until_s)

    def hold_at(self, call_s: float) -> None:
        """What was planned for this moment happens in it, though the machine was late: the time beyond it has not
        passed. Otherwise whole sentences are over before a caller at twenty times the speed of life, on a busy
        machine, can talk over them. In real time the clock is real."""
        if self.speed > 1:
            self._skipped_s -= max(0.0, self.now_s() - call_s)

    def skip(self, text: str, language: str) -> tuple[float, float]:
        """Beginning and end of what the caller says now. Nobody waits for it: the clock moves on."""
        start_s = self.now_s()
        self._skipped_s += spoken_s(text, language)
        return start_s, self.now_s()
