"""The files of a journal: the open segment `DATA_DIR/<series>.ndjson` and the sealed ones beside it.

A series is `<stream>` for the stream's owner and `<stream>.<writer>` for any other writer. Sealed segments are
`DATA_DIR/sealed/<series>/<date>-<n>.ndjson`, immutable, in the order of (date, n).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.secrets_file import private_directory

BLOCK_BYTES = 64 * 1024


class _Sequenced(msgspec.Struct):
    seq: int


def series_name(stream: str, writer: str | None) -> str:
    return stream if writer is None else f"{stream}.{writer}"


def open_path(data_dir: Path, series: str) -> Path:
    return data_dir / f"{series}.ndjson"


def sealed_paths(data_dir: Path, series: str) -> list[Path]:
    """The sealed segments, oldest first."""
    paths = (data_dir / "sealed" / series).glob("*.ndjson")
    return sorted(paths, key=_seal_order)


def archived_paths(data_dir: Path, series: str) -> list[Path]:
    """The segments that a clear has put aside, oldest first."""
    return sorted((data_dir / "archive").glob(f"*/{series}/*.ndjson"))


def torn_path(data_dir: Path, series: str) -> Path:
    """Where half lines go that a crash has left."""
    return data_dir / f"{series}.ndjson.torn"


def series_of(data_dir: Path, stream: str) -> list[str]:
    """The names of all series of a stream that have written anything: the owner's and other writers'."""
    names = {path.name.removesuffix(".ndjson") for path in data_dir.glob("*.ndjson")}
    names |= {path.name for path in (data_dir / "sealed").glob("*")}
    return sorted(name for name in names if name == stream or name.startswith(f"{stream}."))


def seal(data_dir: Path, series: str, day: str) -> None:
    """Moves the open segment to the sealed ones; an empty or missing one stays as it is.

    A clock that was set back over midnight does not put it before the segments that are sealed already.
    """
    path = open_path(data_dir, series)
    if not path.exists() or path.stat().st_size == 0:
        return
    private_directory(data_dir / "sealed")
    folder = private_directory(data_dir / "sealed" / series)
    newest_day, newest_number = max((_seal_order(p) for p in folder.glob("*.ndjson")), default=(day, 0))
    number = newest_number + 1 if newest_day >= day else 1
    path.rename(folder / f"{max(day, newest_day)}-{number}.ndjson")
    for directory in (folder, data_dir):
        sync_directory(directory)


def torn_tail_to_side(path: Path, *, keep_torn: bool = True) -> None:
    """Cuts the file after its last newline; the half line goes to `<name>.torn` unless `keep_torn` is false."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        keep = _last_newline(path) + 1
        if keep == size:
            return
        if keep_torn:
            file.seek(keep)
            with open(path.with_suffix(".ndjson.torn"), "ab", opener=_private) as side:
                side.write(file.read() + b"\n")
                os.fsync(side.fileno())
        file.truncate(keep)
        os.fsync(file.fileno())


def last_sequence(data_dir: Path, series: str) -> int:
    """The `seq` of the newest readable record, 0 when there is none. Reads backwards: costs the tail only."""
    for path in (open_path(data_dir, series), *reversed(sealed_paths(data_dir, series))):
        for line in _lines_backwards(path):
            try:
                return msgspec.json.decode(line, type=_Sequenced).seq
            except (ValueError, RecursionError):  # not JSON, not UTF-8, not ours, or nested without end
                continue
    return 0


def _seal_order(path: Path) -> tuple[str, int]:
    day, _, number = path.stem.rpartition("-")
    return day, int(number) if number.isdigit() else 0


def _lines_backwards(path: Path) -> Iterator[bytes]:
    if not path.exists():
        return
    with path.open("rb") as file:
        end, rest = file.seek(0, os.SEEK_END), b""
        while end > 0:
            start = max(0, end - BLOCK_BYTES)
            file.seek(start)
            first, *lines = (file.read(end - start) + rest).split(b"\n")
            yield from (line for line in reversed(lines) if line)
            end, rest = start, first
        if rest:
            yield rest


def _last_newline(path: Path) -> int:
    """The offset of the last newline, -1 when there is none."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - BLOCK_BYTES)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found
            end = start
    return -1


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_directory(path: Path) -> None:
    """Makes the directory's entries durable: what was created, renamed or removed in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
