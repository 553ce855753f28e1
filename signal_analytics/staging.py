"""Journal lines into the temporary table `staged`, all at once where they are sound, line by line where not.

DuckDB reads a file of sound lines at hundreds of megabytes a second and refuses it as a whole when one line is
broken. Only such files are cleaned: each line is checked by itself, and what stays out is named by file and line.
"""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import msgspec

from shared.journal_reader import BadLine, Entry
from shared.journal_spans import Span, lines_of
from shared.records import decode, encode
from signal_analytics.columns import Stream

SCRATCH = "analytics.lines.tmp"
BLOCK_LINES = 20_000
# What a file's content can cause; anything else (a full disk, a lost file) is not the lines' fault.
REFUSED = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.InvalidTypeException,
)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError)


class Stage:
    """Fills the temporary table `staged` of a connection; leaves no file behind."""

    def __init__(self, db: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self._db = db
        self._scratch = folder / SCRATCH

    def fill(self, stream: Stream, spans: Sequence[Span]) -> list[BadLine]:
        """`staged` holds the good lines of the spans; what is left out is given back."""
        try:
            paths = self._paths(spans)
            if self._whole(stream, paths, sum(span.lines for span in spans)):
                return []
            self._empty(stream)
            bad: list[BadLine] = []
            for path, span in zip(paths, spans, strict=True):
                if not self._add(stream, [path], span.lines):
                    bad += self._clean(stream, span)
            return bad
        finally:
            for left in self._scratch.parent.glob(f"{SCRATCH}*"):
                left.unlink(missing_ok=True)

    def _paths(self, spans: Sequence[Span]) -> list[str]:
        """Where DuckDB finds the spans: sealed segments where they are, others in a file of their own."""
        return [
            glob.escape(str(span.path)) if span.data is None else self._write(span.data, f".{number}")
            for number, span in enumerate(spans)
        ]

    def _write(self, data: bytes, suffix: str = "") -> str:
        path = self._scratch.with_name(SCRATCH + suffix)
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(data)
        return glob.escape(str(path))

    def _whole(self, stream: Stream, paths: Sequence[str], lines: int) -> bool:
        try:
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {stream.rows(_listed(paths))}")
        except REFUSED:
            return False
        return self._counts() == (lines, 0)

    def _empty(self, stream: Stream) -> None:
        path = self._write(b'{"id":""}\n')
        self._db.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {stream.rows(_listed([path]))} LIMIT 0")

    def _add(self, stream: Stream, paths: Sequence[str], lines: int) -> bool:
        """Adds the lines of the files when every one of them is good; else nothing has changed."""
        before, _ = self._counts()
        self._db.execute("BEGIN TRANSACTION")
        try:
            self._db.execute(f"INSERT INTO staged {stream.rows(_listed(paths))}")
            good = self._counts() == (before + lines, 0)
        except REFUSED:
            good = False
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT" if good else "ROLLBACK")
        return good

    def _counts(self) -> tuple[int, int]:
        counted = "SELECT count(*), count(*) FILTER (WHERE bad) FROM staged"
        ((lines, bad),) = self._db.execute(counted).fetchall()
        return lines, bad

    def _clean(self, stream: Stream, span: Span) -> list[BadLine]:
        bad: list[BadLine] = []
        for block in _blocks(lines_of(span)):
            good: list[Entry] = []
            for line in block:
                fault = line if isinstance(line, BadLine) else _fault(line)
                if fault is not None:
                    bad.append(fault)
                elif isinstance(line, Entry):
                    good.append(line)
            bad += self._halve(stream, good)
        return bad

    def _halve(self, stream: Stream, lines: Sequence[Entry]) -> list[BadLine]:
        """Adds the lines, written anew where they are not understood as they are; finds those that stay out."""
        if not lines:
            return []
        raws = [line.raw for line in lines]
        if self._add_lines(stream, raws) or self._add_lines(stream, [encode(decode(raw)) for raw in raws]):
            return []
        if len(lines) == 1:
            return [BadLine(lines[0].file, lines[0].line, "its values cannot be stored", lines[0].series)]
        middle = len(lines) // 2
        return self._halve(stream, lines[:middle]) + self._halve(stream, lines[middle:])

    def _add_lines(self, stream: Stream, raws: Sequence[bytes]) -> bool:
        return self._add(stream, [self._write(b"\n".join(raws) + b"\n")], len(raws))


def _fault(line: Entry) -> BadLine | None:
    """Why a line is no record of ours, None when it is one."""
    try:
        decode(line.raw)
    except UNREADABLE as error:
        return BadLine(line.file, line.line, str(error) or type(error).__name__, line.series)
    return None


def _blocks(lines: Iterator[Entry | BadLine]) -> Iterator[list[Entry | BadLine]]:
    while block := list(itertools.islice(lines, BLOCK_LINES)):
        yield block


def _listed(paths: Sequence[str]) -> str:
    """The paths as an SQL list; a quote in a path is doubled."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"
