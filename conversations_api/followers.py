"""What feeds the live feed: the journals of all services, read every 200 ms, once for all listeners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec
from prometheus_client import Counter

from shared.journal_reader import BadLine, JournalReader, end_positions
from shared.live_feed import LiveFeed
from shared.records import ConversationEvent, IntelResult, decode_call
from shared.telemetry import get_logger

POLL_S = 0.2
LONGEST_RECORD_BYTES = 1024 * 1024
UNUSABLE = Counter("conversations_live_unusable_lines_total", "Journal lines not shown live", ["stream"])
log = get_logger("conversations.live")

Decode = Callable[[bytes], object]
STREAMS: Mapping[str, tuple[str, Decode]] = {
    "calls": ("calls", decode_call),
    "intel_results": ("results", msgspec.json.Decoder(IntelResult).decode),
    "conversation_events": ("conversations", msgspec.json.Decoder(ConversationEvent).decode),
}


class JournalFollower:
    """Publishes what is appended to the journals from now on."""

    def __init__(self, data_dir: Path, feed: LiveFeed) -> None:
        self._feed = feed
        self._readers = {
            stream: JournalReader(data_dir, stream, end_positions(data_dir, stream)) for stream in STREAMS
        }

    async def run(self) -> None:
        """Follows until cancelled. A disk that fails for a moment is logged and read again."""
        while True:
            try:
                found = await asyncio.to_thread(lambda: list(self._read()))
            except OSError as error:
                log.error("journals cannot be read", reason=str(error))
                found = []
            for topic, raw in found:
                self._feed.publish(topic, raw)
            await asyncio.sleep(POLL_S)

    def _read(self) -> Iterator[tuple[str, bytes]]:
        for stream, reader in self._readers.items():
            topic, decode = STREAMS[stream]
            for line in reader.read():
                if isinstance(line, BadLine) or not _usable(line.raw, decode):
                    UNUSABLE.labels(stream).inc()
                else:
                    yield topic, line.raw


def _usable(raw: bytes, decode: Decode) -> bool:
    if len(raw) > LONGEST_RECORD_BYTES:
        return False
    try:
        decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return True
