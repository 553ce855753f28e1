"""How many changes a second the account may make: Twilio Conversations counts them per service or conversation."""

from __future__ import annotations

import time
from collections.abc import Callable

DEFAULT_PER_S = 30
TRACKED = 10_000


class MutationLimit:
    """A window of one second per key. Reads are not counted. `per_s` 0 means no limit.

    `timers_need_state`: timers on create without a state are refused (50382), as Twilio documents and may not do.
    """

    def __init__(self, per_s: int = DEFAULT_PER_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.per_s = per_s
        self.timers_need_state = False
        self._monotonic = monotonic
        self._windows: dict[str, tuple[float, int]] = {}

    def admit(self, key: str) -> bool:
        """False when this change is one too many within the second; it is not counted then."""
        if self.per_s == 0:
            return True
        now = self._monotonic()
        began, used = self._windows.get(key, (now, 0))
        if now - began >= 1.0:
            began, used = now, 0
        if used >= self.per_s:
            return False
        if len(self._windows) > TRACKED:
            self._windows = {k: w for k, w in self._windows.items() if now - w[0] < 1.0}
        self._windows[key] = (began, used + 1)
        return True
