"""Parts of the launcher: when a service is started again, how lines look, which ports are free."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from colorama import Fore

from crosschannel.launch.banner import banner, sign_in_link
from crosschannel.launch.lines import Lines, render
from crosschannel.launch.ports import conflicts, is_free
from crosschannel.launch.restarts import GiveUp, Restart, RestartPolicy, describe_exit
from crosschannel.probe import get
from crosschannel.services import ALL, BY_NAME, PLATFORM, RELAY
from shared.config import SERVICES, Settings


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[int]:
    """A loopback HTTP server that gives every GET this answer; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---- restarts ----


def test_each_restart_within_a_minute_waits_twice_as_long() -> None:
    policy = RestartPolicy()
    decisions = [policy.after_exit(1, now_s) for now_s in (0, 1, 2, 3, 4)]
    assert decisions == [Restart(delay_s) for delay_s in (0.25, 0.5, 1, 2, 4)]


def test_the_sixth_exit_within_a_minute_is_the_last() -> None:
    policy = RestartPolicy()
    decisions = [policy.after_exit(-9, now_s) for now_s in range(6)]
    assert decisions[-1] == GiveUp("it ended 6 times within a minute")


def test_exits_older_than_a_minute_are_forgotten() -> None:
    policy = RestartPolicy()
    assert all(policy.after_exit(1, now_s) == Restart(0.25) for now_s in range(0, 1000, 61))


def test_a_refused_configuration_is_never_tried_again() -> None:
    assert isinstance(RestartPolicy().after_exit(2, 0), GiveUp)


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with exit code 0"), (-9, "was killed by SIGKILL"), (-63, "was killed by signal 63")],
)
def test_an_exit_is_told_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words


# ---- lines ----


def test_a_log_record_is_written_out_without_what_the_prefix_says() -> None:
    record = {"event": "call opened", "call_sid": "CA1", "service": "relay_server", "level": "info"}
    line = json.dumps(record | {"timestamp": "2026-01-02T10:11:12.345Z"})
    assert render(line, coloured=False) == "10:11:12 call opened call_sid=CA1"


def test_a_warning_names_its_level_and_a_traceback_follows_its_record() -> None:
    line = json.dumps({"event": "failed", "level": "error", "exception": "Traceback\n  boom"})
    assert render(line, coloured=False) == "error failed\nTraceback\n  boom"


@pytest.mark.parametrize("line", ["plain text", '{"event": 1}', '{"cut of', "[1]", ""])
def test_what_is_no_log_record_stays_as_it_is(line: str) -> None:
    assert render(line, coloured=False) == line


def test_every_line_of_a_traceback_carries_the_prefix() -> None:
    stream = io.StringIO()
    Lines(stream, coloured=False).write("sandbox", '{"event": "failed", "exception": "one\\ntwo"}', Fore.BLUE)
    assert [line[:23] for line in stream.getvalue().splitlines()] == ["sandbox               |"] * 3


def test_colour_is_only_used_when_asked_for() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    Lines(plain, coloured=False).say("hello")
    Lines(coloured, coloured=True).say("hello")
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[" in coloured.getvalue()


# ---- ports and probe ----


def test_a_port_is_free_until_something_listens(free_port: Callable[[], int]) -> None:
    port = free_port()
    assert is_free("127.0.0.1", port)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        assert not is_free("127.0.0.1", port)


async def test_a_probe_tells_the_service_that_answers() -> None:
    with answering(b'{"service": "relay_server"}') as port:
        answer = await get("127.0.0.1", port, "/healthz")
    assert answer is not None
    assert (answer.status, answer.service) == (200, "relay_server")


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'{"service": 7}'])
async def test_a_strangers_answer_has_no_service(body: bytes) -> None:
    with answering(body) as port:
        answer = await get("127.0.0.1", port, "/healthz")
    assert answer is not None
    assert answer.service is None


async def test_a_probe_of_what_does_not_speak_http_gives_none_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert await get("127.0.0.1", silent.getsockname()[1], "/", timeout_s=0.1) is None


async def test_a_port_held_by_this_platform_is_told_from_a_strangers(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with answering(b'{"service": "sandbox"}') as ours, answering(b"{}") as other:
        for port, words in ((ours, "held by a running sandbox of this platform"), (other, "is in use")):
            settings = make_settings("crosschannel", tmp_path, RELAY_PORT=str(port))
            (sentence,) = await conflicts([RELAY], settings)
            assert f"port {port}" in sentence
            assert words in sentence
            assert "RELAY_PORT" in sentence


# ---- what is told when all is up ----


def test_the_command_line_knows_the_services_that_the_configuration_knows() -> None:
    assert {service.name: service.station for service in ALL} == SERVICES
    assert set(BY_NAME) == set(SERVICES)


def test_a_public_address_is_where_the_number_has_to_point(
    make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = make_settings("crosschannel", tmp_path, PUBLIC_URL="https://voice.example.com")
    text = "\n".join(banner(PLATFORM, [], settings, 1.0))
    assert "voice webhook set to POST https://voice.example.com/voice" in text


def test_the_sign_in_link_carries_any_token_safely(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    settings = make_settings("crosschannel", tmp_path, OPERATOR_TOKEN="a&b#c/d")
    assert sign_in_link(settings) == "http://127.0.0.1:3001/sign-in?token=a%26b%23c%2Fd"
