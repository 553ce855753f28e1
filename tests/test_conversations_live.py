"""The live socket: topics, resuming by number, slow and revoked listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from conversations_api.followers import JournalFollower
from conversations_api.parts import BOARD, FEED
from shared import live_socket
from shared.journal import Journal
from shared.journal_reader import JournalReader, end_positions
from shared.live_feed import LiveFeed
from shared.operators import Role
from shared.records import CallEnded, CallStarted, IntelResult
from shared.service import OPERATORS, READINESS
from tests.conversations_kit import BEARER, ORIGIN, Platform, open_platform, until


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


@pytest.fixture
def feed(platform: Platform) -> LiveFeed:
    return platform.client.app[FEED]


def started(call_sid: str = "CA1") -> CallStarted:
    return CallStarted(
        call_sid=call_sid,
        session_id="VX1",
        caller="+15550100",
        called="+15550101",
        direction="inbound",
        language="en-US",
        agent="default",
    )


async def next_frame(socket: ClientWebSocketResponse, *topics: str) -> Any:
    """The next frame of one of the topics."""
    async with asyncio.timeout(5):
        while True:
            frame = await socket.receive_json()
            if not topics or frame["topic"] in topics:
                return frame


async def closing_code(socket: ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        async for _ in socket:
            continue
    return socket.close_code


# ---- the ring ----


def test_frames_are_numbered_without_gaps() -> None:
    feed = LiveFeed(head=10)
    feed.publish("calls", b"{}")
    feed.publish("results", b"{}")
    assert feed.after(10) == ['{"seq":11,"topic":"calls","data":{}}', '{"seq":12,"topic":"results","data":{}}']
    assert feed.after(12) == []


@pytest.mark.parametrize("position", [0, 11, 16, -5])
def test_a_position_outside_the_ring_is_told_so(position: int) -> None:
    feed = LiveFeed(head=10, frames=3)
    for _ in range(5):
        feed.publish("calls", b"{}")
    assert feed.after(position) is None
    assert len(feed.after(12) or []) == 3


def test_the_ring_is_bounded_by_size_too() -> None:
    feed = LiveFeed(head=0, size_bytes=10_000)
    for _ in range(50):
        feed.publish("calls", b'"' + b"x" * 1_000 + b'"')
    assert feed.after(50 - 9) is not None
    assert feed.after(50 - 10) is None


# ---- the socket ----


async def test_every_topic_arrives_from_its_journal(platform: Platform) -> None:
    data_dir = platform.settings.data_dir
    calls, results = Journal.open(data_dir, "calls"), Journal.open(data_dir, "intel_results")
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        assert (await next_frame(socket))["topic"] == "hello"
        await calls.commit(started())
        await results.commit(IntelResult(source="v2", transcript_sid="GT1", csat=4.5))
        await platform.call("POST", "/api/conversations", {"friendlyName": "Ana"})
        frames = {frame["topic"]: frame for frame in [await next_frame(socket, *TOPICS) for _ in range(3)]}
    assert frames["calls"]["data"]["type"] == "call_started"
    assert frames["calls"]["data"]["call_sid"] == "CA1"
    assert frames["results"]["data"]["csat"] == 4.5
    assert frames["conversations"]["data"]["event_type"] == "onConversationAdded"
    assert len({frame["seq"] for frame in frames.values()}) == 3
    calls.close()
    results.close()


TOPICS = ("calls", "results", "conversations")


async def test_history_is_not_replayed_at_start(tmp_path: Path) -> None:
    calls = Journal.open(tmp_path, "calls")
    await calls.commit(started("CA-old"))
    feed = LiveFeed(head=0)
    following = asyncio.create_task(JournalFollower(tmp_path, feed).run())
    await calls.commit(started("CA-new"))
    await until(lambda: feed.head > 0)
    (text,) = feed.after(0) or []
    assert "CA-new" in text
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    calls.close()


def test_the_end_of_a_sealed_stream_is_where_the_next_record_will_be(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, "calls", segment_bytes=10)
    for number in range(3):
        journal.append(started(f"CA{number}")).result(5)
    reader = JournalReader(tmp_path, "calls", end_positions(tmp_path, "calls"))
    assert reader.read() == []
    journal.append(CallEnded(call_sid="CA2", reason="completed", duration_s=1.0, turns=0)).result(5)
    assert len(reader.read()) == 1
    journal.close()


async def test_a_line_that_is_no_record_is_left_out(platform: Platform, feed: LiveFeed) -> None:
    data_dir = platform.settings.data_dir
    (data_dir / "calls.other.ndjson").write_bytes(b'{"id":"1","type":"new_kind"}\nnonsense\n')
    calls = Journal.open(data_dir, "calls")
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await next_frame(socket, "hello")
        await calls.commit(started())
        assert (await next_frame(socket, "calls"))["data"]["type"] == "call_started"
    calls.close()


async def test_a_listener_that_comes_back_gets_exactly_what_it_missed(platform: Platform, feed: LiveFeed) -> None:
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        last = (await next_frame(socket, "health"))["seq"]
    for number in range(500):
        feed.publish("calls", b'{"n":%d}' % number)
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await socket.send_json({"after": last})
        frames = [await next_frame(socket, "calls") for _ in range(500)]
        feed.publish("calls", b'{"n":500}')
        frames.append(await next_frame(socket, "calls"))
    assert [frame["data"]["n"] for frame in frames] == list(range(501))
    seqs = [frame["seq"] for frame in frames]
    assert seqs == sorted(set(seqs))


async def test_a_listener_without_a_number_starts_now(platform: Platform, feed: LiveFeed) -> None:
    feed.publish("calls", b'{"n":1}')
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await next_frame(socket, "hello")
        feed.publish("calls", b'{"n":2}')
        assert (await next_frame(socket, "calls"))["data"]["n"] == 2


@pytest.mark.parametrize("after", [0, -1, 10**15])
async def test_a_number_we_do_not_hold_is_answered_with_resync(platform: Platform, after: int) -> None:
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        hello = await next_frame(socket, "hello")
        await socket.send_json({"after": after})
        assert (await next_frame(socket, "resync"))["seq"] >= hello["seq"]


async def test_a_new_process_counts_on_above_the_old_one(tmp_path: Path) -> None:
    heads = []
    for _ in range(2):
        async with open_platform(tmp_path) as platform:
            for _ in range(3):
                platform.client.app[FEED].publish("calls", b"{}")
            heads.append(platform.client.app[FEED].head)
    assert heads[1] > heads[0]


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"after":"x"}', '{"after":1,"more":2}'])
async def test_what_is_no_resume_closes_the_socket(platform: Platform, text: str) -> None:
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await socket.send_str(text)
        assert await closing_code(socket) == 1008


async def test_binary_and_large_frames_close_the_socket(platform: Platform) -> None:
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await socket.send_bytes(b"\0")
        assert await closing_code(socket) == 1003
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await socket.send_str("x" * 5_000)
        assert await closing_code(socket) == 1009


async def test_a_listener_that_does_not_read_is_sent_away_and_others_are_not_kept_waiting(
    platform: Platform, feed: LiveFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_socket, "SEND_WITHIN_S", 0.3)
    slow_reader, slow_writer = await raw_socket(platform)
    async with platform.client.ws_connect("/api/live", headers=BEARER) as quick:
        await next_frame(quick, "health")
        for number in range(100):
            feed.publish("calls", b'{"n":%d,"filler":"%s"}' % (number, b"x" * 200_000))
            assert (await next_frame(quick, "calls"))["data"]["n"] == number
        await until(lambda: live_socket.LISTENERS._value.get() == 1)
    slow_writer.close()
    assert not slow_reader.at_eof()


async def raw_socket(platform: Platform) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A live socket whose owner stops reading after the handshake."""
    url = platform.client.make_url("/api/live")
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=1024)
    lines = [
        "GET /api/live HTTP/1.1",
        f"Host: {url.host}:{url.port}",
        f"Authorization: {BEARER['Authorization']}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    assert b"101" in await reader.readline()
    return reader, writer


async def test_signing_out_ends_the_open_socket(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_socket, "SESSION_CHECK_S", 0.05)
    operators = platform.client.app[OPERATORS]
    token = operators.add("ana", Role.VIEWER)
    headers = {"Authorization": f"Bearer {token}"}
    async with platform.client.ws_connect("/api/live", headers=headers) as socket:
        await next_frame(socket, "hello")
        operators.revoke("ana")
        assert await closing_code(socket) == 1008


async def test_draining_sends_every_listener_away(platform: Platform) -> None:
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await next_frame(socket, "health")
        await platform.client.app[READINESS].drain(1.0)
        assert await closing_code(socket) == 1012
    with pytest.raises(WSServerHandshakeError, match="503"):
        await platform.client.ws_connect("/api/live", headers=BEARER)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({**BEARER, "Origin": "https://evil.example"}, 403),
        ({**BEARER, "Origin": "null"}, 403),
        ({**BEARER, "Origin": f"{ORIGIN}.evil.example"}, 403),
    ],
)
async def test_strangers_and_other_sites_get_no_socket(
    platform: Platform, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await platform.client.ws_connect("/api/live", headers=headers)
    assert refusal.value.status == status


async def test_our_own_origin_with_a_session_gets_the_socket(platform: Platform) -> None:
    await platform.client.post("/api/session", json={"token": "kit-operator-token"})
    async with platform.client.ws_connect("/api/live", headers={"Origin": ORIGIN}) as socket:
        assert (await next_frame(socket))["topic"] == "hello"


# ---- health ----


async def neighbour(status: int, body: object) -> TestServer:
    async def readyz(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    server = TestServer(app)
    await server.start_server()
    return server


async def test_health_names_every_service_and_why_it_is_not_ready(tmp_path: Path) -> None:
    ready = await neighbour(200, {"ready": True, "reasons": {}})
    busy = await neighbour(503, {"reasons": {"drain": "the service is stopping"}})
    urls = {"RELAY_URL": str(ready.make_url("")), "ANALYTICS_URL": str(busy.make_url(""))}
    down = {"INTELLIGENCE_URL": "http://127.0.0.1:1", "SANDBOX_URL": "http://127.0.0.1:1"}
    async with open_platform(tmp_path, **urls, **down) as platform:
        services = {s["name"]: s for s in (await platform.call("GET", "/api/health")).json["services"]}
        states = {name: service["state"] for name, service in services.items()}
        assert states == {
            "conversations": "ready",
            "relay": "ready",
            "intelligence": "down",
            "analytics": "not_ready",
            "sandbox": "down",
        }
        assert services["analytics"]["detail"] == "drain: the service is stopping"
        async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
            assert (await next_frame(socket, "health"))["data"]["services"] == states
            await ready.close()
            await platform.client.app[BOARD].ask()
            assert (await next_frame(socket, "health"))["data"]["services"]["relay"] == "down"
    await busy.close()
