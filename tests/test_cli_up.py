"""`crosschannel up` with stand-ins for the services: real processes on free ports."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

STAND_IN = Path(__file__).parent / "fixtures" / "launcher" / "stand_in.py"
PLATFORM = ("relay_server", "conversations_api", "intelligence_webhooks", "signal_analytics")
SERVICES = (*PLATFORM, "sandbox")
PORT_NAMES = ("RELAY_PORT", "CONVERSATIONS_PORT", "INTELLIGENCE_PORT", "ANALYTICS_PORT", "SANDBOX_PORT")
REAL_ACCOUNTS = {
    "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
    "TWILIO_AUTH_TOKEN": "2" * 32,
    "OPENAI_API_KEY": "sk-test-0123456789",
}


class Up:
    """A running `crosschannel up` in a folder with stand-ins; its output, after `through`, gathers in `output`."""

    def __init__(self, folder: Path, env: dict[str, str], through: str) -> None:
        self.folder = folder
        self.output = ""
        command = [sys.executable, "-m", "crosschannel", "up", "--no-console", "--empty"]
        self.process = subprocess.Popen(
            ["sh", "-c", f"{shlex.join(command)} | {through}"] if through else command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.output += line

    def pids(self, service: str) -> list[int]:
        """The pids of all stand-ins that were started as `service`."""
        file = self.folder / f"{service}.pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def environment(self, service: str) -> dict[str, str]:
        value: dict[str, str] = json.loads((self.folder / f"{service}.environment").read_text())
        return value

    def wait(self, timeout_s: float = 10.0) -> int:
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code


@pytest.fixture
def start(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Up]]:
    """`start(NAME="value", …)`: `crosschannel up` without accounts, with stand-ins on free ports."""
    for service in SERVICES:
        shutil.copy(STAND_IN, tmp_path / f"{service}.py")
    ports = {name: str(free_port()) for name in PORT_NAMES}
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    started: list[Up] = []

    def begin(through: str = "", **env: str) -> Up:
        started.append(Up(tmp_path, inherited | ports | env, through))
        return started[-1]

    yield begin
    for up in started:
        if up.process.poll() is None:
            up.process.kill()
        up.wait()


def is_alive(pid: int) -> bool:
    """False for a process that is gone or only waits to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_pids(up: Up) -> list[int]:
    return [pid for service in SERVICES for pid in up.pids(service)]


def test_up_starts_every_service_and_prints_addresses_sign_in_link_and_how_to_call(
    start: Any, eventually: Any
) -> None:
    up = start()
    eventually(lambda: "stop          Ctrl-C" in up.output, 10)
    for service in SERVICES:
        station = service.split("_")[-1 if service == "signal_analytics" else 0].upper()
        assert f"{service:<21}  http://127.0.0.1:{up.environment(service)[f'{station}_PORT']}" in up.output
    token = json.loads((up.folder / "data/demo/secrets.json").read_text())["OPERATOR_TOKEN"]
    port = up.environment("relay_server")["CONVERSATIONS_PORT"]
    assert f"http://127.0.0.1:{port}/sign-in?token={token}" in up.output
    assert "crosschannel call" in up.output
    assert "against the sandbox" in up.output


def test_output_in_a_pipe_is_prefixed_and_plain_and_log_records_are_written_out(
    start: Any, eventually: Any
) -> None:
    up = start()
    eventually(lambda: "Ctrl-C" in up.output, 10)
    assert "relay_server          | 10:11:12 listening port=1\n" in up.output
    assert "\x1b" not in up.output


def test_services_of_the_demo_get_its_account_and_the_sandbox_as_endpoint(start: Any, eventually: Any) -> None:
    up = start()
    eventually(lambda: "Ctrl-C" in up.output, 10)
    env = up.environment("relay_server")
    sandbox = f"http://127.0.0.1:{env['SANDBOX_PORT']}"
    assert env["TWILIO_ACCOUNT_SID"].startswith("ACdec0de")
    assert (env["TWILIO_BASE_URL"], env["OPENAI_BASE_URL"]) == (sandbox, f"{sandbox}/openai/v1")
    assert env["SEGMENT_BASE_URL"] == f"{sandbox}/segment/v1"


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_within_three_seconds(
    start: Any, eventually: Any, stop_signal: signal.Signals
) -> None:
    up = start()
    eventually(lambda: "Ctrl-C" in up.output, 10)
    began = time.monotonic()
    up.process.send_signal(stop_signal)
    assert up.wait() == 0
    assert time.monotonic() - began < 3
    assert not [pid for pid in all_pids(up) if is_alive(pid)]
    assert "stopped" in up.output


def test_kill_9_of_the_launcher_leaves_nothing_behind(start: Any, eventually: Any) -> None:
    up = start()
    eventually(lambda: "Ctrl-C" in up.output, 10)
    up.process.kill()
    assert len(all_pids(up)) == len(SERVICES)
    eventually(lambda: not [pid for pid in all_pids(up) if is_alive(pid)])


def test_a_second_ctrl_c_ends_a_service_that_does_not_stop(start: Any, eventually: Any) -> None:
    up = start(STAND_IN_relay_server="stubborn")
    eventually(lambda: "Ctrl-C" in up.output, 10)
    up.process.send_signal(signal.SIGINT)
    eventually(lambda: not is_alive(up.pids("conversations_api")[0]))
    assert up.process.poll() is None
    up.process.send_signal(signal.SIGINT)
    assert up.wait() == 0
    assert not is_alive(up.pids("relay_server")[0])


def test_a_port_in_use_is_one_line_with_the_way_out_and_nothing_is_started(start: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        up = start(RELAY_PORT=str(port))
        assert up.wait() == 1
    assert len(up.output.splitlines()) == 1
    assert f"port {port} is in use, relay_server needs it" in up.output
    assert "RELAY_PORT" in up.output
    assert not all_pids(up)


def test_a_second_up_says_that_the_platform_already_runs(start: Any, eventually: Any) -> None:
    first = start()
    eventually(lambda: "Ctrl-C" in first.output, 10)
    second = start()
    assert second.wait() == 1
    assert "held by a running relay_server of this platform" in second.output


def test_a_second_up_on_the_same_data_is_one_line_even_on_other_ports(
    start: Any, eventually: Any, free_port: Any
) -> None:
    first = start()
    eventually(lambda: "Ctrl-C" in first.output, 10)
    second = start(**{name: str(free_port()) for name in PORT_NAMES})
    assert second.wait() == 1
    assert second.output == (
        "crosschannel up: another one already runs on data/demo: stop it, or set DATA_DIR to another folder\n"
    )


def test_a_service_that_dies_is_one_line_and_comes_back_while_the_others_go_on(
    start: Any, eventually: Any
) -> None:
    up = start()
    eventually(lambda: "Ctrl-C" in up.output, 10)
    os.kill(up.pids("relay_server")[0], signal.SIGKILL)
    eventually(lambda: "relay_server is ready again" in up.output, 10)
    assert "relay_server was killed by SIGKILL; starting it again" in up.output
    assert [len(up.pids(service)) for service in SERVICES] == [2, 1, 1, 1, 1]


def test_a_service_that_refuses_its_configuration_is_not_started_again(start: Any, eventually: Any) -> None:
    up = start(STAND_IN_signal_analytics="exit2")
    eventually(lambda: "stop          Ctrl-C" in up.output, 10)
    assert "signal_analytics ended with exit code 2 and stays down" in up.output
    assert "up, but not whole" in up.output
    assert len(up.pids("signal_analytics")) == 1
    assert is_alive(up.pids("relay_server")[0])


def test_when_no_service_is_left_up_ends_with_1(start: Any) -> None:
    up = start(**{f"STAND_IN_{service}": "exit2" for service in SERVICES})
    assert up.wait() == 1
    assert "no service is left" in up.output


def test_with_real_accounts_no_sandbox_is_started_and_the_table_says_whose_they_are(
    start: Any, eventually: Any
) -> None:
    up = start(**REAL_ACCOUNTS)
    eventually(lambda: "Ctrl-C" in up.output, 10)
    assert not up.pids("sandbox")
    assert f"against Twilio account {REAL_ACCOUNTS['TWILIO_ACCOUNT_SID']} and OpenAI" in up.output
    assert "set PUBLIC_URL or NGROK_DOMAIN" in up.output
    assert "TWILIO_BASE_URL" not in up.environment("relay_server")


def test_faults_of_the_configuration_are_listed_at_once_without_a_traceback(start: Any) -> None:
    up = start(RELAY_PORT="none", HOST="127.0.0.1", PUBLIC_URL="https://voice.example.com")
    assert up.wait() == 2
    assert "RELAY_PORT must be a port" in up.output
    assert "the demo account must not be reachable from outside" in up.output
    assert "Traceback" not in up.output
    assert not all_pids(up)


def test_a_reader_that_goes_away_stops_everything(start: Any, eventually: Any) -> None:
    up = start(through="head -n 2")
    assert up.wait() == 0
    eventually(lambda: not [pid for pid in all_pids(up) if is_alive(pid)])
    assert len(up.output.splitlines()) == 2
