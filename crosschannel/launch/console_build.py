"""The console's build beside the running services."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from colorama import Fore

from crosschannel.launch import child as children
from crosschannel.launch.lines import Lines


async def build_console(root: Path, lines: Lines) -> None:
    """Builds web/dist, printing the build's lines; does nothing where there are no sources."""
    if not (root / "web" / "package.json").exists():
        return
    command = [sys.executable, "-m", "crosschannel.bootstrap", "--no-environment", "--console"]
    # SIGTERM lets the set-up end npm and its children too; SIGKILL would leave those behind.
    child = await children.start(command, os.environ, root, orphan_signal=signal.SIGTERM)
    try:
        async for line in child.lines():
            _, separator, text = line.partition("| ")
            lines.write("console", text if separator else line, Fore.LIGHTBLACK_EX)
        await child.wait()
    finally:
        child.kill()
