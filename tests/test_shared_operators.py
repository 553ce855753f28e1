"""Operators: roles, tokens hashed at rest, sessions that end everywhere, sign-ins that are limited."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

import shared.operators
from shared.operators import ABSOLUTE_S, FAILURE_WINDOW_S, IDLE_S, Identity, Operators, Role
from shared.problem import Problem
from shared.secrets_file import one_at_a_time

SECRET = "session-secret"
OWNER_TOKEN = "owner-token-0123456789"


class Clock:
    """Unix time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shared.operators, "time", SimpleNamespace(time=clock))
    return clock


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[Operators]:
    with closing(Operators(tmp_path, SECRET, OWNER_TOKEN)) as operators:
        yield operators


def in_another_process(data_dir: Path, code: str) -> str:
    """What `code` prints, with `operators` being this installation's store in a process of its own."""
    setup = (
        "import pathlib, sys; from shared.operators import Operators, Role\n"
        f"operators = Operators(pathlib.Path(sys.argv[1]), {SECRET!r}, {OWNER_TOKEN!r})\n"
    )
    command = [sys.executable, "-c", setup + code, str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def refusal(operators: Operators, token: str, address: str = "10.0.0.1") -> Problem:
    with pytest.raises(Problem) as caught:
        operators.sign_in(token, address)
    return caught.value


# ---- who is who ---------------------------------------------------------------------------------------------


def test_roles_are_a_ladder() -> None:
    assert Role.VIEWER < Role.AGENT < Role.SUPERVISOR < Role.ADMIN


def test_an_operator_is_known_by_bearer_token_and_by_session(operators: Operators) -> None:
    token = operators.add("ada", Role.AGENT)
    assert operators.identify(f"Bearer {token}", None) == Identity("ada", Role.AGENT)
    assert operators.identify(f"bearer  {token} ", None) == Identity("ada", Role.AGENT)
    cookie, signed_in = operators.sign_in(token, "10.0.0.1")
    assert (signed_in.name, signed_in.role) == ("ada", Role.AGENT)
    assert operators.identify(None, cookie) == signed_in


def test_the_owner_is_an_admin_and_in_no_table(operators: Operators) -> None:
    assert operators.identify(f"Bearer {OWNER_TOKEN}", None) == Identity("owner", Role.ADMIN)
    cookie, _ = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    identity = operators.identify(None, cookie)
    assert identity is not None
    assert identity.role is Role.ADMIN
    assert operators.list() == []


def test_another_operator_token_in_the_environment_ends_the_owners_sessions(tmp_path: Path) -> None:
    with closing(Operators(tmp_path, SECRET, OWNER_TOKEN)) as before:
        cookie, _ = before.sign_in(OWNER_TOKEN, "10.0.0.1")
    with closing(Operators(tmp_path, SECRET, "a new owner token")) as changed:
        assert changed.identify(None, cookie) is None
        assert changed.identify(f"Bearer {OWNER_TOKEN}", None) is None


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", OWNER_TOKEN, f"Basic {OWNER_TOKEN}", "Bearer \udcff"],
)
def test_anything_else_is_nobody(operators: Operators, authorization: str) -> None:
    assert operators.identify(authorization, None) is None


def test_a_request_with_an_authorization_header_is_judged_by_it_alone(operators: Operators) -> None:
    cookie, _ = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    assert operators.identify("Bearer wrong", cookie) is None
    assert operators.identify(None, "wrong") is None
    assert operators.identify(None, None) is None


def test_an_empty_owner_token_admits_nobody(tmp_path: Path) -> None:
    with closing(Operators(tmp_path, SECRET, "")) as operators:
        assert operators.identify("Bearer ", None) is None
        assert refusal(operators, "").status == 401


def test_names_are_unique_and_readable(operators: Operators) -> None:
    operators.add("ada", Role.VIEWER)
    for name in ("ada", "owner", "", "  ", "a\nb", "a\u202eb", "\x1b[2J"):
        with pytest.raises(ValueError, match="operator"):
            operators.add(name, Role.ADMIN)
    assert [(row.name, row.role) for row in operators.list()] == [("ada", Role.VIEWER)]


# ---- at rest ------------------------------------------------------------------------------------------------


def test_no_token_or_cookie_stands_in_any_file(tmp_path: Path, operators: Operators) -> None:
    token = operators.add("ada", Role.AGENT)
    cookie, _ = operators.sign_in(token, "10.0.0.1")
    owner_cookie, _ = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    assert refusal(operators, "a-wrong-guess").status == 401
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    operators.close()
    content += b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"ada" in content
    for secret in (token, cookie, owner_cookie, OWNER_TOKEN, SECRET, "a-wrong-guess"):
        assert secret.encode() not in content


def test_a_stolen_file_is_worth_nothing_without_the_session_secret(tmp_path: Path, operators: Operators) -> None:
    token = operators.add("ada", Role.AGENT)
    with closing(Operators(tmp_path, "another secret", OWNER_TOKEN)) as thief:
        assert thief.identify(f"Bearer {token}", None) is None


def test_the_files_are_their_owners_only_even_when_they_were_wider(tmp_path: Path, operators: Operators) -> None:
    operators.add("ada", Role.AGENT)
    (tmp_path / "operators.sqlite").chmod(0o644)
    with closing(Operators(tmp_path, SECRET, OWNER_TOKEN)) as again:
        again.add("bob", Role.AGENT)
    assert {
        path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir() if path.stat().st_mode & 0o077
    } == {}


def test_stores_are_opened_one_after_the_other(tmp_path: Path) -> None:
    """SQLite fails at once, whatever its timeout, when two connections switch a new file to WAL."""
    opened = threading.Event()

    def start() -> None:
        Operators(tmp_path, SECRET, OWNER_TOKEN).close()
        opened.set()

    with one_at_a_time(tmp_path / "operators.sqlite"):
        thread = threading.Thread(target=start)
        thread.start()
        assert not opened.wait(0.3)
    assert opened.wait(5)
    thread.join()


# ---- sessions end -------------------------------------------------------------------------------------------


def test_revoking_in_one_process_ends_token_and_sessions_in_another(tmp_path: Path, operators: Operators) -> None:
    token = operators.add("ada", Role.AGENT)
    cookie, signed_in = operators.sign_in(token, "10.0.0.1")
    bearer = operators.identify(f"Bearer {token}", None)
    assert bearer is not None
    assert operators.still_valid(signed_in)
    assert operators.still_valid(bearer)
    assert (
        in_another_process(tmp_path, "print(operators.revoke('ada'), operators.revoke('nobody'))") == "True False"
    )
    assert operators.identify(None, cookie) is None
    assert operators.identify(f"Bearer {token}", None) is None
    assert not operators.still_valid(signed_in)
    assert not operators.still_valid(bearer)
    assert refusal(operators, token).status == 401


def test_an_operator_who_is_added_again_does_not_get_old_sessions_back(operators: Operators) -> None:
    cookie, _ = operators.sign_in(operators.add("ada", Role.ADMIN), "10.0.0.1")
    operators.revoke("ada")
    operators.add("ada", Role.VIEWER)
    assert operators.identify(None, cookie) is None


def test_signing_out_in_one_process_ends_the_session_in_another(tmp_path: Path, operators: Operators) -> None:
    token = operators.add("ada", Role.AGENT)
    cookie, signed_in = operators.sign_in(token, "10.0.0.1")
    other, _ = operators.sign_in(token, "10.0.0.1")
    in_another_process(tmp_path, f"operators.sign_out({cookie!r})")
    assert operators.identify(None, cookie) is None
    assert not operators.still_valid(signed_in)
    assert operators.identify(None, other) is not None
    assert operators.identify(f"Bearer {token}", None) is not None


def test_a_sign_in_of_one_process_is_good_in_another(tmp_path: Path, operators: Operators) -> None:
    cookie = in_another_process(tmp_path, "print(operators.sign_in(operators.add('ada', Role.AGENT), '::1')[0])")
    identity = operators.identify(None, cookie)
    assert identity is not None
    assert (identity.name, identity.role) == ("ada", Role.AGENT)


def test_every_sign_in_makes_a_new_session(operators: Operators) -> None:
    cookies = {operators.sign_in(OWNER_TOKEN, "10.0.0.1")[0] for _ in range(5)}
    assert len(cookies) == 5
    assert min(map(len, cookies)) >= 43  # 32 random bytes


def test_a_session_ends_when_it_is_idle(clock: Clock, operators: Operators) -> None:
    cookie, signed_in = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    for _ in range(3):
        clock.now_s += IDLE_S - 1
        assert operators.identify(None, cookie) is not None
    clock.now_s += IDLE_S + 1
    assert operators.identify(None, cookie) is None
    assert not operators.still_valid(signed_in)


def test_a_session_ends_after_its_longest_time_however_busy_it_is(clock: Clock, operators: Operators) -> None:
    cookie, _ = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    until_s = clock.now_s + ABSOLUTE_S
    while clock.now_s + IDLE_S < until_s:
        clock.now_s += IDLE_S - 60
        assert operators.identify(None, cookie) is not None
    clock.now_s = until_s + 1
    assert operators.identify(None, cookie) is None


def test_a_clock_that_jumps_an_hour_ends_a_session_or_keeps_it_and_no_more(
    clock: Clock, operators: Operators
) -> None:
    cookie, _ = operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    clock.now_s -= 3600
    assert operators.identify(None, cookie) is not None
    clock.now_s += 7200
    assert operators.identify(None, cookie) is None


# ---- failing sign-ins ---------------------------------------------------------------------------------------


def test_the_sixth_try_after_five_failures_must_wait(clock: Clock, operators: Operators) -> None:
    for _ in range(5):
        assert refusal(operators, "wrong").status == 401
        clock.now_s += 10
    problem = refusal(operators, OWNER_TOKEN)
    assert (problem.status, problem.headers["Retry-After"]) == (429, str(FAILURE_WINDOW_S - 50))
    assert operators.sign_in(OWNER_TOKEN, "10.0.0.2"), "another address is not refused"
    clock.now_s += FAILURE_WINDOW_S - 50.4
    assert refusal(operators, OWNER_TOKEN).headers["Retry-After"] == "1"
    clock.now_s += 1
    assert operators.sign_in(OWNER_TOKEN, "10.0.0.1")


def test_whoever_waits_as_long_as_told_is_admitted(clock: Clock, operators: Operators) -> None:
    for wait_s in (0.0, 0.3, 7.7, 0.7, 0.0):
        clock.now_s += wait_s
        refusal(operators, "wrong")
    clock.now_s += int(refusal(operators, OWNER_TOKEN).headers["Retry-After"]) + 0.001
    assert operators.sign_in(OWNER_TOKEN, "10.0.0.1")


def test_only_failures_count(operators: Operators) -> None:
    for _ in range(20):
        operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    for _ in range(4):
        refusal(operators, "wrong")
        operators.sign_in(OWNER_TOKEN, "10.0.0.1")
    assert refusal(operators, "wrong").status == 401
    assert refusal(operators, "wrong").status == 429


def test_refused_tries_do_not_prolong_the_wait(clock: Clock, operators: Operators) -> None:
    for _ in range(5):
        refusal(operators, "wrong")
    for _ in range(50):
        clock.now_s += 5
        assert refusal(operators, "wrong").status == 429
    clock.now_s += FAILURE_WINDOW_S - 250 + 1
    assert operators.sign_in(OWNER_TOKEN, "10.0.0.1")


def test_failures_count_over_all_services(tmp_path: Path, operators: Operators) -> None:
    in_another_process(
        tmp_path,
        "from shared.problem import Problem\n"
        "for _ in range(5):\n"
        "    try: operators.sign_in('wrong', '10.0.0.1')\n"
        "    except Problem: pass",
    )
    assert refusal(operators, OWNER_TOKEN).status == 429
