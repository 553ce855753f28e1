"""Keeping under a rate: whoever wants to act takes a turn, and waits for it when too many have."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from types import TracebackType

# Twilio allows 30 changes a second; the clocks and the way there are not exact.
MUTATIONS_PER_S = 28
LANES_KEPT = 1000
WINDOW_S = 1.0
# Reads are not counted by Twilio; how many may run at once is not published, and depends on the account.
READS_AT_FIRST = 8
MOST_READS = 32


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


class ReadWindow:
    """How many reads run at once: `async with` one's turn.

    One more after each round that Twilio lets pass, half as many after a refusal for being too many: so the rate
    is Twilio's, and what people do at the same time still finds room. For one event loop.
    """

    def __init__(self, first: int = READS_AT_FIRST, most: int = MOST_READS) -> None:
        self._size = float(first)
        self._most = most
        self._running = 0
        self._halved_at = float("-inf")
        self._free = asyncio.Condition()

    @property
    def size(self) -> int:
        return int(self._size)

    def limited(self) -> None:
        """Twilio has answered 429. The refusals of one moment count once."""
        if time.monotonic() - self._halved_at >= WINDOW_S:
            self._halved_at = time.monotonic()
            self._size = max(1.0, self._size / 2)

    async def __aenter__(self) -> None:
        async with self._free:
            await self._free.wait_for(lambda: self._running < self.size)
            self._running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and time.monotonic() - self._halved_at >= WINDOW_S:
            self._size = min(float(self._most), self._size + 1 / self._size)
        async with self._free:
            self._running -= 1
            self._free.notify(max(1, self.size - self._running))
