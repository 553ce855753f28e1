"""The servers that the bench compares: how each is started, alone on the first core."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from relay_server.tickets import Tickets
from shared.config import load_settings
from shared.signature import sign_websocket
from tests.relay_kit import ACCOUNT, TOKEN, relay_environment

HERE = Path(__file__).parent
SERVER_CORE, LOAD_CORE = "0", "1"
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server."""

    name: str
    pid: int
    port: int
    model_port: int
    tickets: Tickets | None

    def load(self, **plan: Any) -> dict[str, Any]:
        """Runs the load generator, alone on the second core, and gives back what it measured."""
        url = f"ws://127.0.0.1:{self.port}/websocket"
        calls = plan["calls"]
        tickets = (
            [self.tickets.issue(f"CA{n:032x}", time.time() + 300) for n in range(calls)] if self.tickets else []
        )
        given = {
            "ws_url": url,
            "model_port": self.model_port,
            "pid": self.pid,
            "signature": sign_websocket(url, TOKEN),
            "account": ACCOUNT,
            "tickets": tickets,
            **plan,
        }
        done = subprocess.run(
            _pinned(LOAD_CORE, [sys.executable, str(HERE / "load_generator.py")]),
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def tac_python() -> str | None:
    """The interpreter that has twilio-agent-connect: ours, the one BENCH_TAC_PYTHON names, or None."""
    return os.environ.get("BENCH_TAC_PYTHON") or (sys.executable if find_spec("tac") else None)


@contextlib.contextmanager
def running(name: str, folder: Path, port: int, model_port: int) -> Iterator[Peer]:
    """Starts `relay`, `floor` or `tac` and waits until it answers."""
    model_url = f"http://127.0.0.1:{model_port}/v1"
    env = {**os.environ, **relay_environment(folder / name, port, model_url), "RELAY_MAX_CALLS": "5000"}
    tickets = None
    if name == "relay":
        command = [sys.executable, "-m", "relay_server"]
        tickets = Tickets(load_settings("relay_server", env).session_secret)
    elif name == "floor":
        command = [sys.executable, str(HERE / "floor_server.py"), str(port), model_url]
    else:
        command = [tac_python() or "", str(HERE / "tac_server.py"), str(port), model_url, ACCOUNT, TOKEN]
    process = subprocess.Popen(_pinned(SERVER_CORE, command), env=env, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/readyz", process)
        yield Peer(name, process.pid, port, model_port, tickets)
    finally:
        process.kill()
        process.wait()


def _pinned(core: str, command: list[str]) -> list[str]:
    """The command on one core, where the machine has two and `taskset`."""
    possible = (os.cpu_count() or 1) > 1 and Path("/usr/bin/taskset").exists()
    return ["taskset", "-c", core, *command] if possible else command


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=1):  # noqa: S310 - our own server on loopback
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")
