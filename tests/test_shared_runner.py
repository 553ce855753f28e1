"""A service as a process: one-line refusals with an exit code, one JSON line per event, a stop that ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from shared.journal import Journal
from shared.runner import port_name

SERVICE = Path(__file__).parent / "support" / "small_service.py"
Eventually = Callable[..., object]


@dataclass
class Service:
    """A running service; its log is a file, so that it never waits for a reader."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def status(self, path: str) -> int:
        """The answer's status, 0 when nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as response:
                return int(response.status)
        except HTTPError as error:
            with error:
                return error.code
        except (URLError, ConnectionError):
            return 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """The exit code and the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=20), time.monotonic() - started

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").split("\n") if line]


@dataclass
class Start:
    """`start(DATA_DIR="…", …)`: a running service; all are ended with the test."""

    tmp_path: Path
    eventually: Eventually
    free_port: Callable[[], int]
    started: list[Service] = field(default_factory=list)

    def process(self, **env: str) -> Service:
        port = int(env.get("ANALYTICS_PORT", 0)) or self.free_port()
        log = self.tmp_path / f"log-{len(self.started)}.txt"
        environ = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(self.tmp_path / "data"),
            "ANALYTICS_PORT": str(port),
        }
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, str(SERVICE)], env=environ | env, cwd=self.tmp_path, stderr=stderr
            )
        self.started.append(Service(process, port, log))
        return self.started[-1]

    def __call__(self, **env: str) -> Service:
        service = self.process(**env)
        self.eventually(lambda: service.status("/readyz") == 200, timeout_s=20)
        return service


@pytest.fixture
def start(tmp_path: Path, eventually: Eventually, free_port: Callable[[], int]) -> Iterator[Start]:
    start = Start(tmp_path, eventually, free_port)
    yield start
    for service in start.started:
        service.process.kill()
        service.process.wait()


def refusal_of(start: Start, **env: str) -> tuple[int, str]:
    """The exit code and all that a service says that refuses to start."""
    service = start.process(**env)
    code = service.process.wait(timeout=20)
    return code, service.log.read_text(encoding="utf-8")


# ---- refusing to start --------------------------------------------------------------------------------------


def test_a_configuration_that_cannot_be_used_is_one_message_and_exit_2(start: Start) -> None:
    code, said = refusal_of(start, DEBUG_MODE="perhaps", PUBLIC_URL="nowhere", TWILIO_AUTH_TOKEN="hidden")
    assert code == 2
    for name in ("DEBUG_MODE", "PUBLIC_URL", "TWILIO_ACCOUNT_SID"):
        assert said.count(name) == 1
    assert "hidden" not in said
    assert "Traceback" not in said


def test_the_values_of_env_are_read_where_the_service_is_started(start: Start, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEBUG_MODE=perhaps\n", encoding="utf-8")
    assert refusal_of(start)[0] == 2
    service = start(DEBUG_MODE="")
    assert service.stop()[0] == 0


def test_damaged_secrets_are_one_line_and_exit_1(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secrets.json").write_bytes(b"{")
    code, said = refusal_of(start)
    assert code == 1
    assert "secrets.json is damaged" in said
    assert len(said.splitlines()) == 1


def test_a_second_process_on_the_same_port_says_so_in_one_line_and_exits_1(start: Start, tmp_path: Path) -> None:
    first = start()
    code, said = refusal_of(start, ANALYTICS_PORT=str(first.port), DATA_DIR=str(tmp_path / "other"))
    assert code == 1
    assert len(said.splitlines()) == 1
    assert "in use; stop what holds it or set ANALYTICS_PORT" in said
    assert first.status("/readyz") == 200


def test_a_second_process_on_the_same_journal_says_so_in_one_line_and_exits_1(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    journal = Journal.open(tmp_path / "data", "audit", "signal_analytics")
    code, said = refusal_of(start)
    journal.close()
    assert code == 1
    assert len(said.splitlines()) == 1
    assert "already running" in said
    assert "audit.signal_analytics.ndjson" in said


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("relay_server", "RELAY_PORT"),
        ("conversations_api", "CONVERSATIONS_PORT"),
        ("intelligence_webhooks", "INTELLIGENCE_PORT"),
        ("signal_analytics", "ANALYTICS_PORT"),
        ("sandbox", "SANDBOX_PORT"),
    ],
)
def test_the_message_names_the_variable_that_sets_the_port(service: str, name: str) -> None:
    assert port_name(service) == name


# ---- stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_at_once_when_it_holds_nothing(start: Start, number: signal.Signals) -> None:
    service = start()
    code, took_s = service.stop(number)
    assert code == 0
    assert took_s < 2
    assert [event["event"] for event in service.events()] == ["listening", "stopping"]


def test_requests_and_sockets_that_never_end_do_not_hold_up_the_stop(start: Start) -> None:
    service = start()
    clients = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(12)]
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    for number, client in enumerate(clients):
        path, extra = ("/listen", f"{upgrade}dGhlIHNhbXBsZSBub25jZQ==\r\n") if number % 2 else ("/hang", "")
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{extra}\r\n".encode())
    for client in clients[1::2]:
        assert client.recv(12) == b"HTTP/1.1 101"
    code, took_s = service.stop()
    for client in clients:
        client.close()
    assert code == 0
    assert took_s < 5


def test_while_it_drains_the_port_is_open_and_says_503(start: Start, eventually: Eventually) -> None:
    service = start(DRAIN_MS="700")
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: service.status("/readyz") == 503)
    assert service.status("/healthz") == 200
    assert service.process.poll() is None
    assert service.process.wait(timeout=5) == 0
    assert service.status("/healthz") == 0


def test_after_kill_9_nothing_is_left_and_the_service_starts_again(start: Start) -> None:
    first = start()
    first.stop(signal.SIGKILL)
    assert first.status("/healthz") == 0
    again = start(ANALYTICS_PORT=str(first.port))
    assert again.stop()[0] == 0


# ---- what it logs -------------------------------------------------------------------------------------------


def test_an_error_is_one_json_line_with_its_traceback_and_without_the_caller(start: Start) -> None:
    service = start()
    assert service.status("/fail?caller=%2B15555550123") == 500
    service.stop()
    [event] = [event for event in service.events() if event["level"] == "error"]
    assert event["service"] == "signal_analytics"
    assert event["event"] == "request failed"
    assert event["path"] == "/fail"
    assert "Traceback" in event["exception"]
    assert "RuntimeError: no answer for +***23" in event["exception"]
    assert "5555550123" not in service.log.read_text(encoding="utf-8")
