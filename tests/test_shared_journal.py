"""The journal's writer: round trips, group commit, rotation, locks, bounds and file modes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

import shared.journal
import shared.segments
from shared.journal import Journal, JournalFull, JournalLocked
from shared.journal_reader import Entry, JournalReader
from shared.records import AuditRecord, Turn, decode, decode_call, new_id
from shared.segments import open_path, sealed_paths

Eventually = Callable[..., object]


def audit(target: str = "") -> AuditRecord:
    return AuditRecord(actor="ada", role="admin", action="write", target=target)


def entries(data_dir: Path, stream: str = "audit") -> list[Entry]:
    lines = JournalReader(data_dir, stream).read(1_000_000)
    assert all(isinstance(line, Entry) for line in lines), lines
    return [line for line in lines if isinstance(line, Entry)]


def targets(data_dir: Path) -> list[str]:
    found = [decode(entry.raw) for entry in entries(data_dir)]
    return [record.target for record in found if isinstance(record, AuditRecord)]


class WatchedOs:
    """The `os` module as the journal sees it; its syncs can be counted and held up."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.open_gate = threading.Event()
        self.open_gate.set()
        self.waiting = threading.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def fdatasync(self, descriptor: int) -> None:
        self.waiting.set()
        assert self.open_gate.wait(10)
        self.events.append(("fdatasync", self._name(descriptor)))
        os.fdatasync(descriptor)

    def fsync(self, descriptor: int) -> None:
        self.events.append(("fsync", self._name(descriptor)))
        os.fsync(descriptor)

    @staticmethod
    def _name(descriptor: int) -> str:
        return Path(f"/proc/self/fd/{descriptor}").resolve().name


@pytest.fixture
def watched_os(monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedOs]:
    watched = WatchedOs()
    monkeypatch.setattr(shared.journal, "os", watched)
    monkeypatch.setattr(shared.segments, "os", watched)
    yield watched
    watched.open_gate.set()


@pytest.fixture
def set_day(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`set_day("2026-11-22")`: what the journal's clock says from now on."""

    def set_to(day: str) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None) -> Clock:
                return cls.fromisoformat(f"{day}T12:00:00+00:00")

        monkeypatch.setattr(shared.journal, "datetime", Clock)

    return set_to


# ---- round trips --------------------------------------------------------------------------------------------


async def test_a_committed_record_is_read_back_as_it_was(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "calls")
    turn = Turn(
        call_sid="CA1", turn=1, input="speech", caller_text="¿Qué? 😀\n\u2028", latency={"complete_ms": 1.5}
    )
    await journal.commit(turn)
    journal.close()
    assert [decode_call(entry.raw) for entry in entries(tmp_path, "calls")] == [turn]


async def test_a_line_is_one_json_object_with_version_id_time_and_sequence(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "audit")
    await journal.commit(audit("x"))
    journal.close()
    content = (tmp_path / "audit.ndjson").read_bytes()
    assert content.endswith(b"\n")
    assert content.count(b"\n") == 1
    line = msgspec.json.decode(content)
    assert {"v": 1, "seq": 1, "type": "audit", "actor": "ada", "target": "x"}.items() <= line.items()
    assert datetime.fromisoformat(line["at"]).tzinfo == UTC
    assert line["at"].endswith("Z")


def test_sequence_numbers_and_ids_rise_over_restarts_and_segments(tmp_path: Path) -> None:
    for start in range(3):
        journal = Journal.open(tmp_path, "audit", segment_bytes=700)
        for number in range(10):
            journal.append(audit(f"{start}-{number}")).result(5)
        journal.close()
    found = [decode(entry.raw) for entry in entries(tmp_path)]
    assert [record.seq for record in found] == list(range(1, 31))
    ids = [record.id for record in found]
    assert ids == sorted(set(ids))
    assert len(sealed_paths(tmp_path, "audit")) > 3


def test_ids_rise_within_a_millisecond() -> None:
    ids = [new_id() for _ in range(5000)]
    assert ids == sorted(set(ids))


def test_the_sequence_goes_on_behind_lines_that_are_no_records(tmp_path: Path) -> None:
    junk = [b"{}", b"\xff\xfe", b'{"n":' + b"[" * 100_000, b'{"seq":"nine"}', b"\0\0"]
    (tmp_path / "audit.ndjson").write_bytes(b'{"id":"a","seq":41}\n' + b"\n".join(junk) + b"\n")
    journal = Journal.open(tmp_path, "audit")
    record = audit()
    journal.append(record).result(5)
    journal.close()
    assert record.seq == 42


def test_half_a_surrogate_pair_does_not_cost_the_record(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "audit")
    journal.append(audit("cut \ud83d here")).result(5)
    journal.close()
    assert targets(tmp_path) == ["cut \ufffd here"]


# ---- group commit -------------------------------------------------------------------------------------------


def test_many_threads_share_few_syncs_and_nothing_is_lost(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit")

    def write(name: int) -> None:
        for number in range(25):
            journal.append(audit(f"{name}-{number}")).result(10)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    found = targets(tmp_path)
    assert sorted(found) == sorted(f"{name}-{number}" for name in range(16) for number in range(25))
    for name in range(16):  # the order of each thread is kept
        mine = [target for target in found if target.startswith(f"{name}-")]
        assert mine == [f"{name}-{number}" for number in range(25)]
    assert sum(kind == "fdatasync" for kind, _ in watched_os.events) < 300


async def test_what_asyncio_commits_together_is_synced_together(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit")
    await asyncio.gather(*(journal.commit(audit(str(number))) for number in range(500)))
    journal.close()
    assert targets(tmp_path) == [str(number) for number in range(500)]
    assert sum(kind == "fdatasync" for kind, _ in watched_os.events) <= 10


async def test_nothing_is_acknowledged_before_the_sync(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit")
    watched_os.open_gate.clear()
    done = journal.append(audit())
    assert watched_os.waiting.wait(5)
    assert not done.done()
    watched_os.open_gate.set()
    done.result(5)
    journal.close()


def test_the_name_of_a_new_segment_is_durable_before_its_first_line_is(
    tmp_path: Path, watched_os: WatchedOs
) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=1)
    for number in range(3):
        journal.append(audit(str(number))).result(5)
    journal.close()
    steps = [name for _, name in watched_os.events if name in {tmp_path.name, "audit.ndjson"}]
    firsts = [n for n, name in enumerate(steps) if name == "audit.ndjson"]
    assert len(firsts) == 3
    assert all(n > 0 and steps[n - 1] == tmp_path.name for n in firsts), steps


async def test_a_cancelled_waiter_does_not_stop_the_writer(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit")
    watched_os.open_gate.clear()
    impatient = asyncio.create_task(journal.commit(audit("given up")))
    assert await asyncio.to_thread(watched_os.waiting.wait, 5)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    watched_os.open_gate.set()
    await journal.commit(audit("after"))
    journal.close()
    assert targets(tmp_path) == ["given up", "after"]


# ---- bounds and ends ----------------------------------------------------------------------------------------


def test_a_full_queue_refuses_at_once_and_takes_records_again_later(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit", capacity=3)
    watched_os.open_gate.clear()
    writing = journal.append(audit("0"))
    assert watched_os.waiting.wait(5)
    waiting = [journal.append(audit(str(number))) for number in (1, 2, 3)]
    full_meanwhile = journal.full
    with pytest.raises(JournalFull, match="3 records"):
        journal.append(audit("refused"))
    watched_os.open_gate.set()
    for done in (writing, *waiting):
        done.result(5)
    assert (full_meanwhile, journal.full) == (True, False)
    journal.append(audit("4")).result(5)
    journal.close()
    assert targets(tmp_path) == ["0", "1", "2", "3", "4"]
    assert [decode(entry.raw).seq for entry in entries(tmp_path)] == [1, 2, 3, 4, 5]


def test_closing_writes_what_is_queued_and_refuses_more(tmp_path: Path, watched_os: WatchedOs) -> None:
    journal = Journal.open(tmp_path, "audit")
    watched_os.open_gate.clear()
    queued = [journal.append(audit(str(number))) for number in range(100)]
    watched_os.open_gate.set()
    journal.close()
    journal.close()
    assert all(done.done() for done in queued)
    assert len(targets(tmp_path)) == 100
    with pytest.raises(JournalFull, match="closed"):
        journal.append(audit())


def test_a_second_process_cannot_open_the_journal_until_it_is_closed(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "audit")
    with pytest.raises(JournalLocked):
        Journal.open(tmp_path, "audit")
    attempt = (
        "import pathlib, sys; from shared.journal import Journal\n"
        "Journal.open(pathlib.Path(sys.argv[1]), 'audit').close()"
    )
    command = [sys.executable, "-c", attempt, str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 1
    assert "JournalLocked: audit.ndjson is being written by another process" in refused.stderr
    Journal.open(tmp_path, "audit", "other").close()
    journal.close()
    assert subprocess.run(command, timeout=30, check=False).returncode == 0


def test_a_journal_that_could_not_be_opened_holds_no_lock(tmp_path: Path) -> None:
    (tmp_path / "audit.ndjson").mkdir()
    with pytest.raises(IsADirectoryError):
        Journal.open(tmp_path, "audit")
    (tmp_path / "audit.ndjson").rmdir()
    Journal.open(tmp_path, "audit").close()


# ---- rotation -----------------------------------------------------------------------------------------------


def test_a_segment_is_sealed_when_it_has_its_size(tmp_path: Path, set_day: Callable[[str], None]) -> None:
    set_day("2026-11-22")
    journal = Journal.open(tmp_path, "audit", segment_bytes=1000)
    for number in range(12):
        journal.append(audit(f"{number:0100}")).result(5)
    journal.close()
    sealed = sealed_paths(tmp_path, "audit")
    assert [path.name for path in sealed] == [f"2026-11-22-{n}.ndjson" for n in range(1, len(sealed) + 1)]
    assert len(sealed) >= 2
    assert all(1000 <= path.stat().st_size < 1400 for path in sealed)
    assert len(targets(tmp_path)) == 12


def test_the_tenth_segment_of_a_day_comes_after_the_ninth(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=1)
    for number in range(12):
        journal.append(audit(str(number))).result(5)
    journal.close()
    assert targets(tmp_path) == [str(number) for number in range(12)]


def test_a_segment_is_sealed_at_midnight_without_anyone_writing(
    tmp_path: Path, set_day: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr(shared.journal, "IDLE_WAKE_S", 0.02)
    set_day("2026-11-22")
    journal = Journal.open(tmp_path, "audit")
    journal.append(audit("yesterday")).result(5)
    set_day("2026-11-23")
    eventually(lambda: (tmp_path / "sealed/audit/2026-11-22-1.ndjson").exists())
    eventually(lambda: open_path(tmp_path, "audit").exists())
    assert open_path(tmp_path, "audit").stat().st_size == 0
    journal.append(audit("today")).result(5)
    journal.close()
    assert targets(tmp_path) == ["yesterday", "today"]


def test_a_record_after_midnight_is_not_sealed_under_the_day_before(
    tmp_path: Path, set_day: Callable[[str], None]
) -> None:
    set_day("2026-11-22")
    journal = Journal.open(tmp_path, "audit")
    set_day("2026-11-23")
    journal.append(audit("first")).result(5)
    journal.append(audit("second")).result(5)
    set_day("2026-11-24")
    journal.append(audit("third")).result(5)
    journal.close()
    assert [path.name for path in sealed_paths(tmp_path, "audit")] == ["2026-11-23-1.ndjson"]


def test_a_segment_left_open_on_another_day_is_sealed_under_its_own(tmp_path: Path) -> None:
    path = open_path(tmp_path, "audit")
    path.write_bytes(b'{"id":"old","seq":1}\n')
    os.utime(path, (1_000_000_000, 1_000_000_000))  # 2001-09-09
    journal = Journal.open(tmp_path, "audit")
    journal.append(audit("new")).result(5)
    journal.close()
    assert [path.name for path in sealed_paths(tmp_path, "audit")] == ["2001-09-09-1.ndjson"]


def test_a_clock_set_back_over_midnight_keeps_the_order_of_segments(
    tmp_path: Path, set_day: Callable[[str], None]
) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=1)
    for number, day in enumerate(["2026-11-22", "2026-11-23", "2026-11-22", "2026-11-22", "2026-11-24"]):
        set_day(day)
        journal.append(audit(str(number))).result(5)
    journal.close()
    assert targets(tmp_path) == ["0", "1", "2", "3", "4"]


# ---- repair and modes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tail", [b'{"id":"half', b"\0" * 70_000, b"x" * 200_000, b"\xff"])
def test_a_torn_tail_goes_to_the_side_when_the_journal_is_opened(tmp_path: Path, tail: bytes) -> None:
    whole = b'{"id":"a","seq":1}\n{"id":"b","seq":2}\n'
    (tmp_path / "audit.ndjson").write_bytes(whole + tail)
    journal = Journal.open(tmp_path, "audit")
    assert (tmp_path / "audit.ndjson").read_bytes() == whole
    assert (tmp_path / "audit.ndjson.torn").read_bytes() == tail + b"\n"
    record = audit("next")
    journal.append(record).result(5)
    journal.close()
    assert record.seq == 3
    assert [entry.id for entry in entries(tmp_path)] == ["a", "b", record.id]


def test_a_file_that_is_all_tail_becomes_empty(tmp_path: Path) -> None:
    (tmp_path / "audit.ndjson").write_bytes(b'{"id":"only half')
    Journal.open(tmp_path, "audit").close()
    assert (tmp_path / "audit.ndjson").read_bytes() == b""


def test_directories_are_0700_and_files_0600_even_when_they_were_wider(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o755)
    (data_dir / "audit.ndjson").write_bytes(b'{"id":"a","seq":1}\nhalf')
    (data_dir / "audit.ndjson").chmod(0o644)
    (data_dir / "sealed").mkdir(mode=0o755)
    previous = os.umask(0)
    try:
        journal = Journal.open(data_dir, "audit", segment_bytes=1)
        for _ in range(3):
            journal.append(audit()).result(5)
        journal.close()
    finally:
        os.umask(previous)
    found = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert {mode for name, mode in found.items() if (tmp_path / name).is_dir()} == {0o700}
    assert {mode for name, mode in found.items() if (tmp_path / name).is_file()} == {0o600}, found
    assert {"data/audit.ndjson.torn", "data/audit.lock", "data/sealed/audit"} <= found.keys()
