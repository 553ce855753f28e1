"""Chromium for the browser tests: found, or installed with apt when this is root."""

from __future__ import annotations

import os
import shutil

from crosschannel.bootstrap import debian
from crosschannel.bootstrap.command import SetupError

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find() -> str | None:
    """The path of a Chromium, `CHROMIUM` first; None without one."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> None:
    """Installs Debian's Chromium when none is found. Raises SetupError that also names the way without it."""
    if find() is not None:
        return
    try:
        debian.install("browser", "chromium", "the browser tests need Chromium")
    except SetupError as error:
        raise SetupError(f"{error} (`make test E2E=0` leaves the browser tests out)") from error
