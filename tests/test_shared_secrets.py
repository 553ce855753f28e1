"""The secrets file: made once by whoever is first, whole at any moment, readable by its owner only."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from shared.config import DEMO_ACCOUNT_PREFIX
from shared.secrets_file import FILE_NAME, load_or_create_secrets

LOAD = """
import json, pathlib, sys
from shared.secrets_file import load_or_create_secrets
print("ready", flush=True)
sys.stdin.readline()
secrets = load_or_create_secrets(pathlib.Path(sys.argv[1]), demo=sys.argv[2] == "demo")
print(json.dumps(secrets))
"""


def stored(data_dir: Path) -> dict[str, str]:
    return msgspec.json.decode((data_dir / FILE_NAME).read_bytes(), type=dict[str, str])


def test_secrets_are_made_once_and_then_read(tmp_path: Path) -> None:
    made = load_or_create_secrets(tmp_path / "data", demo=False)
    assert made.keys() == {"OPERATOR_TOKEN", "SESSION_SECRET"}
    assert len(set(made.values())) == 2
    assert load_or_create_secrets(tmp_path / "data", demo=False) == made == stored(tmp_path / "data")


def test_a_demo_account_joins_what_is_there_under_the_environment_names(tmp_path: Path) -> None:
    before = load_or_create_secrets(tmp_path, demo=False)
    demo = load_or_create_secrets(tmp_path, demo=True)
    assert before.items() <= demo.items()
    assert demo["TWILIO_ACCOUNT_SID"].startswith(DEMO_ACCOUNT_PREFIX)
    assert len(demo["TWILIO_ACCOUNT_SID"]) == 34
    assert {"TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER", "OPENAI_API_KEY", "SEGMENT_ACCESS_SECRET"} <= demo.keys()
    assert load_or_create_secrets(tmp_path, demo=True) == demo
    assert load_or_create_secrets(tmp_path, demo=False) == demo


def test_eight_processes_that_start_at_once_have_the_same_secrets(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD, str(tmp_path), kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for kind in ("demo", "plain") * 4
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=30)[0] for process in processes]
    final = stored(tmp_path)
    assert "TWILIO_AUTH_TOKEN" in final
    assert all(msgspec.json.decode(answer, type=dict[str, str]).items() <= final.items() for answer in answers)


def test_threads_that_start_at_once_have_the_same_secrets(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: list[dict[str, str]] = []

    def load(demo: bool) -> None:
        barrier.wait(5)
        found.append(load_or_create_secrets(tmp_path, demo=demo))

    threads = [threading.Thread(target=load, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    final = stored(tmp_path)
    assert len(found) == 8
    assert all(secrets.items() <= final.items() for secrets in found)


def test_the_file_is_its_owners_only_and_nothing_else_is_left(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    load_or_create_secrets(data_dir, demo=True)
    assert data_dir.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in data_dir.iterdir()} == {
        "secrets.json": 0o600,
        "secrets.lock": 0o600,
    }


def test_wider_modes_are_tightened(tmp_path: Path) -> None:
    load_or_create_secrets(tmp_path, demo=False)
    (tmp_path / FILE_NAME).chmod(0o644)
    tmp_path.chmod(0o755)
    load_or_create_secrets(tmp_path, demo=False)
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"OPERATOR_TOKEN": 5}', b'{"OPERATOR_TOKEN": "secret-\xff"}', b"\0" * 100]
)
def test_a_damaged_file_is_a_clear_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(OSError, match=r"secrets\.json is damaged .* move it away") as caught:
        load_or_create_secrets(tmp_path, demo=False)
    assert "secret-" not in str(caught.value)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_an_empty_secret_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"OPERATOR_TOKEN": "", "SESSION_SECRET": "kept"}')
    made = load_or_create_secrets(tmp_path, demo=False)
    assert len(made["OPERATOR_TOKEN"]) >= 32
    assert made["SESSION_SECRET"] == "kept"
    assert stored(tmp_path) == made
