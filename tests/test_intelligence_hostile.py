"""What strangers send to the door: broken HTTP, slow heads, clocks that jump, names that lie."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

import shared.journal
import shared.runner
from intelligence_webhooks.app import create_app
from intelligence_webhooks.front import build
from intelligence_webhooks.store import open_store
from shared.config import Settings
from shared.door import PUBLIC
from shared.journal import Journal
from shared.journal_reader import Entry, JournalReader
from shared.records import AuditRecord, decode
from shared.runner import serve
from shared.service import add_route, create_service, json_response
from tests.conftest import EventuallyAsync, MakeSettings
from tests.intelligence_kit import BEARER
from tests.test_intelligence_front import exchange, mirror, request_bytes, served


@pytest.fixture
def settings(make_settings: MakeSettings, tmp_path: Path) -> Settings:
    return make_settings("intelligence_webhooks", tmp_path)


SMUGGLED = b"0\r\n\r\nGET /status HTTP/1.1\r\nHost: h\r\n\r\n"
BROKEN = {
    "two lengths that disagree": request_bytes("POST /a", "Content-Length: 4", "Content-Length: 5", body=b"12345"),
    "a length and chunks": request_bytes(
        "POST /a", "Content-Length: 4", "Transfer-Encoding: chunked", body=SMUGGLED
    ),
    "a length that is no number": request_bytes("POST /a", "Content-Length: +4", body=b"1234"),
    "a head of 100 kB": request_bytes("GET /a", "X-Long: " + "x" * 100_000),
    "ten thousand cookies": request_bytes("GET /a", "Cookie: " + "; ".join(f"c{n}=1" for n in range(10_000))),
    "a NUL in a header": request_bytes("GET /a", "X-Bad: a\x00b"),
    "no HTTP": b"\xff\xfe\x00 hello\r\n\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
async def test_broken_http_is_refused_and_the_connection_closed(settings: Settings, data: bytes) -> None:
    async with served(settings, mirror()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        async with asyncio.timeout(5):
            answer = await reader.read()  # to the end: a connection that stayed open would time out
        writer.close()
    assert re.match(rb"HTTP/1\.[01] 400 ", answer), answer[:200]
    assert answer.count(b"HTTP/1.") == 1, "what was smuggled has been answered"


@pytest.mark.parametrize("method", ["PROPFIND", "TRACE", "PATCH"])
async def test_methods_we_do_not_know_are_refused(settings: Settings, method: str) -> None:
    store = open_store(settings)
    async with served(settings, create_app(settings, store)) as server:
        answer = await exchange(server, request_bytes(f"{method} /webhook"))
    store.close()
    assert answer.startswith(b"HTTP/1.1 405"), answer[:200]


async def test_a_head_that_does_not_come_is_cut_off_and_an_idle_connection_is_kept(
    make_settings: MakeSettings,
    tmp_path: Path,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    eventually_async: EventuallyAsync,
) -> None:
    monkeypatch.setattr(shared.runner, "HEAD_DEADLINE_S", 0.3)
    port = free_port()
    settings = make_settings("signal_analytics", tmp_path, ANALYTICS_PORT=str(port))

    def small(settings: Settings) -> web.Application:
        async def hello(_: web.Request) -> web.Response:
            return json_response({"hello": True})

        app = create_service(settings)
        add_route(app, "GET", "/hello", hello, PUBLIC)
        return app

    async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return None

    stop = asyncio.Event()
    serving = asyncio.create_task(serve(small, settings, stop))
    idle_reader, idle_writer = await eventually_async(connected, 10.0)  # type: ignore[misc]
    idle_writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"200 OK" in await idle_reader.readuntil(b"true}")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    silent_reader, silent_writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\n")
    began_s = time.monotonic()

    async def trickle() -> None:
        while True:
            writer.write(b"X-A: b\r\n")
            await asyncio.sleep(0.05)

    task = asyncio.create_task(trickle())
    async with asyncio.timeout(5):
        assert await reader.read() == b""
        assert await silent_reader.read() == b""
    task.cancel()
    writer.close()
    silent_writer.close()
    assert time.monotonic() - began_s < 5
    idle_writer.write(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
    assert b"200 OK" in await idle_reader.readuntil(b"true}"), "a kept connection was closed as well"
    idle_writer.close()
    stop.set()
    await serving


@pytest.mark.parametrize(
    "path",
    [
        "/data/..%2f..%2fsecrets.json",
        "/data/%2e%2e",
        "/data/GT%00",
        "/data/" + "G" * 10_000,
        "/dead-letters/..%2f..%2f/replay",
        "/data/%ff%fe",
    ],
)
def test_paths_in_the_place_of_sids_lead_nowhere(settings: Settings, path: str) -> None:
    app = create_app(settings)
    for method in ("GET", "POST"):
        sent = app.test_client().open(path, method=method, headers=BEARER)
        assert sent.status_code in (400, 404, 405), (method, sent.status_code)
        assert sent.content_type == "application/problem+json"
    app.extensions["store"].close()


class Clock:
    """`datetime` as the journal sees it, set forwards and back."""

    def __init__(self) -> None:
        self.shift = timedelta()

    def __getattr__(self, name: str) -> object:
        return getattr(datetime, name)

    def now(self, zone: object = UTC) -> datetime:
        return datetime.now(UTC) + self.shift


@pytest.mark.parametrize("jumps_h", [(0, -1, 1), (0, 25, -1), (0, -49, 49, 0)])
def test_a_clock_that_jumps_loses_no_line_and_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jumps_h: tuple[int, ...]
) -> None:
    clock = Clock()
    monkeypatch.setattr(shared.journal, "datetime", clock)
    with closing(Journal.open(tmp_path, "audit", segment_bytes=300)) as journal:
        for number, jump_h in enumerate(jumps_h * 4):
            clock.shift = timedelta(hours=jump_h)
            record = AuditRecord(actor="ada", role="admin", action="w", target=str(number))
            record.at = clock.now()
            journal.append(record).result(5)
    lines = JournalReader(tmp_path, "audit").read()
    records = [decode(line.raw) for line in lines if isinstance(line, Entry)]
    assert [record.target for record in records if isinstance(record, AuditRecord)] == [
        str(number) for number in range(len(jumps_h) * 4)
    ]
    assert [record.seq for record in records] == list(range(1, len(records) + 1))


async def test_the_service_stops_its_parts_when_it_ends(settings: Settings) -> None:
    """What `build` opens is closed again: a second one on the same data finds no lock."""
    for _ in range(2):
        runner = web.AppRunner(build(settings))
        await runner.setup()
        await runner.cleanup()
