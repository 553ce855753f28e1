"""Chromium for the browser tests: found, or installed with apt when this is root."""

from __future__ import annotations

import ctypes
import os
import shutil

from crosschannel.bootstrap import debian
from crosschannel.bootstrap.command import SetupError

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Playwright's driver is a Node of its own that is linked against this library; a bare Debian lacks it.
DRIVER_LIBRARY = "libatomic.so.1"


def find() -> str | None:
    """The path of a Chromium, `CHROMIUM` first; None without one."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> None:
    """Installs from Debian what the browser tests lack. Raises SetupError that also names the way without them."""
    try:
        if find() is None:
            debian.install("browser", "chromium", "the browser tests need Chromium")
        if not _can_load(DRIVER_LIBRARY):
            debian.install("browser", "libatomic1", f"the browser tests' driver needs {DRIVER_LIBRARY}")
    except SetupError as error:
        raise SetupError(f"{error} (`make test E2E=0` leaves the browser tests out)") from error


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
