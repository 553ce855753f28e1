"""The command line itself, and its small commands."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crosschannel.__main__ import COMMANDS, main
from shared.config import load_settings
from shared.operators import Operators, Role

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def crosschannel(tmp_path: Path) -> Run:
    """`crosschannel("doctor", NAME="value")`: runs the command in an empty folder without accounts."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "crosschannel", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=inherited | env, capture_output=True, text=True, check=False, timeout=30
        )

    return run


def test_help_names_every_command(crosschannel: Run) -> None:
    done = crosschannel("--help")
    assert done.returncode == 0
    assert all(f"\n    {name}" in done.stdout for name in COMMANDS)


def test_help_is_quick_because_it_imports_no_command(crosschannel: Run) -> None:
    script = "import sys; from crosschannel.__main__ import _parser; _parser(None); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"shared", "aiohttp", "msgspec", "asyncio", "crosschannel.up", "crosschannel.call"}
    began = time.monotonic()
    crosschannel("--help")
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(crosschannel: Run, name: str) -> None:
    done = crosschannel(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run"], ["run", "shared"], ["operators"]])
def test_arguments_that_cannot_be_used_end_with_2(crosschannel: Run, arguments: list[str]) -> None:
    done = crosschannel(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_version_is_the_installed_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out.startswith("crosschannel 0.")


def test_a_configuration_fault_is_told_without_a_traceback(crosschannel: Run) -> None:
    for arguments in (["up"], ["run", "sandbox"], ["operators", "list"]):
        done = crosschannel(*arguments, OPENAI_API_KEY="sk-only-this-one")
        assert done.returncode == 2
        assert "TWILIO_AUTH_TOKEN is missing" in done.stderr
        assert "Traceback" not in done.stderr


# ---- operators ----


def test_an_added_operators_token_is_printed_once_and_signs_in(crosschannel: Run, tmp_path: Path) -> None:
    done = crosschannel("operators", "add", "ana", "--role", "supervisor")
    assert done.returncode == 0
    token = done.stdout.splitlines()[-1]
    secrets = json.loads((tmp_path / "data/demo/secrets.json").read_text())
    operators = Operators(tmp_path / "data/demo", secrets["SESSION_SECRET"], secrets["OPERATOR_TOKEN"])
    known = operators.identify(f"Bearer {token}", None)
    operators.close()
    assert known is not None
    assert (known.name, known.role) == ("ana", Role.SUPERVISOR)
    listing = crosschannel("operators", "list").stdout
    assert "ana (supervisor)" in listing
    assert token not in listing


def test_changes_of_operators_are_audited_without_the_token(crosschannel: Run, tmp_path: Path) -> None:
    token = crosschannel("operators", "add", "maria").stdout.split()[-1]
    crosschannel("operators", "add", "maria")
    crosschannel("operators", "revoke", "maria")
    text = next(tmp_path.rglob("audit.crosschannel.ndjson")).read_text()
    found = [(line["action"], line["target"], line["outcome"]) for line in map(json.loads, text.splitlines())]
    assert found == [
        ("operator_add", "maria", "ok"),
        ("operator_add", "maria", "refused"),
        ("operator_revoke", "maria", "ok"),
    ]
    assert token not in text


def test_a_revoked_operators_token_is_not_known_any_more(crosschannel: Run, tmp_path: Path) -> None:
    token = crosschannel("operators", "add", "ana").stdout.splitlines()[-1]
    assert crosschannel("operators", "revoke", "ana").returncode == 0
    secrets = json.loads((tmp_path / "data/demo/secrets.json").read_text())
    operators = Operators(tmp_path / "data/demo", secrets["SESSION_SECRET"], secrets["OPERATOR_TOKEN"])
    known = operators.identify(f"Bearer {token}", None)
    operators.close()
    assert known is None


def test_a_taken_and_an_unknown_name_are_one_line_and_1(crosschannel: Run) -> None:
    crosschannel("operators", "add", "ana")
    for arguments in (["add", "ana"], ["revoke", "nobody"]):
        done = crosschannel("operators", *arguments)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1


def test_the_owners_link_signs_in_with_the_stored_token(crosschannel: Run, tmp_path: Path) -> None:
    link = crosschannel("operators", "link").stdout.strip()
    settings = load_settings("crosschannel", {"DATA_DIR": str(tmp_path / "data/demo")})
    assert link == f"http://127.0.0.1:3001/sign-in?token={settings.operator_token}"


def test_the_secrets_are_readable_by_their_owner_only(crosschannel: Run, tmp_path: Path) -> None:
    crosschannel("operators", "list")
    assert stat.S_IMODE((tmp_path / "data/demo/secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data/demo").stat().st_mode) == 0o700
