"""The live feed: numbered frames in a bounded ring, shared by every browser that listens.

A listener is a position in the ring and nothing else, so a slow one costs no memory: when the ring has moved on
past its position it is told to read everything anew (`resync`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import islice

RING_FRAMES = 5000
RING_BYTES = 32 * 1024 * 1024
BATCH_FRAMES = 200


def start_seq() -> int:
    """A number above all that an earlier process can have reached: microseconds since 1970.

    Frames come slower than one per microsecond, so a browser that resumes after our restart holds a number
    below the ring and is told to resync, instead of being given the wrong frames.
    """
    return time.time_ns() // 1_000


def frame(seq: int, topic: str, data: bytes) -> str:
    """One server frame; `data` is JSON already."""
    return f'{{"seq":{seq},"topic":"{topic}","data":{data.decode()}}}'


class LiveFeed:
    """What happened lately, as frames. Used from one event loop only."""

    def __init__(self, head: int, frames: int = RING_FRAMES, size_bytes: int = RING_BYTES) -> None:
        self.head = head
        self.closed = False
        self._ring: deque[str] = deque()
        self._ring_chars = 0
        self._frames = frames
        self._chars = size_bytes
        self._news = asyncio.Event()
        self._waiting = 0

    def publish(self, topic: str, data: bytes) -> None:
        """Appends a frame and wakes who waits."""
        self.head += 1
        text = frame(self.head, topic, data)
        self._ring.append(text)
        self._ring_chars += len(text)
        while len(self._ring) > self._frames or (self._ring_chars > self._chars and len(self._ring) > 1):
            self._ring_chars -= len(self._ring.popleft())
        self._wake()

    def close(self) -> None:
        """Tells every listener that this process stops."""
        self.closed = True
        self._wake()

    def after(self, position: int) -> list[str] | None:
        """The next frames after `position`, at most a batch of them; None when it is not in the ring."""
        missing = self.head - position
        if missing < 0 or missing > len(self._ring):
            return None
        start = len(self._ring) - missing
        return list(islice(self._ring, start, start + BATCH_FRAMES))

    async def wait(self, position: int) -> None:
        """Returns when there are frames after `position`, or the feed is closed."""
        while self.head == position and not self.closed:
            self._waiting += 1
            try:
                await self._news.wait()
            finally:
                self._waiting -= 1

    def _wake(self) -> None:
        if self._waiting:  # frames come by the thousand, and mostly nobody looks
            self._news.set()
            self._news = asyncio.Event()
