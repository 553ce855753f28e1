"""Debian packages: installed when this is root on a Debian system, otherwise one line says what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from crosschannel.bootstrap.command import SetupError, run, say


def install(prefix: str, package: str, why: str) -> None:
    """Installs `package` with apt. Raises SetupError with the command to run when this is not possible."""
    if shutil.which("apt-get") is None:
        raise SetupError(f"{why}; install what your system calls {package}, then run the same command again.")
    if os.geteuid() != 0:
        raise SetupError(f"{why}; run `sudo apt-get install {package}`, then the same command again.")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # Another apt on the machine (unattended upgrades) is waited for instead of failing.
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "DPkg::Use-Pty=0"]
    doing = f"install Debian's {package}"
    say(prefix, f"installing Debian's {package}: {why}")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", package]):
        run(prefix, [*apt, *arguments], cwd=Path("/"), env=env, doing=doing, quiet=True)
