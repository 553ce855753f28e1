"""The journal under what disks and operators do to it: kill -9, full disks, failed writes and syncs."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import shared.journal
from shared.journal import Journal, JournalError
from shared.journal_reader import Entry, JournalReader
from shared.records import AuditRecord, decode

SUPPORT = Path(__file__).parent / "support"
Eventually = Callable[..., object]


def audit(target: str = "") -> AuditRecord:
    return AuditRecord(actor="ada", role="admin", action="write", target=target)


def run_support(script: str, *arguments: str, prefix: Sequence[str] = ()) -> Any:
    command = [*prefix, sys.executable, str(SUPPORT / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def is_healthy(journal: Journal) -> bool:
    return journal.healthy


def files_of(data_dir: Path) -> list[Path]:
    return [*data_dir.glob("*.ndjson"), *data_dir.glob("sealed/*/*.ndjson")]


# ---- kill -9 ------------------------------------------------------------------------------------------------


def test_twenty_kills_lose_no_acknowledged_record_and_leave_no_torn_line(tmp_path: Path) -> None:
    acknowledged = run_support("journal_rounds.py", str(tmp_path), "20")
    assert len(acknowledged) >= 20
    Journal.open(tmp_path, "audit").close()
    lines = JournalReader(tmp_path, "audit").read(1_000_000)
    records = [decode(line.raw) for line in lines if isinstance(line, Entry)]
    assert len(records) == len(lines)
    assert set(acknowledged) <= {record.id for record in records}
    sequence = [record.seq for record in records]
    assert sequence == sorted(set(sequence))
    assert [path.name for path in files_of(tmp_path) if path.read_bytes()[-1:] not in (b"", b"\n")] == []


# ---- full disks ---------------------------------------------------------------------------------------------


def kinds_of_full_disk() -> list[str]:
    """`file` works everywhere; `disk` mounts a small tmpfs where mount namespaces are allowed."""
    allowed = subprocess.run(["unshare", "--map-root-user", "--mount", "true"], capture_output=True, check=False)
    return ["file", *(["disk"] if allowed.returncode == 0 else [])]


@pytest.mark.parametrize("kind", kinds_of_full_disk())
def test_a_full_disk_refuses_records_and_takes_them_again_when_there_is_space(tmp_path: Path, kind: str) -> None:
    prefix = ["unshare", "--map-root-user", "--mount"] if kind == "disk" else []
    report = run_support("full_disk.py", str(tmp_path), kind, prefix=prefix)
    assert len(report["acknowledged"]) > 50
    assert len(report["refused"]) >= 4
    assert len(report["acknowledged_later"]) == 20
    assert set(report["acknowledged"] + report["acknowledged_later"]) <= set(report["read"])
    assert report["bad_lines"] == 0
    assert report["torn_files"] == []
    assert report["healthy_again"]
    if kind == "disk":
        assert not report["healthy_when_full"]


# ---- faults at chosen calls ---------------------------------------------------------------------------------


class FaultyOs:
    """The `os` module as the journal sees it: each write and each sync takes the next fault of its list.

    A write's fault is how many bytes still get in before the disk is full, a sync's is an errno; None is success.
    """

    def __init__(self, writes: Sequence[int | None] = (), syncs: Sequence[int | None] = ()) -> None:
        self._writes = iter(writes)
        self._syncs = iter(syncs)
        self.used: list[tuple[str, int]] = []  # call and inode
        self.asked_for_space = 0

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def statvfs(self, path: Path) -> os.statvfs_result:
        self.asked_for_space += 1
        return os.statvfs(path)

    def write(self, descriptor: int, data: bytes) -> int:
        self.used.append(("write", os.fstat(descriptor).st_ino))
        room = next(self._writes, None)
        if room is None or room >= len(data):
            return os.write(descriptor, data)
        if room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data[:room])

    def fdatasync(self, descriptor: int) -> None:
        fault = next(self._syncs, None)
        self.used.append(("sync failed" if fault else "sync", os.fstat(descriptor).st_ino))
        if fault:
            raise OSError(fault, os.strerror(fault))
        os.fdatasync(descriptor)


@contextmanager
def faulty(faults: FaultyOs) -> Iterator[FaultyOs]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.journal, "os", faults)
        yield faults


def written_one_by_one(journal: Journal, count: int) -> tuple[list[str], list[str]]:
    acknowledged: list[str] = []
    refused: list[str] = []
    for number in range(count):
        record = audit(str(number))
        try:
            journal.append(record).result(5)
        except JournalError:
            refused.append(record.id)
        else:
            acknowledged.append(record.id)
    return acknowledged, refused


def test_after_a_failed_sync_the_file_is_never_used_again(tmp_path: Path) -> None:
    with faulty(FaultyOs(syncs=[None, errno.EIO])) as disk:
        journal = Journal.open(tmp_path, "audit")
        journal.append(audit("good")).result(5)
        with pytest.raises(JournalError, match="Input/output error"):
            journal.append(audit("not durable")).result(5)
        assert not is_healthy(journal)
        failed = next(n for n, (call, _) in enumerate(disk.used) if call == "sync failed")
        assert [path.name for path in (tmp_path / "sealed/audit").iterdir()], "the segment was not sealed"
        last = audit("next")
        journal.append(last).result(5)
        assert is_healthy(journal)
        assert disk.used[failed][1] not in {inode for _, inode in disk.used[failed + 1 :]}
        journal.close()
    lines = JournalReader(tmp_path, "audit").read()
    assert isinstance(lines[-1], Entry)
    assert lines[-1].id == last.id


def test_a_short_write_is_cut_to_the_last_whole_line(tmp_path: Path) -> None:
    with faulty(FaultyOs(writes=[None, 57])):
        journal = Journal.open(tmp_path, "audit")
        acknowledged, refused = written_one_by_one(journal, 3)
        journal.close()
    assert (len(acknowledged), len(refused)) == (2, 1)
    assert [line.id for line in JournalReader(tmp_path, "audit").read() if isinstance(line, Entry)] == acknowledged
    assert not list(tmp_path.glob("*.torn"))


def test_a_journal_on_a_full_disk_is_healthy_again_only_with_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr(shared.journal, "IDLE_WAKE_S", 0.02)
    monkeypatch.setattr(shared.journal, "SPACE_BYTES", 1 << 62)
    with faulty(FaultyOs(writes=[0])) as disk:
        journal = Journal.open(tmp_path, "audit")
        written_one_by_one(journal, 1)
        eventually(lambda: disk.asked_for_space > 3)
        assert not is_healthy(journal)
        monkeypatch.setattr(shared.journal, "SPACE_BYTES", 1)
        eventually(lambda: journal.healthy)
        journal.close()


fault_of_a_write = st.one_of(st.none(), st.none(), st.integers(0, 700))
fault_of_a_sync = st.one_of(st.none(), st.none(), st.sampled_from([errno.EIO, errno.ENOSPC]))


@settings(max_examples=40, deadline=None)
@given(
    writes=st.lists(fault_of_a_write, max_size=12),
    syncs=st.lists(fault_of_a_sync, max_size=12),
    segment_bytes=st.integers(1, 900),
)
def test_whatever_fails_nothing_acknowledged_is_lost_and_no_line_is_torn(
    tmp_path_factory: pytest.TempPathFactory, writes: list[int | None], syncs: list[int | None], segment_bytes: int
) -> None:
    data_dir = tmp_path_factory.mktemp("faults")
    with faulty(FaultyOs(writes, syncs)):
        journal = Journal.open(data_dir, "audit", segment_bytes=segment_bytes)
        acknowledged, refused = written_one_by_one(journal, 15)
        journal.close()
        lines = JournalReader(data_dir, "audit").read()
        note(f"files: {[(path.name, path.stat().st_size) for path in files_of(data_dir)]}")
        assert all(isinstance(line, Entry) for line in lines)
        found = [line.id for line in lines if isinstance(line, Entry)]
        assert [line for line in found if line not in set(refused)] == acknowledged
        assert all(path.read_bytes()[-1:] in (b"", b"\n") for path in files_of(data_dir))
        sequence = [msgspec.json.decode(line.raw)["seq"] for line in lines if isinstance(line, Entry)]
        assert sequence == sorted(set(sequence))


def test_a_segment_that_cannot_be_opened_fails_the_record_and_not_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(tmp_path, "audit", segment_bytes=1)
    journal.append(audit("first")).result(5)
    (tmp_path / "sealed").write_text("in the way")
    with pytest.raises(JournalError):
        journal.append(audit("second")).result(5)
    assert not is_healthy(journal)
    (tmp_path / "sealed").unlink()
    journal.append(audit("third")).result(5)
    assert is_healthy(journal)
    journal.close()
    found = [decode(line.raw) for line in JournalReader(tmp_path, "audit").read() if isinstance(line, Entry)]
    assert [record.target for record in found if isinstance(record, AuditRecord)] == ["first", "third"]
