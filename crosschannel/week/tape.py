"""The recorded week as a file: what each call and conversation left in journals and in the sandbox's store.

One JSON object a line, compressed with xz. An item is one call or conversation: it keeps its moment in the week,
and moves as a whole. Dates stand in the text as they were recorded; ids that hold a time (UUID version 7) move
with them. What belongs to an installation stands as a placeholder.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import msgspec

VERSION = 1
ACCOUNT, INTELLIGENCE, NUMBER = "{account}", "{intelligence}", "{number}"
SERVICE = "{service}"
# Each is a whole JSON string: the quotation mark before it is what the search jumps along.
ISO = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)(?=")')
RFC2822 = re.compile(r'"((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000)(?=")')
TIMED_ID = re.compile(r'"([0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15})(?=")')
MS_DIGITS = 12
LONGEST_ITEM_S = 900.0


class Head(msgspec.Struct, kw_only=True):
    """The first line: when it was recorded, and how."""

    recorded_at: datetime
    calls: int
    chats: int
    seed: int
    v: int = VERSION


class Item(msgspec.Struct, kw_only=True):
    """A call or a conversation. `began_at` is when it was recorded, `after_s` when in the week it is to have begun
    (seconds since Monday, 00:00 UTC). `lines` are journal lines by stream, `documents` rows of the store."""

    began_at: datetime
    after_s: float
    lines: dict[str, list[str]] = {}
    documents: list[tuple[str, str, str, str | None, str]] = []


def write(path: Path, head: Head, items: Iterable[Item]) -> None:
    """Writes the file anew."""
    encoder = msgspec.json.Encoder()
    text = b"\n".join([encoder.encode(head), *(encoder.encode(item) for item in items)])
    path.write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


def read(packed: bytes) -> tuple[Head, Iterator[Item]]:
    """The head and the items. Raises ValueError for another version, msgspec and lzma errors for a broken file."""
    first, *rest = lzma.decompress(packed).splitlines()
    head = msgspec.json.decode(first, type=Head)
    if head.v != VERSION:
        raise ValueError(f"the recorded week has version {head.v}, this program reads {VERSION}")
    decoder = msgspec.json.Decoder(Item)
    return head, (decoder.decode(line) for line in rest)


def mover(by: timedelta) -> Callable[[str], str]:
    """A function that moves every date and every timed id in a JSON text by this much."""
    by_ms = round(by.total_seconds() * 1000)

    def iso(match: re.Match[str]) -> str:
        moved = datetime.fromisoformat(match[1]) + by
        precision = "microseconds" if "." in match[1] else "seconds"
        return '"' + moved.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")

    def rfc2822(match: re.Match[str]) -> str:
        return '"' + format_datetime(parsedate_to_datetime(match[1]) + by)

    def timed(match: re.Match[str]) -> str:
        moved_ms = int(match[1][:MS_DIGITS], 16) + by_ms
        return f'"{moved_ms:0{MS_DIGITS}x}{match[1][MS_DIGITS:]}'

    def move(text: str) -> str:
        text = TIMED_ID.sub(timed, ISO.sub(iso, text))
        return RFC2822.sub(rfc2822, text) if "+0000" in text else text

    return move


def shift_of(item: Item, now: datetime) -> timedelta:
    """By how much an item moves so that the week ends now: its weekday and time of day stay, and what would still
    be to come is a week older."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = monday + timedelta(seconds=item.after_s)
    latest = now - timedelta(seconds=LONGEST_ITEM_S)
    return (begins if begins <= latest else begins - timedelta(days=7)) - item.began_at
