"""The whole platform as a user starts it: five processes on free ports, a data directory of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.config import SERVICES

# A promise to wait, not a claim: on a busy machine five interpreters start slowly.
READY_S = 120.0
COMMAND = [sys.executable, "-m", "crosschannel"]


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nothing listens on now."""
    listeners = [socket.socket() for _ in range(count)]
    for listener in listeners:
        listener.bind(("127.0.0.1", 0))
    ports = [int(listener.getsockname()[1]) for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def wait_for(condition: Callable[[], Any], timeout_s: float) -> Any:
    """The first truthy value of `condition()`. Raises AssertionError when there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
        threading.Event().wait(0.02)
    return value


@dataclass
class Platform:
    """The running services; `start` and `kill` act on one of them by its package name."""

    root: Path
    token: str = "operator-token-of-the-tests"
    env: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    @property
    def data_dir(self) -> Path:
        return self.root / "data"

    def start(self, *services: str) -> None:
        """Starts services and returns when all are ready."""
        for service in services:
            log = (self.root / f"{service}.log").open("ab")
            self.processes[service] = subprocess.Popen(
                [*COMMAND, "run", service], env=self.env, stdout=log, stderr=log, cwd=self.root
            )
            log.close()
        for service in services:
            wait_for(lambda name=service: self._ready(name), READY_S)

    def kill(self, service: str) -> None:
        """kill -9."""
        self.processes[service].send_signal(signal.SIGKILL)
        self.processes[service].wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def call(self, *arguments: str) -> subprocess.Popen[str]:
        """A simulated call in a process of its own, fast and with a JSON result."""
        command = [*COMMAND, "call", "--json", "--speed", "20", *arguments]
        return subprocess.Popen(command, env=self.env, cwd=self.root, stdout=subprocess.PIPE, text=True)

    def finished_call(self, *arguments: str) -> dict[str, Any]:
        """A call that was placed and came to its end."""
        call = self.call(*arguments)
        output, _ = call.communicate(timeout=READY_S)
        assert call.returncode == 0, output
        found: dict[str, Any] = json.loads(output)
        return found

    def get(self, service: str, path: str) -> Any:
        """The JSON an operator reads; None while nothing answers or it is refused."""
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.url(service) + path, headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as response:  # noqa: S310 - loopback
                return json.loads(response.read())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def records(self, stream: str) -> list[dict[str, Any]]:
        """The lines of a stream's open segment; every one of them must be whole."""
        path = self.data_dir / f"{stream}.ndjson"
        return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def _ready(self, service: str) -> bool:
        process = self.processes[service]
        assert process.poll() is None, (self.root / f"{service}.log").read_text()[-2000:]
        found = self.get(service, "/readyz")
        return bool(found and found["ready"])


@contextmanager
def running_platform(root: Path, **more: str) -> Iterator[Platform]:
    """All five services, ready; stopped at the end. Without the demo week, unless `more` names it."""
    platform = Platform(root)
    platform.ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    names = {f"{station.upper()}_PORT": str(platform.ports[service]) for service, station in SERVICES.items()}
    credentials = ("TWILIO_", "OPENAI_", "SEGMENT_", "PUBLIC_URL", "NGROK_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(credentials)}
    platform.env = {
        **clean,
        **names,
        "DATA_DIR": str(platform.data_dir),
        "DEMO_WEEK": "0",
        "OPERATOR_TOKEN": platform.token,
        **more,
    }
    try:
        platform.start(*SERVICES)
        yield platform
    finally:
        platform.stop()
