"""Writing journals: append-only NDJSON with group commit.

One writer per file, held by a lock that is taken before the file is opened. A line counts as written only after
fdatasync. After a failed or short write the file is cut to its last newline and sealed; after a failed fsync
the descriptor is never used again (the kernel may have dropped the pages it could not write). Tails torn by
a crash are moved to `*.torn` when the file is opened.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.records import Record, encode
from shared.secrets_file import private_directory
from shared.segments import last_sequence, open_path, seal, series_name, sync_directory, torn_tail_to_side

SEGMENT_BYTES = 64 * 1024 * 1024
QUEUE_RECORDS = 10_000
BATCH_RECORDS = 2_000
IDLE_WAKE_S = 2.0
SPACE_BYTES = 1024 * 1024
SEAL = b""  # instead of a line: seal the segment


class JournalError(Exception):
    """A record could not be made durable; it must not be acknowledged."""


class JournalFull(JournalError):
    """The queue to the disk is full; nothing was taken."""


class JournalLocked(JournalError):
    """Another process is writing this journal."""


@dataclass(slots=True)
class _Pending:
    line: bytes
    done: Future[None]


class Journal:
    """The writer of one stream. Safe to use from any thread and from asyncio."""

    def __init__(self, data_dir: Path, stream: str, writer: str | None, segment_bytes: int, capacity: int) -> None:
        self._data_dir = private_directory(data_dir)
        self.series = series_name(stream, writer)
        self._path = open_path(data_dir, self.series)
        self._segment_bytes = segment_bytes
        self._queue: queue.Queue[_Pending | None] = queue.Queue(capacity)
        self._lock = _take_lock(self._path)
        self._descriptor = -1
        self._size = 0
        self._day = ""
        self._closing = threading.Event()
        self._order = threading.Lock()
        self.healthy = True
        try:
            torn_tail_to_side(self._path)
            self._seq = last_sequence(data_dir, self.series)
            self._open()
        except OSError:
            os.close(self._lock)
            raise
        self._thread = threading.Thread(target=self._run, name=f"journal-{self.series}", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        data_dir: Path,
        stream: str,
        writer: str | None = None,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        capacity: int = QUEUE_RECORDS,
    ) -> Journal:
        """The journal, repaired and ready. Raises JournalLocked when another process writes it, or OSError."""
        return cls(data_dir, stream, writer, segment_bytes, capacity)

    @property
    def full(self) -> bool:
        """True when no further record would be taken."""
        return self._queue.full()

    def append(self, record: Record) -> Future[None]:
        """A future that is done when the record is durable, and fails with JournalError when it is not.

        Never blocks. Raises JournalFull when the queue is full or the journal is closed.
        """
        with self._order:  # the order of `seq` is the order in the file
            record.seq = self._seq + 1
            done = self._put(encode(record) + b"\n")
            self._seq = record.seq
            return done

    def seal(self) -> Future[None]:
        """A future that is done when everything appended before stands in sealed segments. Raises as `append`."""
        with self._order:
            return self._put(SEAL)

    async def commit(self, record: Record) -> None:
        """Returns when the record is durable. Raises JournalFull or JournalError."""
        await asyncio.wrap_future(self.append(record))

    def close(self) -> None:
        """Writes what is queued, closes the file and lets go of its lock. Further calls do nothing."""
        with self._order:
            if self._closing.is_set():
                return
            self._closing.set()
        self._queue.put(None)
        self._thread.join()
        os.close(self._lock)

    def _put(self, line: bytes) -> Future[None]:
        if self._closing.is_set():
            raise JournalFull(f"{self.series} is closed")
        pending = _Pending(line, Future())
        pending.done.set_running_or_notify_cancel()  # a caller that gives up must not stop the writer
        try:
            self._queue.put_nowait(pending)
        except queue.Full:
            waiting = self._queue.maxsize
            raise JournalFull(f"{self.series}: {waiting} records are waiting for the disk") from None
        return pending.done

    # ---- the writer's thread ----

    def _run(self) -> None:
        while True:
            batch, last = self._next_batch()
            if batch:
                self._commit_batch(batch)
            else:
                self._tend()
            if last:
                break
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _next_batch(self) -> tuple[list[_Pending], bool]:
        """What waits now, at least one record unless a wake-up passed; and whether this was the last."""
        batch: list[_Pending] = []
        try:
            item = self._queue.get(timeout=IDLE_WAKE_S)
            while item is not None:
                batch.append(item)
                if len(batch) >= BATCH_RECORDS:
                    return batch, False
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, False
        return batch, True

    def _commit_batch(self, batch: list[_Pending]) -> None:
        try:
            if self._descriptor < 0 or self._due_for_seal():
                self._rotate()
            if data := b"".join(pending.line for pending in batch):
                self._write(data)
            if any(pending.line == SEAL for pending in batch):
                self._rotate()
        except OSError as error:
            self.healthy = False
            failure = JournalError(f"{self.series}: {error}")
            for pending in batch:
                pending.done.set_exception(failure)
            return
        self.healthy = True
        for pending in batch:
            pending.done.set_result(None)

    def _write(self, data: bytes) -> None:
        """Writes and syncs `data` whole, or leaves a sealed segment that ends with a whole line and raises."""
        if self._size == 0:  # opened before midnight, perhaps, and first written after it
            self._day = _today()
        try:
            written = os.write(self._descriptor, data)
            if written < len(data):
                raise OSError(f"short write: {written} of {len(data)} bytes")
        except OSError:
            self._retire()
            raise
        try:
            os.fdatasync(self._descriptor)
        except OSError:
            self._retire()
            raise
        self._size += written

    def _due_for_seal(self) -> bool:
        """True at 64 MB and from UTC midnight on, unless the segment is empty."""
        return self._size >= self._segment_bytes or (self._size > 0 and self._day != _today())

    def _rotate(self) -> None:
        """Seals the open segment and starts the next; raises OSError when the next cannot be opened."""
        self._retire()
        self._open()

    def _tend(self) -> None:
        """What is due while nobody writes: the midnight seal, and becoming healthy again once there is space."""
        if self.healthy and not self._due_for_seal():
            return
        try:
            self._rotate()
            space = os.statvfs(self._data_dir)
            self.healthy = space.f_bavail * space.f_frsize >= SPACE_BYTES
        except OSError:  # the next record tries again and reports it
            self.healthy = False

    def _retire(self) -> None:
        """Lets go of the descriptor for good; the whole lines that got into the file are sealed."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        torn_tail_to_side(self._path, keep_torn=False)
        seal(self._data_dir, self.series, self._day)

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            sync_directory(self._data_dir)  # a durable line in a file without a durable name is not durable
            status = os.fstat(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor, self._size = descriptor, status.st_size
        written_at = datetime.fromtimestamp(status.st_mtime, UTC)
        self._day = written_at.date().isoformat() if status.st_size else _today()


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _take_lock(path: Path) -> int:
    """A descriptor that holds the journal's lock until it is closed. Raises JournalLocked."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise JournalLocked(f"{path.name} is being written by another process") from None
    return descriptor
