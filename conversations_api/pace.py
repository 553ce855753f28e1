"""Keeping under a rate: whoever wants to act takes a turn, and waits for it when too many have."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque

# Twilio allows 30 changes a second; the clocks and the way there are not exact.
MUTATIONS_PER_S = 28
LANES_KEPT = 1000
WINDOW_S = 1.0


class Pace:
    """At most `per_s` turns in any second, given in the order they were asked for. For one event loop."""

    def __init__(self, per_s: int) -> None:
        self._per_s = per_s
        self._starts: deque[float] = deque(maxlen=per_s)

    def wait_s(self) -> float:
        """How long a turn asked for now would have to wait."""
        if len(self._starts) < self._per_s:
            return 0.0
        return max(0.0, self._starts[0] + WINDOW_S - time.monotonic())

    async def turn(self) -> None:
        """Returns when it is one's turn."""
        wait_s = self.wait_s()
        self._starts.append(time.monotonic() + wait_s)
        if wait_s:
            await asyncio.sleep(wait_s)


class MutationPaces:
    """One pace per lane of Twilio's limit: a service (its conversations, users, roles), or a conversation."""

    def __init__(self, per_s: int = MUTATIONS_PER_S) -> None:
        self._per_s = per_s
        self._lanes: OrderedDict[str, Pace] = OrderedDict()

    def lane(self, name: str) -> Pace:
        """The pace of a lane; the ones unused longest are forgotten."""
        pace = self._lanes.pop(name, None) or Pace(self._per_s)
        self._lanes[name] = pace
        while len(self._lanes) > LANES_KEPT:
            self._lanes.popitem(last=False)
        return pace
