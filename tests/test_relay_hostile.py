"""Hostile cases of the relay over real sockets; each test names the guard without which it goes red.

Case 10, 14, 15: test_relay_edge.py. 11, 38: test_relay_calls.py. 27: test_relay_desk.py. The numbers are those of
the platform's list of hostile cases.
"""

from __future__ import annotations

import asyncio
import json
import re
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

import shared.live_socket as live_socket
from dialogue.agent import load_agent
from relay_server.parts import FEED, LIVE
from shared.live_feed import RING_FRAMES
from shared.service import READINESS
from shared.signature import relay_url, sign_websocket
from shared.telemetry import _redact_event
from tests.relay_kit import ACCOUNT, CALLER, TOKEN, Relay, Reply, running_relay

GREETING = load_agent(None).language("en-US").greeting
SECRET = "sk-test-0000"


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


async def upgrade(relay: Relay, path: str, **headers: str) -> int:
    """The status of a WebSocket handshake."""
    wanted = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with relay.http.get(relay.url + path, headers=wanted | headers) as response:
        return response.status


# ---- 12: another site opens the dashboard's socket with the operator's cookie; guard: Door.check_site ----


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", ""])
async def test_another_site_may_not_open_the_dashboards_socket(relay: Relay, origin: str) -> None:
    assert await upgrade(relay, "/dashboard-ws", Origin=origin, **relay.operator) == 403


async def test_our_own_page_may_and_a_stranger_may_not(relay: Relay) -> None:
    assert await upgrade(relay, "/dashboard-ws") == 401
    async with relay.http.ws_connect(
        relay.url + "/dashboard-ws", origin=relay.url, headers=relay.operator
    ) as socket:
        assert (await socket.receive_json(timeout=20))["topic"] == "hello"


async def test_an_unsigned_handshake_is_refused_on_both_paths(relay: Relay) -> None:
    """Case 11; guard: _check_handshake."""
    for path in ("/websocket", "/ws"):
        assert await upgrade(relay, path) == 403
        assert (
            await upgrade(relay, path, **{"X-Twilio-Signature": sign_websocket(relay_url(relay.url), "other")})
            == 403
        )


# ---- 13: what is no frame of the protocol; guard: aiohttp's reader, max_msg_size, and Call._understood ----


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    head = struct.pack("!BB", (128 if final else 0) | opcode, 128 | min(len(payload), 126))
    return head + (struct.pack("!H", len(payload)) if len(payload) >= 126 else b"") + b"\0\0\0\0" + payload


async def raw_call(relay: Relay, call_sid: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A call on a bare TCP connection: whatever bytes can be sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.settings.port)
    signature = sign_websocket(relay_url(relay.url), TOKEN)
    head = f"GET /websocket HTTP/1.1\r\nHost: 127.0.0.1:{relay.settings.port}\r\nUpgrade: websocket\r\n"
    head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    writer.write(f"{head}X-Twilio-Signature: {signature}\r\n\r\n".encode())
    assert b" 101 " in await reader.readline()
    while (await reader.readline()).strip():
        pass
    setup = {"type": "setup", "sessionId": "VX1", "callSid": call_sid, "accountSid": ACCOUNT}
    writer.write(masked(1, json.dumps({**setup, "customParameters": {"ticket": relay.ticket(call_sid)}}).encode()))
    return reader, writer


@pytest.mark.parametrize(
    "junk",
    [
        masked(0, b"a continuation of nothing"),
        masked(1, b"begun", final=False) + masked(1, b"and begun again"),
        masked(1, b"\xff\xfe not UTF-8"),
        masked(3, b"a reserved opcode"),
        b"\x91\x80\0\0\0\0",
        masked(9, b"x" * 126),
        b"\x81\xff" + b"\xff" * 8 + b"\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n" * 20,
    ],
)
async def test_bytes_that_break_the_protocol_cost_that_socket_only(
    relay: Relay, junk: bytes, eventually_async: Any
) -> None:
    async with relay.call("CA2") as other:
        await other.ask("hi")
        _, writer = await raw_call(relay, "CA1")
        assert relay.app is not None
        app = relay.app
        await eventually_async(lambda: "CA1" in app[LIVE])
        writer.write(junk)
        await eventually_async(lambda: "CA1" not in app[LIVE])
        assert await other.ask("still here?") == "Hello."
        writer.close()


async def test_empty_binary_and_odd_frames_are_looked_over(relay: Relay) -> None:
    async with relay.call() as caller:
        for text in ("", " ", "0", "{}", '{"type":null}'):
            await caller.socket.send_str(text)
        await caller.socket.send_bytes(b"")
        assert await caller.ask("still here?") == "Hello."


# ---- 16: a dashboard that does not read; guard: SEND_WITHIN_S and the ring of LiveFeed ----


async def test_a_viewer_that_does_not_read_costs_no_call_and_little_memory(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    monkeypatch.setattr(live_socket, "SEND_WITHIN_S", 0.5)
    url = relay.url + "/dashboard-ws"
    async with relay.http.ws_connect(url, headers=relay.operator) as viewer, relay.call() as caller:
        await caller.ask("hi")
        transport = viewer.get_extra_info("socket")
        assert transport is not None
        viewer._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        assert relay.app is not None
        feed = relay.app[FEED]
        for _ in range(40):  # 20 MB, far more than any buffer between the two
            feed.publish("text", b'{"call_sid":"CA9","turn":1,"token":"%s"}' % (b"x" * 500_000))
        assert await caller.ask("still quick?") == "Hello."
        await eventually_async(lambda: live_socket.LISTENERS._value.get() == 0)  # the viewer was let go
        assert len(feed._ring) <= RING_FRAMES


# ---- 33 and 34: what must not be in a log, and one event is one line; guard: shared.telemetry.redact ----


async def test_logs_hold_no_words_numbers_or_secrets_and_no_line_of_the_callers_making(relay: Relay) -> None:
    relay.model.replies += [Reply(status=500)] * 3
    words = f"my card is 4111111111111111 {CALLER} {SECRET}\nlevel=error forged"
    with capture_logs() as events:
        async with relay.call() as caller:
            await caller.ask(words)
            await caller.send(type="error", description=f"Invalid message received, code: 64107, {words}")
            await caller.send(type="nope\nforged", value=words)
            await caller.ask("hi")
        await relay.post("/voice/ended", CallSid="CA1\u2028forged", CallStatus="completed", ErrorCode="1\nforged")
    assert {event["event"] for event in events} >= {"call opened", "model failed", "session ended", "call closed"}
    for event in events:
        for secret in ("4111111111111111", CALLER, SECRET, TOKEN, "my card"):
            assert secret not in str(event), event
        line = json.dumps(
            _redact_event(None, "", event), ensure_ascii=False
        )  # as the service's handler renders it
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|\\n", line), line


# ---- 37: a stop with many live sockets; guard: the drain of relay_server.app ----


async def test_a_stop_ends_every_live_call_in_time(relay: Relay, eventually_async: Any) -> None:
    assert relay.app is not None
    ended = asyncio.Event()
    count = 200
    connector = aiohttp.TCPConnector(limit=0)

    async def hold(many: Relay, number: int) -> str:
        async with many.call(f"CA{number}") as caller:
            await caller.send(type="info", name="tokensPlayed", value=GREETING)
            await ended.wait()
            while (frame := await caller.frame())["type"] != "end":
                pass
            await caller.socket.close()
            return str(json.loads(frame["handoffData"])["reasonCode"])

    app = relay.app
    async with aiohttp.ClientSession(connector=connector) as http:
        holding = [asyncio.create_task(hold(replace(relay, http=http), number)) for number in range(count)]
        await eventually_async(lambda: len(app[LIVE]) == count, 30)
        began_s = time.monotonic()
        ended.set()
        await app[READINESS].drain(60)
        assert time.monotonic() - began_s < 60
        assert set(await asyncio.gather(*holding)) == {"shutdown"}
    assert app[LIVE] == {}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with relay.call("CA999"):
            pass
    assert refused.value.status == 503
