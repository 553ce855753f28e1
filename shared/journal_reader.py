"""Reading journals: forwards from a position, across segments and writers, while they are being written.

A position is (name of the segment, offset, line), never a path or an inode: segments are renamed when they are
sealed. A segment's name is the id of its first record. Bad lines are handed out with file and line number;
skipping them is the caller's decision.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from shared.segments import open_path, sealed_paths, series_of

READ_BYTES = 4 * 1024 * 1024
LONGEST_LINE_BYTES = 16 * 1024 * 1024
BAD_FIRST_LINE = "!"


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a series has been read: in the segment whose first record has this id, up to this byte and line."""

    segment: str
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One well-formed line: `raw` is a JSON object with an id; it may still not be a record we know."""

    raw: bytes
    id: str
    file: str
    line: int
    series: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no record, and where it stands."""

    file: str
    line: int
    reason: str
    series: str


Lines = list[Entry | BadLine]


class _Identified(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]


_identify = msgspec.json.Decoder(_Identified)


class JournalReader:
    """Hands out what a stream holds after `positions` (series -> Position); call `read` again to follow it."""

    def __init__(
        self,
        data_dir: Path,
        stream: str,
        positions: dict[str, Position] | None = None,
        *,
        since_s: float = 0.0,
    ) -> None:
        """Starts at `positions`; segments last written before `since_s` (Unix time) are passed over."""
        self._data_dir = data_dir
        self._stream = stream
        self._since_s = since_s
        self.positions: dict[str, Position] = dict(positions or {})
        self._paths: dict[str, Path] = {}

    def read(self, limit: int = 5000) -> Lines:
        """Up to `limit` lines not handed out before, in order within each series; empty when there are none.

        Never blocks. `positions` afterwards covers exactly what was handed out.
        """
        found: Lines = []
        for series in series_of(self._data_dir, self._stream):
            while len(found) < limit:
                # Asked before reading: a segment that has a successor by then is sealed, and its end is final.
                following = self._following(series)
                lines = self._read_segment(series, limit - len(found), sealed=following is not None)
                found += lines
                if lines:
                    continue
                if following is None:
                    break
                self.positions[series] = Position(following, 0, 0)
        return found

    def _read_segment(self, series: str, limit: int, *, sealed: bool) -> Lines:
        position = self.positions.get(series)
        path = self._locate(series, position.segment) if position else None
        if position is None or path is None:
            return []
        try:
            with path.open("rb") as file:
                if name_of(file) != position.segment:  # sealed after it was located: the next call finds it again
                    return []
                data = whole_lines(file, position.offset, sealed=sealed)
                if not data:
                    return self._skip_long_line(file, path, series, position)
        except FileNotFoundError:
            return []
        found: Lines = []
        offset, line = position.offset, position.line
        for raw in data[:-1].split(b"\n", limit)[:limit]:
            offset, line = offset + len(raw) + 1, line + 1
            found.append(parse_line(raw, path.name, line, series))
        self.positions[series] = Position(position.segment, offset, line)
        return found

    def _skip_long_line(self, file: BinaryIO, path: Path, series: str, position: Position) -> Lines:
        end, line = end_of_long_line(file, position.offset), position.line + 1
        if not end:
            return []
        self.positions[series] = Position(position.segment, end, line)
        return [BadLine(path.name, line, f"longer than {LONGEST_LINE_BYTES} bytes", series)]

    def _locate(self, series: str, segment: str) -> Path | None:
        """The file of a segment, None when it is gone.

        The open one is looked at before the sealed ones are listed, so that a rename meanwhile hides nothing.
        """
        opened = open_path(self._data_dir, series)
        for path in (self._paths.get(series, opened), opened):
            if segment_name(path) == segment:
                self._paths[series] = path
                return path
        for path in reversed(sealed_paths(self._data_dir, series)):
            if segment_name(path) == segment:
                self._paths[series] = path
                return path
        return None

    def _following(self, series: str) -> str | None:
        """The name of the segment after the one being read; None when that is the newest.

        The open one is named before the sealed ones are listed: where no later one is listed, it is the next.
        """
        position = self.positions.get(series)
        newest = segment_name(open_path(self._data_dir, series))
        if position is not None and newest == position.segment:
            return None
        paths = sealed_paths(self._data_dir, series)
        if position is not None:
            current = self._locate(series, position.segment)
            if current is not None and current in paths:
                paths = paths[paths.index(current) + 1 :]
            else:
                paths = _newer(paths, position.segment)
        return next((name for name in chain(map(segment_name, paths), (newest,)) if name), None)


def end_positions(data_dir: Path, stream: str) -> dict[str, Position]:
    """Where each series of a stream ends now, for readers that want only what comes. Costs the newest segment."""
    ends = {}
    for series in series_of(data_dir, stream):
        paths = (open_path(data_dir, series), *reversed(sealed_paths(data_dir, series)))
        end = next((position for position in map(_end, paths) if position is not None), None)
        if end is not None:
            ends[series] = end
    return ends


def segment_name(path: Path) -> str:
    """The id of the segment's first line, or a mark of that line when it is no record; "" while there is none."""
    try:
        with path.open("rb") as file:
            return name_of(file)
    except FileNotFoundError:
        return ""


def name_of(file: BinaryIO) -> str:
    """As `segment_name`, of an open file."""
    file.seek(0)
    raw = file.readline(LONGEST_LINE_BYTES)
    if not raw.endswith(b"\n") and len(raw) < LONGEST_LINE_BYTES:
        return ""
    first = parse_line(raw, "", 1, "")
    return first.id if isinstance(first, Entry) else BAD_FIRST_LINE + hashlib.sha256(raw).hexdigest()[:32]


def _newer(paths: list[Path], segment: str) -> list[Path]:
    """The sealed segments behind the last one that is older than a segment that is gone (retention, clear)."""
    names = [segment_name(path) for path in paths]
    older = [n for n, name in enumerate(names) if name and name[0] != BAD_FIRST_LINE and name <= segment]
    return paths[older[-1] + 1 :] if older else paths


def _end(path: Path) -> Position | None:
    """The position behind the last whole line; None when there is none."""
    try:
        with path.open("rb") as file:
            name, offset, line = name_of(file), 0, 0
            file.seek(0)
            while block := file.read(READ_BYTES):
                line += block.count(b"\n")
                offset = file.tell() - len(block) + block.rfind(b"\n") + 1 if b"\n" in block else offset
    except FileNotFoundError:
        return None
    return Position(name, offset, line) if name else None


def whole_lines(file: BinaryIO, offset: int, *, sealed: bool) -> bytes:
    """Whole lines from `offset`; b"" when none is complete, or when the next is too long to be a record.

    The half line that damage has left at the end of a sealed segment counts as a line.
    """
    file.seek(offset)
    data = b""
    while len(data) < LONGEST_LINE_BYTES:
        block = file.read(READ_BYTES)
        data += block
        end = data.rfind(b"\n") + 1
        if end:
            return data[:end]
        if len(block) < READ_BYTES:
            return data + b"\n" if sealed and data else b""
    return b""


def end_of_long_line(file: BinaryIO, offset: int) -> int:
    """Where the line after one that is longer than LONGEST_LINE_BYTES begins; 0 when there is none yet."""
    file.seek(offset + LONGEST_LINE_BYTES)
    while block := file.read(READ_BYTES):
        found = block.find(b"\n")
        if found >= 0:
            return file.tell() - len(block) + found + 1
    return 0


def parse_line(raw: bytes, file: str, line: int, series: str) -> Entry | BadLine:
    """A line by itself, without its newline."""
    if len(raw) > LONGEST_LINE_BYTES:
        return BadLine(file, line, f"longer than {LONGEST_LINE_BYTES} bytes", series)
    try:
        raw.decode()  # msgspec passes over the bytes of fields it does not want
        return Entry(raw, _identify.decode(raw).id, file, line, series)
    except (ValueError, RecursionError) as error:
        return BadLine(file, line, str(error) or type(error).__name__, series)
