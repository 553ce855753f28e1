"""`make bench`: how long `crosschannel up` takes until all is ready, what it holds idle, how long it stops."""

from __future__ import annotations

import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform_kit import free_ports, wait_for

pytestmark = [pytest.mark.bench, pytest.mark.timeout(180)]

ROUNDS = 5
PORT_NAMES = ("RELAY_PORT", "CONVERSATIONS_PORT", "INTELLIGENCE_PORT", "ANALYTICS_PORT", "SANDBOX_PORT")
READY_GOAL_S = 5.0
MEMORY_GOAL_MB = 600
STOP_GOAL_S = 3.0


def memory_mb(pid: int) -> float:
    """The resident memory of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text()
    own = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
    return own + sum(memory_mb(int(child)) for child in children)


def rounds(folder: Path) -> Iterator[tuple[float, float, float]]:
    """(seconds until ready, idle memory in MB, seconds to stop) of each start in the same folder."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    command = [sys.executable, "-m", "crosschannel", "up", "--no-console"]
    for _ in range(ROUNDS + 1):
        env = inherited | {name: str(port) for name, port in zip(PORT_NAMES, free_ports(5), strict=True)}
        log = folder / "up.log"
        with log.open("w") as output:
            began_s = time.monotonic()
            process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output)
        wait_for(lambda path=log: "Ctrl-C" in path.read_text(), 60)
        ready_s = time.monotonic() - began_s
        threading.Event().wait(2)  # measured idle, not while the last imports settle
        held_mb = memory_mb(process.pid)
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        yield ready_s, held_mb, time.monotonic() - began_s


def test_all_is_ready_quickly_in_little_memory_and_stops_quickly(tmp_path: Path) -> None:
    measured = list(rounds(tmp_path))[1:]  # the first one also makes the demo account and loads its week
    ready_s, held_mb, stop_s = (statistics.median(column) for column in zip(*measured, strict=True))
    print(
        f"\nup: ready in {ready_s:.2f} s, {held_mb:.0f} MB idle, stopped in {stop_s:.2f} s (medians of {ROUNDS})"
    )
    assert ready_s < READY_GOAL_S
    assert held_mb < MEMORY_GOAL_MB
    assert stop_s < STOP_GOAL_S
