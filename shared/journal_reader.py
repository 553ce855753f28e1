"""Reading journals: forwards from a position, across segments and writers, while they are being written.

A position is (id of the segment's first record, offset, line), never a path or an inode: segments are renamed
when they are sealed. Bad lines are handed out with file and line number; skipping them is the caller's decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.segments import open_path, sealed_paths, series_of

READ_BYTES = 4 * 1024 * 1024
LONGEST_LINE_BYTES = 16 * 1024 * 1024


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


class _Identified(msgspec.Struct):
    id: str


_identify = msgspec.json.Decoder(_Identified)


class JournalReader:
    """Hands out what a stream holds after `positions` (series -> Position); call `read` again to follow it."""

    def __init__(self, data_dir: Path, stream: str, positions: dict[str, Position] | None = None) -> None:
        self._data_dir = data_dir
        self._stream = stream
        self.positions: dict[str, Position] = dict(positions or {})
        self._paths: dict[str, Path] = {}

    def read(self, limit: int = 5000) -> list[Entry | BadLine]:
        """Up to about `limit` lines not handed out before, in order within each series; empty when there are none.

        Never blocks. `positions` afterwards covers exactly what was handed out.
        """
        found: list[Entry | BadLine] = []
        for series in series_of(self._data_dir, self._stream):
            while len(found) < limit:
                lines = self._read_segment(series, limit - len(found))
                found += lines
                if not lines and not self._advance(series):
                    break
        return found

    def _read_segment(self, series: str, limit: int) -> list[Entry | BadLine]:
        path = self._current(series)
        if path is None:
            return []
        position = self.positions.get(series) or Position("", 0, 0)
        data = _read_whole_lines(path, position.offset)
        found: list[Entry | BadLine] = []
        offset, line, segment = position.offset, position.line, position.segment
        for raw in data.split(b"\n", limit)[:limit] if data else ():
            if offset + len(raw) == position.offset + len(data):  # what stands behind the last newline
                break
            offset, line = offset + len(raw) + 1, line + 1
            parsed = _parse(raw, path.name, line, series)
            if isinstance(parsed, Entry) and not segment:
                segment = parsed.id
            found.append(parsed)
        if found:
            self.positions[series] = Position(segment or _segment_id(path), offset, line)
        return found

    def _segments(self, series: str) -> list[Path]:
        paths = [*sealed_paths(self._data_dir, series), open_path(self._data_dir, series)]
        return [path for path in paths if path.exists()]

    def _current(self, series: str) -> Path | None:
        """The file of the segment being read; found again by its first record when it has been renamed."""
        position = self.positions.get(series)
        paths = self._segments(series)
        if position is None:
            return paths[0] if paths else None
        if not position.segment:  # nothing but bad lines so far, so it has no name to be found by
            return self._paths.setdefault(series, paths[-1]) if paths else None
        known = self._paths.get(series)
        if known is not None and _segment_id(known) == position.segment:
            return known
        for path in paths:
            if _segment_id(path) == position.segment:
                self._paths[series] = path
                return path
        return None

    def _advance(self, series: str) -> bool:
        """Moves to the segment after the one that was read to its end; False when that is the newest."""
        position = self.positions.get(series)
        if position is None:
            return False
        paths = self._segments(series)
        ids = [_segment_id(path) for path in paths]
        if position.segment in ids:
            later = paths[ids.index(position.segment) + 1 :]
        else:  # the segment is gone (retention): go on with the first that is newer
            later = [path for path, first in zip(paths, ids, strict=True) if first > position.segment]
        following = next((path for path in later if path.stat().st_size > 0), None)
        if following is None or not _segment_id(following):
            return False
        self._paths[series] = following
        self.positions[series] = Position(_segment_id(following), 0, 0)
        return True


def _read_whole_lines(path: Path, offset: int) -> bytes:
    """Whole lines from `offset`, at least one when there is one; b"" at the end or in front of a half line."""
    size = READ_BYTES
    try:
        with path.open("rb") as file:
            while True:
                file.seek(offset)
                data = file.read(size)
                end = data.rfind(b"\n") + 1
                if end or len(data) < size:
                    return data[:end]
                if size >= LONGEST_LINE_BYTES:  # no record of ours: handed out as a bad line, never waited for
                    return data[:-1] + b"\n"
                size *= 2
    except FileNotFoundError:  # sealed between listing and opening: the next call finds it again
        return b""


def _segment_id(path: Path) -> str:
    """The id of the first record in the file, "" when it holds none yet."""
    try:
        with path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    return ""
                try:
                    return _identify.decode(raw).id
                except msgspec.MsgspecError:
                    continue
    except FileNotFoundError:
        return ""
    return ""


def _parse(raw: bytes, file: str, line: int, series: str) -> Entry | BadLine:
    try:
        return Entry(raw, _identify.decode(raw).id, file, line, series)
    except (msgspec.MsgspecError, RecursionError) as error:
        return BadLine(file, line, str(error) or type(error).__name__, series)
