"""Kills journal writers: each round a child process writes and acknowledges on a pipe, and is ended by SIGKILL.

Usage: journal_rounds.py DATA_DIR ROUNDS. Prints one JSON list, the acknowledged ids. Children are forked before
any thread runs, so that a round costs milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from pathlib import Path

from shared.journal import Journal
from shared.records import AuditRecord

WRITERS = 4
SEGMENT_BYTES = 300_000


def write_until_killed(data_dir: Path, pipe: int, padding: str) -> None:
    journal = Journal.open(data_dir, "audit", segment_bytes=SEGMENT_BYTES)

    def write() -> None:
        while True:
            record = AuditRecord(actor="a", role="admin", action="write", target=padding)
            journal.append(record).result()
            os.write(pipe, record.id.encode() + b"\n")

    for _ in range(WRITERS):
        threading.Thread(target=write).start()


def round_of(data_dir: Path, acknowledgements: int, padding: str) -> list[str]:
    """The ids a child acknowledged before it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        write_until_killed(data_dir, writing, padding)
        threading.Event().wait()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ids = [pipe.readline() for _ in range(acknowledgements)]
        os.kill(child, signal.SIGKILL)
        ids += pipe.readlines()
    os.waitpid(child, 0)
    return [line.decode().strip() for line in ids if line.endswith(b"\n")]


def main() -> None:
    data_dir, rounds = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(22)  # noqa: S311 - which record a kill hits is up to the scheduler anyway
    acknowledged: list[str] = []
    for number in range(rounds):
        padding = "x" * (200_000 if number % 2 else 100)
        acknowledged += round_of(data_dir, chance.randint(1, 30), padding)
    sys.stdout.write(json.dumps(acknowledged))


if __name__ == "__main__":
    main()
