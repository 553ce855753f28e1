"""What was erased and must not come back: keyed hashes, written by every service, read by all.

A hash alone would be reversible (there are few phone numbers); the key is in `DATA_DIR/erasure.key`, mode 0600,
made at the first erasure. Calls, transcripts and event keys stay erased for ever; a phone number and a
conversation only for what happened before, since the same person may call or write again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from shared.journal import Journal
from shared.journal_reader import Entry, JournalReader
from shared.records import Tombstone, utc_now
from shared.secrets_file import one_at_a_time, private_directory
from shared.segments import sync_directory

STREAM = "tombstones"
KEY_FILE = "erasure.key"
KEY_BYTES = 32
# Conversations may go on after an erasure; calls and transcripts are over.
ONGOING = ("CH", "conv_")
WRITE_DEADLINE_S = 10.0
Kind = Literal["phone", "sid", "event"]

_decoder = msgspec.json.Decoder(Tombstone)


class Tombstones:
    """The tombstones of one DATA_DIR as of the last `refresh`. Safe to use from any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._reader = JournalReader(data_dir, STREAM)
        self._erased_at: dict[str, datetime] = {}
        self._key = b""
        self.refresh()

    def __len__(self) -> int:
        return len(self._erased_at)

    def refresh(self) -> None:
        """Takes in what any service has written since. Raises OSError."""
        with self._lock:
            while lines := self._reader.read():
                for line in lines:
                    with contextlib.suppress(msgspec.MsgspecError):
                        if isinstance(line, Entry):
                            self._take(_decoder.decode(line.raw))
            if self._erased_at and not self._key:
                self._key = _read_key(self._data_dir / KEY_FILE)

    def covers(self, values: Iterable[str | None], at: datetime | None = None) -> bool:
        """True when one of these sids or event keys was erased; a conversation that went on, only before `at`."""
        if not self._erased_at:
            return False
        return any(value is not None and self._covers_one(value, at) for value in values)

    def covers_phone(self, phone: str, at: datetime) -> bool:
        """True when this number was erased, and after `at`."""
        erased_at = self._erased_at.get(self.hash(phone)) if self._erased_at else None
        return erased_at is not None and at <= erased_at

    def add(self, writer: str, values: Iterable[tuple[Kind, str]]) -> None:
        """Makes tombstones durable, in the series of the service `writer`.

        Raises JournalError or OSError; some may be durable then, and the erasure has to be repeated.
        """
        if not self._key:
            self._key = _make_key(self._data_dir)
        found = {self.hash(value): kind for kind, value in values if value}
        at = utc_now()
        with one_at_a_time(self._data_dir / STREAM):
            journal = Journal.open(self._data_dir, STREAM, writer)
            try:
                records = [Tombstone(hash=digest, kind=kind, at=at) for digest, kind in found.items()]
                written = [journal.append(record) for record in records if self._is_news(record)]
                for done in written:
                    done.result(WRITE_DEADLINE_S)
            finally:
                journal.close()
        self.refresh()

    def hash(self, value: str) -> str:
        """What stands for a value in the journal."""
        return hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=16, key=self._key).hexdigest()

    def _covers_one(self, value: str, at: datetime | None) -> bool:
        erased_at = self._erased_at.get(self.hash(value)) if value else None
        if erased_at is None:
            return False
        return at is None or at <= erased_at or not value.startswith(ONGOING)

    def _is_news(self, record: Tombstone) -> bool:
        return record.kind != "event" or record.hash not in self._erased_at

    def _take(self, record: Tombstone) -> None:
        known = self._erased_at.get(record.hash)
        self._erased_at[record.hash] = record.at if known is None else max(known, record.at)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(f"{path} is damaged: without it what was erased could come back")
    return key


def _make_key(data_dir: Path) -> bytes:
    """The key, made when it is missing; whole or not there at any moment."""
    path = private_directory(data_dir) / KEY_FILE
    with one_at_a_time(path):
        if not path.exists():
            draft = path.with_suffix(".key.new")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, os.urandom(KEY_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            draft.rename(path)
            sync_directory(data_dir)
        return _read_key(path)
