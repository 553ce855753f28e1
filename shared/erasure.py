"""Removing a person from journals: sealed, archived, open and torn, without moving anybody's place in them.

An erased line becomes an `erased` record with the same id, `at` and seq, filled with blanks to the old length.
Hence no line changes its place and no segment its first id, and every position of every reader stays what it was:
a follower neither skips nor repeats a record (docs/decisions/0005).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from shared.journal import Journal
from shared.journal_reader import BAD_FIRST_LINE, LONGEST_LINE_BYTES, segment_name
from shared.person import Line, Person, ids_of, masked, read_line
from shared.segments import archived_paths, open_path, sealed_paths, series_of, sync_directory, torn_path
from shared.tombstones import Kind, Tombstones

DIRECT_STREAMS = ("calls", "conversation_events")
DEPENDENT_STREAMS = ("intel_events", "intel_results", "dead_letters")
READ_BYTES = 4 * 1024 * 1024
SEAL_DEADLINE_S = 30.0


@dataclass(slots=True)
class Erasure:
    """What was removed per series (whole records) and masked per series (mentions in other people's records)."""

    removed: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)


def erase(
    data_dir: Path, who: Person, tombstones: Tombstones, writer: str, journals: Sequence[Journal]
) -> Erasure:
    """Removes a person from the series that these journals write.

    The tombstones are durable before the first record goes, so that what is erased cannot come in again
    meanwhile; a crash leaves some records in place, and the next erasure of the same number finds them. Raises
    JournalError or OSError.
    """
    tombstones.refresh()
    sids = sids_of(data_dir, who, tombstones)
    kinds: list[tuple[Kind, str]] = [("phone", who.phone), *(("sid", sid) for sid in sorted(sids))]
    tombstones.add(writer, kinds)
    sealed: list[Future[None]] = [journal.seal() for journal in journals]
    for done in sealed:
        done.result(SEAL_DEADLINE_S)
    series = [journal.series for journal in journals]
    tombstones.add(writer, [("event", key) for key in _event_keys(data_dir, series, who, tombstones)])
    found = Erasure()
    for name in series:
        for path in (*archived_paths(data_dir, name), *sealed_paths(data_dir, name)):
            _rewrite(path, name, who, tombstones, found)
        _clean_torn(torn_path(data_dir, name), who, tombstones)
    return found


def sids_of(data_dir: Path, who: Person, tombstones: Tombstones) -> set[str]:
    """The calls and conversations of a person, and the transcripts that hang on them, as far as journals tell."""
    sids: set[str] = set()
    for line, raw in _lines(data_dir, DIRECT_STREAMS):
        if who.is_party(line, raw):
            sids |= ids_of(line, raw)
    for line, raw in _lines(data_dir, DEPENDENT_STREAMS):
        named = ids_of(line, raw)
        if who.is_party(line, raw) or not sids.isdisjoint(named) or tombstones.covers(named, line.at):
            sids |= {sid for sid in (line.transcript_sid, line.conversation_sid) if sid}
    return sids


def remaining(data_dir: Path, who: Person, tombstones: Tombstones, series: Iterable[str]) -> Counter[str]:
    """How many lines of these series still belong to the person or mention one: the second search."""
    tombstones.refresh()
    sids = sids_of(data_dir, who, tombstones)
    found: Counter[str] = Counter()
    for name in series:
        for path in _files(data_dir, name):
            found[name] += sum(_is_left(raw, who, tombstones, sids) for _, raw in _raw_lines(path))
    return found


def mentions(path: Path, who: Person) -> int:
    """How often a file's bytes spell the number, for files that are no journals."""
    count, rest = 0, b""
    with suppress(FileNotFoundError), path.open("rb") as file:
        while block := file.read(READ_BYTES):
            data = rest + block
            count += len(who.spelling.findall(data))
            rest = data[-64:] if not who.mentioned(data[-64:]) else b""
    return count


# ---- which lines -------------------------------------------------------------------------------------------


def _belongs(line: Line, raw: bytes, who: Person, tombstones: Tombstones) -> bool:
    return tombstones.covers(ids_of(line, raw), line.at) or who.is_party(line, raw)


def _is_left(raw: bytes, who: Person, tombstones: Tombstones, sids: set[str]) -> bool:
    line = read_line(raw)
    if line is not None:
        named = ids_of(line, raw)
        if not sids.isdisjoint(named) or _belongs(line, raw, who, tombstones):
            return True
    return masked(raw, who, tombstones, line.at if line is not None else None) != raw


def _event_keys(data_dir: Path, series: Iterable[str], who: Person, tombstones: Tombstones) -> set[str]:
    """The keys of the events that will go, by which a redelivery is known again."""
    keys: set[str] = set()
    for name in series:
        for path in _files(data_dir, name):
            for _, raw in _raw_lines(path):
                line = read_line(raw)
                if line is not None and line.event_key and _belongs(line, raw, who, tombstones):
                    keys.add(line.event_key)
    return keys


def _lines(data_dir: Path, streams: Iterable[str]) -> Iterator[tuple[Line, bytes]]:
    for stream in streams:
        for name in {*series_of(data_dir, stream), stream}:
            for path in _files(data_dir, name):
                for _, raw in _raw_lines(path):
                    line = read_line(raw)
                    if line is not None:
                        yield line, raw


def _files(data_dir: Path, series: str) -> list[Path]:
    # The open one first: sealed meanwhile, its lines are then seen twice and not missed.
    return [
        open_path(data_dir, series),
        *archived_paths(data_dir, series),
        *sealed_paths(data_dir, series),
        torn_path(data_dir, series),
    ]


def _raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(offset, line with its newline), in pieces where a line is too long to be a record."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        offset = 0
        while raw := file.readline(LONGEST_LINE_BYTES):
            yield offset, raw
            offset += len(raw)


# ---- changing files ----------------------------------------------------------------------------------------


def _rewrite(path: Path, series: str, who: Person, tombstones: Tombstones, found: Erasure) -> None:
    """Puts a changed copy in the segment's place, synced and renamed; a segment without the person stays."""
    changes: list[tuple[int, bytes]] = []
    for offset, raw in _raw_lines(path):
        line = read_line(raw)
        if line is not None and line.type != "erased" and _belongs(line, raw, who, tombstones):
            changes.append((offset, _blank(line, len(raw))))
            found.removed[series] += 1
            continue
        clean = masked(raw, who, tombstones, line.at if line is not None else None)
        if clean != raw:
            if offset == 0 and line is None:
                clean = _renamed(segment_name(path), clean)
            changes.append((offset, clean))
            found.masked[series] += 1
    if changes:
        _replace(path, changes)


def _blank(line: Line, length: int) -> bytes:
    """The erased line in this length, newline included."""
    shortest = {"id": line.id, "type": "erased"}
    for value in ({"v": 1, "id": line.id, "at": line.at, "seq": line.seq, "type": "erased"}, shortest):
        text = msgspec.json.encode(value)
        if len(text) < length:
            return text.ljust(length - 1) + b"\n"
    return b" " * (length - 1) + b"\n"


def _renamed(name: str, raw: bytes) -> bytes:
    """A bad first line names its segment by its digest: the line that replaces it keeps that name as its id."""
    text = msgspec.json.encode({"id": name, "type": "erased"})
    fits = name.startswith(BAD_FIRST_LINE) and len(text) < len(raw) and raw.endswith(b"\n")
    return text.ljust(len(raw) - 1) + b"\n" if fits else raw


def _replace(path: Path, changes: Iterable[tuple[int, bytes]]) -> None:
    draft = path.with_name(f".{path.name}.erase")
    status = path.stat()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with path.open("rb") as source:
            while block := source.read(READ_BYTES):
                _write_all(descriptor, block)
        for offset, raw in changes:
            if os.pwrite(descriptor, raw, offset) < len(raw):
                raise OSError(f"short write to {draft}")
        os.fsync(descriptor)
        # Retention and readers go by when the segment was last written to, which is not now.
        os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
        draft.rename(path)
        sync_directory(path.parent)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _clean_torn(path: Path, who: Person, tombstones: Tombstones) -> None:
    """Half lines that a crash left are of no use once they are about somebody: they go."""
    kept = [raw for _, raw in _raw_lines(path) if masked(raw, who, tombstones) == raw]
    if path.exists() and sum(map(len, kept)) < path.stat().st_size:
        draft = path.with_name(f".{path.name}.erase")
        with open(draft, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.writelines(kept)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        sync_directory(path.parent)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
