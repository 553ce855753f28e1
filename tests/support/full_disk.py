"""Writes a journal on a disk that fills up and is freed again, and prints as JSON what came of it.

Usage: full_disk.py DATA_DIR disk|file. With `disk`, DATA_DIR becomes a tmpfs of 4 MB that a ballast file nearly
fills (run it in a mount namespace of its own); with `file`, no file may grow beyond 50 kB.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import shared.journal
from shared.journal import Journal, JournalError
from shared.journal_reader import Entry, JournalReader
from shared.records import AuditRecord

DISK_BYTES = 4 * 1024 * 1024
BALLAST_BYTES = DISK_BYTES - 300_000
FILE_BYTES = 50_000
RECORD_BYTES = 900
RECORDS = 400


def write(journal: Journal, count: int) -> tuple[list[str], list[str]]:
    """The ids that were acknowledged and those that were refused, of `count` records written four at a time."""
    acknowledged: list[str] = []
    refused: list[str] = []
    for _ in range(0, count, 4):
        records = [AuditRecord(actor="a", role="admin", action="w", target="x" * RECORD_BYTES) for _ in range(4)]
        for record, done in [(record, journal.append(record)) for record in records]:
            try:
                done.result(timeout=10)
            except JournalError:
                refused.append(record.id)
            else:
                acknowledged.append(record.id)
    return acknowledged, refused


def becomes_healthy(journal: Journal) -> bool:
    deadline = time.monotonic() + 5
    while not journal.healthy and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return journal.healthy


def main() -> None:
    data_dir, kind = Path(sys.argv[1]), sys.argv[2]
    shared.journal.IDLE_WAKE_S = 0.05
    ballast = data_dir / "ballast"
    if kind == "disk":
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", data_dir], check=True)
        ballast.write_bytes(b"\0" * BALLAST_BYTES)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        ballast.touch()
    journal = Journal.open(data_dir, "audit")
    acknowledged, refused = write(journal, RECORDS)
    healthy_when_full = journal.healthy
    ballast.unlink()
    healthy_again = becomes_healthy(journal)
    acknowledged_later, refused_later = write(journal, 20)
    journal.close()
    lines = JournalReader(data_dir, "audit").read(100_000)
    files = [*data_dir.glob("*.ndjson"), *data_dir.glob("sealed/*/*.ndjson")]
    report = {
        "acknowledged": acknowledged,
        "refused": refused,
        "acknowledged_later": acknowledged_later,
        "refused_later": refused_later,
        "healthy_when_full": healthy_when_full,
        "healthy_again": healthy_again,
        "read": [line.id for line in lines if isinstance(line, Entry)],
        "bad_lines": sum(not isinstance(line, Entry) for line in lines),
        "torn_files": [path.name for path in files if path.stat().st_size and path.read_bytes()[-1:] != b"\n"],
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
