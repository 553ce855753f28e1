"""Which accounts a command uses: the environment's, or the demo's when there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosschannel.demo import child_environment, environment, is_demo, settings_of
from shared.config import ConfigError, load_settings

REAL = {
    "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
    "TWILIO_AUTH_TOKEN": "2" * 32,
    "OPENAI_API_KEY": "sk-real-0123456789",
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_real_credentials_come_back_as_they_are() -> None:
    env = environment(REAL | {"DEBUG_MODE": "true"})
    assert env == REAL | {"DEBUG_MODE": "true"}
    assert not is_demo(env)


def test_without_credentials_the_demo_is_complete_for_every_service() -> None:
    env = environment({})
    assert is_demo(env)
    assert env["DATA_DIR"] == "./data/demo"
    for service in ("relay_server", "conversations_api", "intelligence_webhooks", "signal_analytics", "sandbox"):
        settings = load_settings(service, env)
        assert settings.twilio is not None
        assert settings.twilio.base_url == "http://127.0.0.1:9000"
    assert settings.segment is not None


def test_the_demo_account_is_the_same_at_the_next_start() -> None:
    assert environment({}) == environment({})


@pytest.mark.parametrize("given", [["OPENAI_API_KEY"], ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"]])
def test_half_given_credentials_name_all_that_is_missing_and_how_to_get_a_demo(given: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        environment({name: REAL[name] for name in given})
    assert error.value.faults == [f"{name} is missing" for name in REAL if name not in given]
    assert " ".join(f"{name}=" for name in given) + " make up" in str(error.value)


def test_a_placeholder_is_a_fault_and_not_a_demo() -> None:
    with pytest.raises(ConfigError) as error:
        environment(REAL | {"TWILIO_AUTH_TOKEN": "your_auth_token"})
    assert error.value.faults == ["TWILIO_AUTH_TOKEN still holds a placeholder"]


def test_no_message_shows_a_credential() -> None:
    with pytest.raises(ConfigError) as error:
        environment({"OPENAI_API_KEY": REAL["OPENAI_API_KEY"]})
    assert REAL["OPENAI_API_KEY"] not in str(error.value)


def test_an_empty_variable_hides_the_credential_of_the_file() -> None:
    Path(".env").write_text(f"OPENAI_API_KEY={REAL['OPENAI_API_KEY']}\n")
    assert is_demo(environment({"OPENAI_API_KEY": ""}))
    with pytest.raises(ConfigError):
        environment({})


def test_an_empty_variable_stays_empty_for_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PUBLIC_URL=https://voice.example.com\n")
    monkeypatch.setenv("PUBLIC_URL", "")
    assert child_environment(environment())["PUBLIC_URL"] == ""


def test_services_may_keep_what_python_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in child_environment({})


def test_the_sandbox_is_where_its_address_or_its_port_says() -> None:
    assert environment({"SANDBOX_PORT": "9555"})["TWILIO_BASE_URL"] == "http://127.0.0.1:9555"
    elsewhere = environment({"SANDBOX_URL": "http://sandbox:9000/"})
    assert elsewhere["TWILIO_BASE_URL"] == "http://sandbox:9000"
    assert elsewhere["OPENAI_BASE_URL"] == "http://sandbox:9000/openai/v1"


def test_an_address_that_was_given_is_kept_in_the_demo() -> None:
    assert environment({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})["OPENAI_BASE_URL"] == "http://127.0.0.1:1/v1"


def test_credentials_of_a_real_segment_space_are_never_sent_to_the_sandbox() -> None:
    env = environment({"SEGMENT_SPACE_ID": "spa_1", "SEGMENT_ACCESS_SECRET": "secret"})
    assert "SEGMENT_BASE_URL" not in env
    assert env["SEGMENT_ACCESS_SECRET"] == "secret"


def test_a_data_directory_that_cannot_be_made_is_one_fault() -> None:
    Path("file").write_text("")
    for attempt in (
        lambda: environment({"DATA_DIR": "file/data"}),
        lambda: settings_of("sandbox", REAL | {"DATA_DIR": "file"}),
    ):
        with pytest.raises(ConfigError, match="DATA_DIR"):
            attempt()


def test_run_becomes_the_service_in_the_same_environment_as_under_up(tmp_path: Path) -> None:
    (tmp_path / "relay_server.py").write_text(
        "import json, os; print(json.dumps([os.getpid(), dict(os.environ)]))"
    )
    command = [sys.executable, "-m", "crosschannel", "run", "relay_server"]
    inherited = {name: value for name, value in os.environ.items() if name not in REAL}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited)
    output, _ = process.communicate(timeout=20)
    pid, env = json.loads(output)
    assert pid == process.pid
    assert {name: env[name] for name in ("TWILIO_BASE_URL", "DATA_DIR")} == {
        "TWILIO_BASE_URL": "http://127.0.0.1:9000",
        "DATA_DIR": "./data/demo",
    }
    assert is_demo(env)


def test_run_sandbox_beside_real_accounts_ends_with_0() -> None:
    command = [sys.executable, "-m", "crosschannel", "run", "sandbox"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | REAL, check=False, timeout=20)
    assert (done.returncode, "nothing to stand in for" in done.stdout) == (0, True)
