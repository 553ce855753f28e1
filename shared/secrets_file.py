"""The secrets that this installation makes for itself: DATA_DIR/secrets.json, readable by its owner only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

FILE_NAME = "secrets.json"
# Fictional numbers: 555-0100 is reserved in the North American plan.
DEMO_PHONE_NUMBER = "+15555550100"


def private_directory(path: Path) -> Path:
    """The directory, made when missing, with mode 0700; wider modes are tightened."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def load_or_create_secrets(data_dir: Path, *, demo: bool) -> dict[str, str]:
    """The installation's secrets under their environment names; missing ones are made and stored.

    With `demo`, also a whole demo account. Safe when several processes start at once: they take turns, and the
    file is whole at any moment. Raises OSError when it is damaged or cannot be stored.
    """
    path = private_directory(data_dir) / FILE_NAME
    with one_at_a_time(path):
        known = {name: value for name, value in _read(path).items() if value}  # an empty secret admits everyone
        wanted = _operator_secrets() | (_demo_account() if demo else {})
        if wanted.keys() - known.keys():
            known = wanted | known
            _store(path, known)
        return known


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Holds the lock beside `path` against other processes and threads; it ends with the process that holds it."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _operator_secrets() -> dict[str, str]:
    return {"OPERATOR_TOKEN": secrets.token_urlsafe(24), "SESSION_SECRET": secrets.token_hex(32)}


def _demo_account() -> dict[str, str]:
    """A made-up account; its SID begins with the mark by which services recognise the demo."""
    return {
        "TWILIO_ACCOUNT_SID": "ACdec0de" + secrets.token_hex(13),
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_PHONE_NUMBER": DEMO_PHONE_NUMBER,
        "TWILIO_INTELLIGENCE_SERVICE_SID": "GA" + secrets.token_hex(16),
        "OPENAI_API_KEY": "sk-demo-" + secrets.token_hex(16),
        "SEGMENT_SPACE_ID": "spa_" + secrets.token_hex(8),
        "SEGMENT_ACCESS_SECRET": secrets.token_hex(16),
        "SEGMENT_WRITE_KEY": secrets.token_hex(16),
    }


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except ValueError as error:  # not JSON, not a table of strings, or not UTF-8
        raise OSError(f"{path} is damaged ({error}); move it away to have new secrets made") from error


def _store(path: Path, values: dict[str, str]) -> None:
    """Puts `values` on disk whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(values), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
