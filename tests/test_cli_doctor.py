"""`crosschannel doctor`: what it finds, what it advises, and whether it ends with 0."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

PORT_NAMES = ("RELAY_PORT", "CONVERSATIONS_PORT", "INTELLIGENCE_PORT", "ANALYTICS_PORT", "SANDBOX_PORT")
SID, TOKEN, KEY = "AC" + "1" * 32, "2" * 32, "sk-test-0123456789"
BASIC = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()

Doctor = Callable[..., subprocess.CompletedProcess[str]]


class Accounts(HTTPServer):
    """Twilio, OpenAI and the relay's health page on one loopback port; remembers the paths it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AccountsHandler)
        self.asked: list[str] = []
        self.service = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class AccountsHandler(BaseHTTPRequestHandler):
    server: Accounts

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        wanted = {f"/api/2010-04-01/Accounts/{SID}.json": BASIC, "/openai/v1/models": f"Bearer {KEY}"}
        body = json.dumps({"service": self.server.service}).encode()
        known = self.path == "/healthz" or self.headers["Authorization"] == wanted.get(self.path, "none")
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    server = Accounts()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def doctor(tmp_path: Path, free_port: Callable[[], int]) -> Doctor:
    """`doctor(NAME="value")`: runs it in an empty folder, on free ports, without accounts."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}

    def run(**env: str) -> subprocess.CompletedProcess[str]:
        ports = {name: str(free_port()) for name in PORT_NAMES}
        command = [sys.executable, "-m", "crosschannel", "doctor"]
        complete = inherited | ports | env
        return subprocess.run(
            command, cwd=tmp_path, env=complete, capture_output=True, text=True, check=False, timeout=30
        )

    return run


def real(accounts: Accounts, **env: str) -> dict[str, str]:
    """Real-looking accounts that are served on loopback."""
    credentials = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "OPENAI_API_KEY": KEY}
    places = {"TWILIO_BASE_URL": accounts.address, "OPENAI_BASE_URL": f"{accounts.address}/openai/v1"}
    return credentials | places | env


def test_a_demo_that_is_not_running_is_in_order(doctor: Doctor) -> None:
    done = doctor()
    assert done.returncode == 0, done.stdout
    assert "fault" not in done.stdout
    assert "sandbox: not running" in done.stdout
    assert "A call can be placed" in done.stdout


def test_accounts_that_know_the_credentials_are_in_order(doctor: Doctor, accounts: Accounts) -> None:
    done = doctor(**real(accounts))
    assert done.returncode == 0, done.stdout
    assert f"ok    twilio: 127.0.0.1:{accounts.server_port} knows the credentials" in done.stdout
    assert f"ok    openai: 127.0.0.1:{accounts.server_port} knows the credentials" in done.stdout
    assert "/openai/v1/models" in accounts.asked


@pytest.mark.parametrize(
    ("name", "wrong"), [("TWILIO_AUTH_TOKEN", "3" * 32), ("OPENAI_API_KEY", "sk-wrong-0123456789")]
)
def test_refused_credentials_are_a_fault_that_names_the_variable(
    doctor: Doctor, accounts: Accounts, name: str, wrong: str
) -> None:
    done = doctor(**real(accounts, **{name: wrong}))
    assert done.returncode == 1
    finding = done.stdout.split("refuses the credentials (HTTP 401)")[1]
    assert name in finding.splitlines()[1]
    assert wrong not in done.stdout


def test_an_endpoint_that_cannot_be_reached_is_a_fault(
    doctor: Doctor, accounts: Accounts, free_port: Callable[[], int]
) -> None:
    done = doctor(**real(accounts, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1"))
    assert done.returncode == 1
    assert "cannot be reached" in done.stdout


def test_all_faults_of_the_configuration_are_found_at_once(doctor: Doctor) -> None:
    done = doctor(RELAY_PORT="none", DEBUG_MODE="maybe", PUBLIC_URL="ftp://x")
    assert done.returncode == 1
    for name in ("RELAY_PORT", "DEBUG_MODE", "PUBLIC_URL"):
        assert f"fault {name} must be" in done.stdout
    assert done.stdout.count("fault RELAY_PORT") == 1
    assert "Traceback" not in done.stderr


def test_half_given_credentials_are_faults_with_the_way_to_a_demo(doctor: Doctor) -> None:
    done = doctor(OPENAI_API_KEY=KEY)
    assert done.returncode == 1
    assert "fault TWILIO_ACCOUNT_SID is missing" in done.stdout
    assert "none of them for the demo" in done.stdout


def test_a_port_of_a_stranger_is_a_fault_and_of_this_platform_is_not(doctor: Doctor, accounts: Accounts) -> None:
    held = str(accounts.server_port)
    stranger = doctor(RELAY_PORT=held)
    assert stranger.returncode == 1
    assert f"fault port {held} is held by another program, relay_server needs it" in stranger.stdout
    accounts.service = "relay_server"
    ours = doctor(RELAY_PORT=held)
    assert ours.returncode == 0
    assert f"port {held}: relay_server is running" in ours.stdout
    accounts.service = "sandbox"
    swapped = doctor(RELAY_PORT=held)
    assert swapped.returncode == 1
    assert f"port {held} is held by sandbox" in swapped.stdout


def test_a_data_directory_that_is_a_file_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = doctor(DATA_DIR="taken")
    assert done.returncode == 1
    assert "DATA_DIR" in done.stdout
    assert "-> make it a directory that you may write to" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_env_file_that_cannot_be_read_is_a_fault_with_its_own_advice(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    done = doctor()
    assert done.returncode == 1
    assert "fault .env must be UTF-8" in done.stdout
    assert "-> correct it in .env" in done.stdout
    assert "TWILIO" not in done.stdout


def test_files_that_others_may_read_are_noted(doctor: Doctor, tmp_path: Path) -> None:
    doctor()
    journal = tmp_path / "data/demo/calls.ndjson"
    journal.write_text("")
    journal.chmod(0o644)
    assert "others on this machine may read calls.ndjson" in doctor().stdout


def test_an_agent_file_that_cannot_be_used_is_a_fault(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("name = ")
    done = doctor(AGENT_FILE="agent.toml")
    assert done.returncode == 1
    assert "fault agent file: " in done.stdout


def test_twilio_without_a_way_to_this_machine_is_a_fault(doctor: Doctor, accounts: Accounts) -> None:
    env = real(accounts)
    del env["TWILIO_BASE_URL"]
    # A proxy nobody listens on: the check of Twilio's address must not leave this machine.
    done = doctor(**env, https_proxy=f"http://127.0.0.1:{accounts.server_port}")
    assert done.returncode == 1
    assert "fault Twilio cannot reach this machine at http://127.0.0.1" in done.stdout


def test_a_token_of_the_wrong_shape_is_noted(doctor: Doctor, accounts: Accounts) -> None:
    done = doctor(**real(accounts, TWILIO_AUTH_TOKEN="short", TWILIO_PHONE_NUMBER="0170 1234"))
    assert "TWILIO_AUTH_TOKEN does not look like an auth token" in done.stdout
    assert "TWILIO_PHONE_NUMBER is not in E.164" in done.stdout
