"""Serving: slow bodies block nobody, a stop flushes, kill -9 leaves nothing, one process owns the journal."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from flask import Flask, request

from intelligence_webhooks.front import Front
from shared.config import Settings
from shared.journal_reader import Entry, JournalReader
from tests.conftest import Eventually, MakeSettings
from tests.intelligence_kit import ACCOUNT_SID, AUTH_TOKEN, signed, v2_body

# ---- the front by itself, before a WSGI application that tells what it got ----


def mirror() -> Flask:
    app = Flask("mirror")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def tell(path: str) -> dict[str, object]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        target, body = request.environ["REQUEST_URI"], request.get_data().decode()
        return {"path": path, "target": target, "body": body, "headers": headers, "address": request.remote_addr}

    return app


def broken(_: object, __: object) -> list[bytes]:
    raise RuntimeError("on purpose")


@asynccontextmanager
async def served(settings: Settings, app: object, body_deadline_s: float = 5.0) -> AsyncIterator[TestServer]:
    front = Front(app, settings, body_deadline_s=body_deadline_s)  # type: ignore[arg-type]
    outer = web.Application(client_max_size=256 * 1024)
    outer.router.add_route("*", "/{path:.*}", front.handle)
    server = TestServer(outer)
    await server.start_server()
    yield server
    await server.close()
    await front.close()


async def exchange(server: TestServer, data: bytes) -> bytes:
    """The head and the body that a server answers to raw bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length is not None
            return head + await reader.readexactly(int(length[1]))
    finally:
        writer.close()


def request_bytes(line: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"{line} HTTP/1.1", "Host: h", "Connection: close", *headers, "", ""])
    return head.encode("latin-1") + body


def json_of(answer: bytes) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    return found


@pytest.fixture
def settings(make_settings: MakeSettings, tmp_path: Path) -> Settings:
    return make_settings("intelligence_webhooks", tmp_path)


async def test_the_target_reaches_wsgi_as_it_was_sent(settings: Settings) -> None:
    async with served(settings, mirror()) as server:
        seen = json_of(await exchange(server, request_bytes("GET /a%2Fb%20c?x=%7E&y")))
    assert (seen["target"], seen["path"], seen["address"]) == ("/a%2Fb%20c?x=%7E&y", "a/b c", "127.0.0.1")


async def test_a_header_with_an_underscore_cannot_pose_as_another(settings: Settings) -> None:
    async with served(settings, mirror()) as server:
        seen = json_of(await exchange(server, request_bytes("GET /a", "X_Twilio_Signature: forged", "X-Other: 1")))
    assert isinstance(seen["headers"], dict)
    assert "x-twilio-signature" not in seen["headers"]
    assert seen["headers"]["x-other"] == "1"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (["Content-Length: 300000"], b"x" * 300_000),
        (["Content-Length: 99999999999"], b"x"),
        (["Transfer-Encoding: chunked"], b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    ],
    ids=["too long", "claims to be", "chunks without end"],
)
async def test_a_body_over_the_limit_is_refused_early(settings: Settings, headers: list[str], body: bytes) -> None:
    async with served(settings, mirror()) as server:
        answer = await exchange(
            server, request_bytes("POST /a", *headers, body=body * (8 if "T" in headers[0] else 1))
        )
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


async def test_a_body_that_does_not_come_is_cut_off_at_the_deadline(settings: Settings) -> None:
    async with served(settings, mirror(), body_deadline_s=0.1) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST /a", "Content-Length: 10", body=b"x"))
        async with asyncio.timeout(2):
            assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_slow_bodies_do_not_block_other_requests(settings: Settings) -> None:
    async with served(settings, mirror(), body_deadline_s=30.0) as server:
        with ExitStack() as slow:
            for _ in range(100):
                stalled = slow.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                stalled.sendall(request_bytes("POST /slow", "Content-Length: 10", body=b"x"))
            async with asyncio.timeout(2):
                for _ in range(20):
                    assert (await exchange(server, request_bytes("GET /quick"))).startswith(b"HTTP/1.1 200")


async def test_a_fault_of_the_application_is_a_problem_without_detail(settings: Settings) -> None:
    async with served(settings, broken) as server:
        answer = await exchange(server, request_bytes("GET /a"))
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"on purpose" not in answer


async def test_more_requests_than_may_wait_are_turned_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intelligence_webhooks.front.WAITING_REQUESTS", 0)
    async with served(settings, mirror()) as server:
        answer = await exchange(server, request_bytes("GET /a"))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 1" in answer


# ---- the service as a process ----


@dataclass
class Service:
    """A running `python -m intelligence_webhooks`."""

    process: subprocess.Popen[bytes]
    port: int
    data_dir: Path
    log: Path

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, body, headers or {})
            return connection.getresponse().status
        finally:
            connection.close()

    def post(self, number: int) -> int:
        """The status of a signed webhook about the transcript with this number, 0 when there was no answer."""
        path, headers = signed(self.origin, v2_body(number))
        try:
            return self.request("POST", path, v2_body(number), headers)
        except (OSError, http.client.HTTPException):
            return 0

    def answers(self) -> bool:
        try:
            return self.request("GET", "/readyz") == 200
        except OSError:
            return False

    def stored(self) -> list[str]:
        """The transcripts of all events in the journal."""
        lines = JournalReader(self.data_dir, "intel_events").read(100_000)
        return [msgspec.json.decode(line.raw)["transcript_sid"] for line in lines if isinstance(line, Entry)]


StartService = Callable[..., Service]


@pytest.fixture
def start(tmp_path: Path, free_port: Callable[[], int], eventually: Eventually) -> Iterator[StartService]:
    """`start()`: the service as its own process; with `wait=False` it may also refuse to start."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*, wait: bool = True, port: int | None = None) -> Service:
        port = port or free_port()
        env = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(tmp_path / "data"),
            "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "TWILIO_BASE_URL": "http://127.0.0.1:9",
            "OPERATOR_TOKEN": "test-operator-token",
            "INTELLIGENCE_PORT": str(port),
        }
        command = [sys.executable, "-m", "intelligence_webhooks"]
        log = tmp_path / f"{len(running)}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(command, env=env, cwd=tmp_path, stderr=stderr)
        running.append(process)
        service = Service(process, port, tmp_path / "data", log)
        if wait:
            eventually(service.answers, 20.0)
        return service

    yield begin
    for process in running:
        process.kill()
        process.wait()


def test_a_stop_answers_and_keeps_what_was_accepted(start: StartService) -> None:
    service = start()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.post, number) for number in range(400)]
        answers[50].result()
        service.process.send_signal(signal.SIGTERM)
        acknowledged = [f"GT{n:032x}" for n, answer in enumerate(answers) if answer.result() == 204]
    assert service.process.wait(10) == 0
    assert len(acknowledged) >= 40
    assert set(acknowledged) <= set(service.stored())


def test_kill_9_loses_no_acknowledged_event_and_leaves_nothing_serving(start: StartService) -> None:
    service = start()
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children")
    assert children.read_text() == ""  # no worker that could outlive its parent
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.post, number) for number in range(400)]
        answers[50].result()
        service.process.kill()
        acknowledged = [f"GT{n:032x}" for n, answer in enumerate(answers) if answer.result() == 204]
    service.process.wait(10)
    assert not service.answers()
    assert len(acknowledged) >= 40
    assert set(acknowledged) <= set(service.stored())
    again = start(port=service.port)
    assert {again.post(number) for number in range(60)} == {204}
    assert len(again.stored()) == len(set(again.stored()))


def test_a_second_process_on_the_same_journal_refuses_to_start(start: StartService) -> None:
    start()
    second = start(wait=False)
    assert second.process.wait(20) == 1
    errors = second.log.read_text()
    assert "already running" in errors
    assert "Traceback" not in errors


def test_without_a_token_the_service_refuses_to_start(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "TWILIO_ACCOUNT_SID": ACCOUNT_SID}
    command = [sys.executable, "-m", "intelligence_webhooks"]
    ended = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 2
    assert "TWILIO_AUTH_TOKEN" in ended.stderr
