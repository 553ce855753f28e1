"""One set-up at a time: a lock on a folder itself, so that nothing has to be created or cleaned up."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crosschannel.bootstrap.command import say


@contextmanager
def folder_lock(folder: Path) -> Iterator[int]:
    """Holds `folder` exclusively; yields the descriptor.

    Programs that inherit the descriptor keep the lock: when a set-up is killed while its pip still writes, the
    next set-up waits for that pip.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("set-up", f"another set-up works in {folder.name or folder}; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
