"""A circuit breaker: what has failed several times in a row is left alone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
OPEN_S = 15.0


@dataclass(slots=True)
class _State:
    failures: int = 0
    closed_again_s: float = 0.0


class Breaker:
    """One state per name (a model at a provider), for all calls of a process.

    After `FAILURES` in a row nothing is let through for `OPEN_S`, then one at a time until one succeeds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def lets_through(self, name: str) -> bool:
        """True when `name` may be tried now; while it is suspected, each try shuts the door behind it."""
        state = self._states.get(name)
        if state is None or state.failures < FAILURES:
            return True
        if self._clock() < state.closed_again_s:
            return False
        state.closed_again_s = self._clock() + OPEN_S
        return True

    def succeeded(self, name: str) -> None:
        self._states.pop(name, None)

    def failed(self, name: str) -> None:
        state = self._states.setdefault(name, _State())
        state.failures += 1
        if state.failures >= FAILURES:
            state.closed_again_s = self._clock() + OPEN_S

    def open(self) -> list[str]:
        """The names that are left alone now."""
        now_s = self._clock()
        return [n for n, s in self._states.items() if s.failures >= FAILURES and now_s < s.closed_again_s]
