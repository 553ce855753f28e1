"""Reading journals by the million: spans of whole lines for readers that parse many lines at once.

Positions and their rules are those of JournalReader; nothing of a span has been looked at.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from shared.journal_reader import (
    READ_BYTES,
    BadLine,
    Entry,
    JournalReader,
    Position,
    end_of_long_line,
    name_of,
    parse_line,
    whole_lines,
)
from shared.segments import sealed_paths, series_of

SPAN_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Span:
    """Whole lines of one segment, the first of them line `first_line`.

    `data` is None for a sealed segment as a whole, which is immutable and best read from `path` itself.
    """

    path: Path
    series: str
    first_line: int
    lines: int
    size_bytes: int
    data: bytes | None


class SpanReader(JournalReader):
    """Hands out spans where JournalReader hands out lines."""

    def read_spans(self, limit_bytes: int = SPAN_BYTES) -> list[Span]:
        """The next lines, until they hold `limit_bytes` or more; empty when there are none. Never blocks."""
        found: list[Span] = []
        room = limit_bytes
        for series in series_of(self._data_dir, self._stream):
            while room > 0:
                # Asked before reading: a segment that has a successor by then is sealed, and its end is final.
                following = self._following(series)
                span = self._read_span(series, room, sealed=following is not None)
                if span is not None:
                    found.append(span)
                    room -= span.size_bytes
                elif following is None:
                    break
                else:
                    self.positions[series] = Position(following, 0, 0)
        return found

    def _read_span(self, series: str, limit_bytes: int, *, sealed: bool) -> Span | None:
        position = self.positions.get(series)
        path = self._locate(series, position.segment) if position else None
        if position is None or path is None:
            return None
        try:
            with path.open("rb") as file:
                if name_of(file) != position.segment:  # sealed after it was located: the next call finds it again
                    return None
                data: bytes | None = None
                if sealed and position.offset == 0 and path in sealed_paths(self._data_dir, series):
                    size, lines = _measured(file)
                else:
                    data = _many_lines(file, position.offset, limit_bytes, sealed=sealed)
                    size, lines = len(data), data.count(b"\n")
        except FileNotFoundError:
            return None
        if not lines:
            return None
        self.positions[series] = Position(position.segment, position.offset + size, position.line + lines)
        return Span(path, series, position.line + 1, lines, size, data)


def lines_of(span: Span) -> Iterator[Entry | BadLine]:
    """The span's lines one by one, as JournalReader.read would have handed them out."""
    with span.path.open("rb") if span.data is None else io.BytesIO(span.data) as file:
        for number, raw in enumerate(file, span.first_line):
            yield parse_line(raw.removesuffix(b"\n"), span.path.name, number, span.series)


def _many_lines(file: BinaryIO, offset: int, limit_bytes: int, *, sealed: bool) -> bytes:
    """Whole lines from `offset`, about `limit_bytes` of them, overlong ones included."""
    parts: list[bytes] = []
    size = 0
    while size < limit_bytes:
        data = whole_lines(file, offset + size, sealed=sealed)
        if not data and (end := end_of_long_line(file, offset + size)):
            file.seek(offset + size)
            data = file.read(end - offset - size)
        if not data:
            break
        parts.append(data)
        size += len(data)
    return b"".join(parts)


def _measured(file: BinaryIO) -> tuple[int, int]:
    """Size in bytes and number of lines of a segment; a half line at its end counts as a line."""
    file.seek(0)
    size = lines = 0
    last = b"\n"
    while block := file.read(READ_BYTES):
        size, lines, last = size + len(block), lines + block.count(b"\n"), block[-1:]
    return size, lines + (last != b"\n")
