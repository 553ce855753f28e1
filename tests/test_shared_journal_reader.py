"""Reading journals: following writers over rotations, resuming from positions, bad lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shared.journal_reader
from shared.journal import Journal
from shared.journal_reader import BadLine, Entry, JournalReader, Position, end_positions
from shared.records import AuditRecord, encode
from shared.segments import open_path, seal, sealed_paths, torn_tail_to_side

Eventually = Callable[..., object]
DAY = "2026-11-22"


def audit(target: str = "") -> AuditRecord:
    return AuditRecord(actor="ada", role="admin", action="write", target=target)


def line(name: str) -> bytes:
    return b'{"id":"%s"}\n' % name.encode()


def shown(lines: list[Entry | BadLine]) -> list[str]:
    """Ids of records, and file:line of bad lines."""
    return [found.id if isinstance(found, Entry) else f"{found.file}:{found.line}" for found in lines]


def drained(reader: JournalReader, limit: int = 5000) -> list[Entry | BadLine]:
    found: list[Entry | BadLine] = []
    while lines := reader.read(limit):
        found += lines
    return found


def resumed(reader: JournalReader, data_dir: Path) -> JournalReader:
    """A reader in a new process: it knows nothing but the stored positions."""
    stored = msgspec.json.encode(reader.positions)
    return JournalReader(data_dir, "audit", msgspec.json.decode(stored, type=dict[str, Position]))


# ---- following ----------------------------------------------------------------------------------------------


def test_a_follower_gets_every_record_once_and_in_order_while_segments_rotate(
    tmp_path: Path, eventually: Eventually
) -> None:
    count = 800
    journal = Journal.open(tmp_path, "audit", segment_bytes=2000)

    def write() -> None:
        futures = []
        for number in range(count):
            futures.append(journal.append(audit(str(number))))
            if number % 3 == 0:
                futures[-1].result(5)

    writer = threading.Thread(target=write)
    reader = JournalReader(tmp_path, "audit")
    found: list[Entry | BadLine] = []

    def has_all() -> bool:
        found.extend(reader.read(100))
        return len(found) >= count

    writer.start()
    eventually(has_all, timeout_s=30)
    writer.join()
    journal.close()
    assert [msgspec.json.decode(entry.raw)["target"] for entry in found if isinstance(entry, Entry)] == [
        str(number) for number in range(count)
    ]
    assert len(sealed_paths(tmp_path, "audit")) > 20
    assert reader.read() == []


def test_all_writers_of_a_stream_are_read_each_in_its_order(tmp_path: Path) -> None:
    for writer in (None, "relay_server", "sandbox"):
        journal = Journal.open(tmp_path, "audit", writer, segment_bytes=500)
        for number in range(6):
            journal.append(audit(f"{writer}-{number}")).result(5)
        journal.close()
    Journal.open(tmp_path, "audits").close()
    (tmp_path / "auditors.ndjson").write_bytes(line("another stream"))
    found = [entry for entry in JournalReader(tmp_path, "audit").read() if isinstance(entry, Entry)]
    assert len(found) == 18
    for writer, series in ((None, "audit"), ("relay_server", "audit.relay_server"), ("sandbox", "audit.sandbox")):
        mine = [msgspec.json.decode(entry.raw)["target"] for entry in found if entry.series == series]
        assert mine == [f"{writer}-{number}" for number in range(6)]


def test_nothing_is_read_before_its_newline_is_there(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(line("a") + b'{"id":')
    reader = JournalReader(tmp_path, "audit")
    assert shown(reader.read()) == ["a"]
    assert reader.read() == []
    with path.open("ab") as file:
        file.write(b'"b"}\n')
    assert shown(reader.read()) == ["b"]


def test_reading_an_empty_or_missing_directory_gives_nothing(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path / "missing", "audit")
    assert reader.read() == []
    assert reader.positions == {}


# ---- resuming -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_stored_positions_resume_at_exactly_the_rest(tmp_path: Path, limit: int) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=600)
    written = [audit(str(number)) for number in range(20)]
    for record in written:
        journal.append(record).result(5)
    journal.close()
    reader = JournalReader(tmp_path, "audit")
    found: list[str] = []
    while lines := reader.read(limit):
        assert len(lines) <= limit
        found += shown(lines)
        reader = resumed(reader, tmp_path)
    assert found == [record.id for record in written]


def test_a_position_survives_the_sealing_of_its_segment(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(line("a") + line("b"))
    reader = JournalReader(tmp_path, "audit")
    assert shown(reader.read(1)) == ["a"]
    seal(tmp_path, "audit", DAY)
    path.write_bytes(line("c"))
    assert shown(drained(resumed(reader, tmp_path))) == ["b", "c"]
    assert shown(drained(reader)) == ["b", "c"]


def test_a_segment_that_is_sealed_after_it_was_located_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(line("a") + line("b"))
    reader = JournalReader(tmp_path, "audit")
    assert shown(reader.read(1)) == ["a"]
    locate = JournalReader._locate

    def locate_and_seal(self: JournalReader, series: str, segment: str) -> Path | None:
        found = locate(self, series, segment)
        monkeypatch.undo()
        seal(tmp_path, "audit", DAY)
        path.write_bytes(line("c") + line("d"))
        return found

    monkeypatch.setattr(JournalReader, "_locate", locate_and_seal)
    assert reader.read() == []
    assert shown(drained(reader)) == ["b", "c", "d"]


@pytest.mark.parametrize("first_gone", [0, 1])
def test_reading_goes_on_behind_a_segment_that_is_gone(tmp_path: Path, first_gone: int) -> None:
    path = open_path(tmp_path, "audit")
    for number in range(4):
        path.write_bytes(line(f"{number}a") + line(f"{number}b"))
        seal(tmp_path, "audit", DAY)
    reader = JournalReader(tmp_path, "audit")
    assert shown(reader.read(3)) == ["0a", "0b", "1a"]
    for gone in sealed_paths(tmp_path, "audit")[first_gone:2]:
        gone.unlink()
    assert shown(drained(resumed(reader, tmp_path))) == ["2a", "2b", "3a", "3b"]
    assert shown(drained(reader)) == ["2a", "2b", "3a", "3b"]


def test_a_reader_that_starts_at_the_end_gets_only_what_comes(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=300)
    for number in range(7):
        journal.append(audit(str(number))).result(5)
    ends = end_positions(tmp_path, "audit")
    everything = JournalReader(tmp_path, "audit")
    drained(everything)
    assert ends == everything.positions
    reader = JournalReader(tmp_path, "audit", ends)
    assert reader.read() == []
    last = audit("last")
    journal.append(last).result(5)
    journal.close()
    assert shown(drained(reader)) == [last.id]


# ---- bad lines ----------------------------------------------------------------------------------------------

BAD_LINES = {
    "NUL bytes": b"\0\0\0\0",
    "half a record": b'{"id":"x","targ',
    "byte order mark": b'\xef\xbb\xbf{"id":"x"}',
    "empty line": b"",
    "blank line": b"  \t ",
    "two records": b'{"id":"x"}{"id":"y"}',
    "list": b'["id"]',
    "string": b'"id"',
    "null": b"null",
    "number as id": b'{"id":5}',
    "no id": b'{"type":"audit"}',
    "empty id": b'{"id":""}',
    "not UTF-8 in the id": b'{"id":"\xff"}',
    "not UTF-8 elsewhere": b'{"id":"x","target":"\xff\xfe"}',
    "lone surrogate": b'{"id":"\\ud800"}',
    "NaN": b'{"id":"x","n":NaN}',
    "nested without end": b'{"id":"x","n":' + b"[" * 200_000,
    "carriage returns only": b"\r\r",
    "20 MB": b'{"id":"x","target":"' + b"y" * 20_000_000 + b'"}',
    "20 MB without a record": b"z" * 20_000_000,
}


@pytest.mark.parametrize("bad", BAD_LINES.values(), ids=BAD_LINES.keys())
@pytest.mark.parametrize("where", ["first", "between", "last"])
def test_a_bad_line_is_reported_with_its_place_and_stops_nothing(tmp_path: Path, bad: bytes, where: str) -> None:
    lines = [line("a"), line("b"), line("c")]
    place = {"first": 0, "between": 1, "last": 3}[where]
    lines.insert(place, bad + b"\n")
    open_path(tmp_path, "audit").write_bytes(b"".join(lines))
    expected = ["a", "b", "c"]
    expected.insert(place, f"audit.ndjson:{place + 1}")
    reader = JournalReader(tmp_path, "audit")
    found = drained(reader)
    assert shown(found) == expected
    assert [entry.line for entry in found] == [1, 2, 3, 4]
    reason = next(entry.reason for entry in found if isinstance(entry, BadLine))
    assert reason
    with open_path(tmp_path, "audit").open("ab") as file:
        file.write(line("d"))
    assert shown(drained(resumed(reader, tmp_path))) == ["d"]


def test_a_line_that_ends_in_crlf_is_a_record(tmp_path: Path) -> None:
    open_path(tmp_path, "audit").write_bytes(encode(audit("x")) + b"\r\n" + line("b"))
    found = JournalReader(tmp_path, "audit").read()
    assert [type(entry) for entry in found] == [Entry, Entry]


def test_a_segment_of_nothing_but_bad_lines_is_passed_and_what_follows_is_read(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    for content in (b"bad\n\n\n", line("a"), b"\0\n\0\n"):
        path.write_bytes(content)
        seal(tmp_path, "audit", DAY)
    path.write_bytes(b"worse\n" + line("b"))
    expected = [*(f"{DAY}-1.ndjson:{n}" for n in (1, 2, 3)), "a", *(f"{DAY}-3.ndjson:{n}" for n in (1, 2))]
    expected += ["audit.ndjson:1", "b"]
    for limit in (1, 2, 3, 100):
        reader = JournalReader(tmp_path, "audit")
        found: list[str] = []
        while lines := reader.read(limit):
            found += shown(lines)
            reader = resumed(reader, tmp_path)
        assert found == expected


def test_bad_lines_first_then_rotation_then_records_are_all_read_once(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(b"bad\n")
    reader = JournalReader(tmp_path, "audit")
    assert shown(reader.read()) == ["audit.ndjson:1"]
    with path.open("ab") as file:
        file.write(line("a"))
    seal(tmp_path, "audit", DAY)
    path.write_bytes(line("b") + line("c"))
    for follower in (resumed(reader, tmp_path), reader):
        assert shown(drained(follower)) == ["a", "b", "c"]


def test_the_half_line_at_the_end_of_a_damaged_sealed_segment_is_reported(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(line("a") + b'{"id":"hal')
    seal(tmp_path, "audit", DAY)
    path.write_bytes(line("b"))
    assert shown(drained(JournalReader(tmp_path, "audit"))) == ["a", f"{DAY}-1.ndjson:2", "b"]


# ---- any interleaving ---------------------------------------------------------------------------------------


class Writer:
    """A writer whose single steps can be put anywhere; it remembers the lines that are whole."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._path = open_path(data_dir, "audit")
        self._rest = b""
        self.written: list[str] = []

    def step(self, kind: str) -> None:
        match kind:
            case "append":
                self._finish()
                self._put(line(self._next_id()))
            case "bad":
                self._finish()
                self._next_id("bad")
                self._put(b"bad %d\n" % len(self.written))
            case "half":
                self._finish()
                whole = line(self._next_id())
                self._put(whole[:9])
                self._rest = whole[9:]
            case "seal":
                self._finish()
                seal(self._data_dir, "audit", DAY)
                self._path.touch()
            case "crash":
                if self._rest:
                    self.written.pop()
                    self._rest = b""
                torn_tail_to_side(self._path)

    def _finish(self) -> None:
        self._put(self._rest)
        self._rest = b""

    def _next_id(self, kind: str = "") -> str:
        self.written.append(kind or f"{len(self.written):06}")
        return self.written[-1]

    def _put(self, data: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(data)


def kinds(lines: list[Entry | BadLine]) -> list[str]:
    return [found.id if isinstance(found, Entry) else "bad" for found in lines]


writer_steps = st.sampled_from(["append", "append", "append", "bad", "half", "seal", "seal", "crash"])
reader_steps = st.sampled_from(["read 1", "read 2", "read 100", "resume"])


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.one_of(writer_steps, reader_steps), max_size=40))
def test_any_order_of_appends_seals_and_reads_hands_out_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    data_dir = tmp_path_factory.mktemp("order")
    writer, reader = Writer(data_dir), JournalReader(data_dir, "audit")
    found: list[str] = []
    for step in steps:
        if step == "resume":
            reader = resumed(reader, data_dir)
        elif step.startswith("read"):
            found += kinds(reader.read(int(step.split()[1])))
        else:
            writer.step(step)
    writer.step("append")
    found += kinds(drained(reader))
    assert found == writer.written


@contextmanager
def writing_in_between(steps: Iterator[str], writer: Writer) -> Iterator[None]:
    """Lets the writer take its next steps each time before and after the reader looks at a file or directory."""
    look_at_files = shared.journal_reader.segment_name
    look_at_directory = sealed_paths
    locate = JournalReader._locate
    read_lines = shared.journal_reader.whole_lines

    def take_steps() -> None:
        for step in next(steps, "").split():
            writer.step(step)

    def then(look: Callable[..., object]) -> Callable[..., object]:
        def looked(*arguments: object, **options: object) -> object:
            take_steps()
            found = look(*arguments, **options)
            take_steps()
            return found

        return looked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.journal_reader, "segment_name", then(look_at_files))
        patch.setattr(shared.journal_reader, "sealed_paths", then(look_at_directory))
        patch.setattr(shared.journal_reader, "whole_lines", then(read_lines))
        patch.setattr(JournalReader, "_locate", then(locate))
        yield


@settings(max_examples=120, deadline=None)
@given(
    before=st.lists(writer_steps, max_size=6),
    meanwhile=st.lists(st.sampled_from(["", "append", "seal", "seal append append append"]), max_size=40),
    limit=st.sampled_from([1, 2, 100]),
)
def test_a_writer_that_appends_and_seals_between_any_two_looks_loses_no_line(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], meanwhile: list[str], limit: int
) -> None:
    data_dir = tmp_path_factory.mktemp("between")
    writer, reader = Writer(data_dir), JournalReader(data_dir, "audit")
    for step in before:
        writer.step(step)
    found: list[str] = []
    with writing_in_between(iter(meanwhile), writer):
        for _ in range(8):
            found += kinds(reader.read(limit))
    writer.step("append")
    found += kinds(drained(reader))
    assert found == writer.written
