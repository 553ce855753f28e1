"""The other services under one origin: HTTP and WebSockets pass, the caller's identity with them, and no more."""

from __future__ import annotations

import asyncio
import gzip
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientPayloadError, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer
from yarl import URL

from conversations_api import forward
from tests.conversations_kit import BEARER, ORIGIN, Platform, open_platform, until


@dataclass
class Relay:
    """A service to forward to: it echoes, and remembers what it was asked."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    sockets: int = 0

    def app(self) -> web.Application:
        app = web.Application(client_max_size=100 * 1024 * 1024)
        app.router.add_get("/dashboard-ws", self.echo_socket)
        app.router.add_get("/closed-ws", self.closing_socket)
        app.router.add_get("/refusing-ws", self.refuse)
        app.router.add_get("/readyz", self.ready)
        app.router.add_get("/slow", self.slow)
        app.router.add_get("/broken", self.broken)
        app.router.add_get("/packed", self.packed)
        app.router.add_get("/moved", self.moved)
        app.router.add_route("*", "/{path:.*}", self.echo)
        return app

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.seen.append(
            {
                "method": request.method,
                "target": request.raw_path,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "size": len(body),
            }
        )
        headers = {
            "Set-Cookie": "crosschannel_session=stolen",
            "Access-Control-Allow-Origin": "*",
            "Server": "relay",
            "Connection": "X-Private",
            "X-Private": "1",
            "X-Rows": "3",
        }
        return web.json_response({"size": len(body)}, status=207, headers=headers)

    async def echo_socket(self, request: web.Request) -> web.StreamResponse:
        self.seen.append({"headers": {name.lower(): value for name, value in request.headers.items()}})
        echo = web.WebSocketResponse(protocols=["live"])
        await echo.prepare(request)
        self.sockets += 1
        async for message in echo:
            if message.type is WSMsgType.TEXT:
                await echo.send_str(f"{request.rel_url.raw_query_string}:{message.data}")
            else:
                await echo.send_bytes(message.data)
        self.sockets -= 1
        return echo

    async def closing_socket(self, request: web.Request) -> web.StreamResponse:
        closing = web.WebSocketResponse()
        await closing.prepare(request)
        await closing.close(code=4001)
        return closing

    async def refuse(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPForbidden

    async def ready(self, _: web.Request) -> web.Response:
        return web.json_response({"ready": True})

    async def slow(self, _: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async def broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    async def packed(self, _: web.Request) -> web.StreamResponse:
        policy = {"Content-Security-Policy": "script-src 'self'", "Content-Encoding": "gzip"}
        return web.Response(body=gzip.compress(b"plain"), headers=policy)

    async def moved(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": request.query["to"]})


@dataclass
class Joined:
    """The platform and the relay behind it."""

    platform: Platform
    relay: Relay
    relay_url: str


@pytest.fixture
async def joined(tmp_path: Path) -> AsyncIterator[Joined]:
    relay = Relay()
    async with TestServer(relay.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        async with open_platform(tmp_path, RELAY_URL=url, ANALYTICS_URL="http://127.0.0.1:1") as platform:
            yield Joined(platform, relay, url)


def raw(platform: Platform, path: str) -> URL:
    return URL(str(platform.client.make_url("/")).rstrip("/") + path, encoded=True)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_method_path_query_and_body_arrive_as_they_were_sent(joined: Joined, method: str) -> None:
    path = "/api/calls/CA%201%2Fx?q=a%20b&q=+&empty="
    body = None if method == "GET" else b'{"a":1}'
    headers = {**BEARER, "Content-Type": "application/json", "X-Custom": "kept"}
    url = raw(joined.platform, f"/svc/relay{path}")
    async with joined.platform.client.session.request(method, url, headers=headers, data=body) as response:
        assert (response.status, (await response.json())["size"]) == (207, len(body or b""))
    (seen,) = joined.relay.seen
    assert (seen["method"], seen["target"]) == (method, path)
    assert seen["headers"]["authorization"] == BEARER["Authorization"]
    assert seen["headers"]["x-custom"] == "kept"


async def test_of_the_cookies_only_the_session_goes_along(joined: Joined) -> None:
    client = joined.platform.client
    await client.post("/api/session", json={"token": "kit-operator-token"})
    client.session.cookie_jar.update_cookies({"tracking": "1", "other": "2"}, client.make_url("/"))
    async with client.get("/svc/relay/x", headers={"Origin": ORIGIN}) as response:
        assert response.status == 207
    cookie = joined.relay.seen[0]["headers"]["cookie"]
    assert cookie.startswith("crosschannel_session=")
    assert ";" not in cookie
    assert "authorization" not in joined.relay.seen[0]["headers"]


async def test_nothing_of_the_connection_or_its_owner_is_passed_on(joined: Joined) -> None:
    headers = {
        **BEARER,
        "Connection": "X-Secret, keep-alive",
        "X-Secret": "1",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eDp5",
        "Cookie": "tracking=1; crosschannel_session=a.b",
    }
    async with joined.platform.client.get("/svc/relay/x", headers=headers) as response:
        answered = {name.lower() for name in response.headers}
        assert response.headers["X-Rows"] == "3"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers.get("Server") != "relay"
    assert not answered & {"set-cookie", "access-control-allow-origin", "x-private"}
    sent = set(joined.relay.seen[0]["headers"])
    assert not sent & {"x-secret", "x-forwarded-for", "forwarded", "te", "proxy-authorization", "cookie"}


async def test_a_packed_answer_and_the_services_own_policy_pass_untouched(joined: Joined) -> None:
    url = joined.platform.client.make_url("/svc/relay/packed")
    async with joined.platform.client.session.get(url, headers=BEARER) as response:
        assert (await response.read(), response.headers["Content-Encoding"]) == (b"plain", "gzip")
        assert response.headers["Content-Security-Policy"] == "script-src 'self'"


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/dashboard", "/svc/relay/dashboard"),
        ("RELAY/dashboard?a=1", "/svc/relay/dashboard?a=1"),
        ("//evil.example/x", "//evil.example/x"),
        ("https://example.com/", "https://example.com/"),
    ],
)
async def test_redirects_are_passed_on_and_never_followed(joined: Joined, to: str, location: str) -> None:
    path = f"/svc/relay/moved?to={to.replace('RELAY', joined.relay_url)}"
    async with joined.platform.client.get(path, headers=BEARER, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, location)


@pytest.mark.parametrize(
    "path",
    [
        "/svc/relay/../x",
        "/svc/relay/./x",
        "/svc/relay/%2e%2e/x",
        "/svc/relay/a/..%2f..%2fx",
        "/svc/relay/..%5cx",
        "/svc/relay/a%00b",
        "/svc/relay/a%0d%0aX:1",
    ],
)
async def test_a_path_that_climbs_is_refused(joined: Joined, path: str) -> None:
    async with joined.platform.client.session.get(raw(joined.platform, path), headers=BEARER) as response:
        assert response.status in {400, 404}
    assert joined.relay.seen == []


@pytest.mark.parametrize("path", ["/svc/relay//evil.example/x", "/svc/relay/@evil.example/", "/svc/relay/%40evil"])
async def test_no_path_leads_to_another_host(joined: Joined, path: str) -> None:
    async with joined.platform.client.session.get(raw(joined.platform, path), headers=BEARER) as response:
        assert response.status == 207
    assert joined.relay.seen[0]["target"] == path.removeprefix("/svc/relay")


async def test_strangers_and_other_sites_are_stopped_at_this_door(joined: Joined) -> None:
    client = joined.platform.client
    async with client.get("/svc/relay/x") as response:
        assert response.status == 401
    headers = {**BEARER, "Origin": "https://evil.example"}
    async with client.post("/svc/relay/x", json={}, headers=headers) as response:
        assert response.status == 403
    assert joined.relay.seen == []


async def test_a_service_that_is_down_is_a_502_problem(joined: Joined) -> None:
    answer = await joined.platform.call("GET", "/svc/analytics/api/summary")
    assert (answer.status, answer.headers["Content-Type"]) == (502, "application/problem+json")
    assert answer.json["detail"] == "The analytics service cannot be reached."


async def test_a_service_that_does_not_answer_is_a_504(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "READ_WITHIN_S", 0.1)
    assert (await joined.platform.call("GET", "/svc/relay/slow")).status == 504


async def test_an_answer_that_breaks_off_breaks_off_for_the_caller(joined: Joined) -> None:
    with pytest.raises(ClientPayloadError):
        await joined.platform.call("GET", "/svc/relay/broken")


async def test_a_body_beyond_the_limit_is_stopped_with_or_without_its_length(
    joined: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "BODY_BYTES", 1000)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    for data in (io.BytesIO(b"x" * 2000), pieces()):
        headers = {"Content-Type": "application/json"}
        answer = await joined.platform.call("POST", "/svc/relay/x", data=data, headers=headers)
        assert answer.status == 413
    assert [seen["size"] for seen in joined.relay.seen] == []


async def test_a_body_that_stops_arriving_is_a_408(joined: Joined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "CHUNK_WITHIN_S", 0.1)
    url = joined.platform.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        b"POST /svc/relay/x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        + f"Authorization: {BEARER['Authorization']}\r\nContent-Length: 50\r\n\r\nhalf".encode()
    )
    async with asyncio.timeout(5):
        assert b" 408 " in await reader.readline()
    writer.close()


# ---- sockets ----


async def test_a_socket_is_joined_in_both_directions(joined: Joined) -> None:
    client = joined.platform.client
    async with client.ws_connect(
        "/svc/relay/dashboard-ws?a=%20b", headers={**BEARER, "Origin": ORIGIN}, protocols=["live"]
    ) as ws:
        assert ws.protocol == "live"
        await ws.send_str("hello")
        assert await ws.receive_str() == "a=%20b:hello"
        await ws.send_bytes(b"\0\1")
        assert await ws.receive_bytes() == b"\0\1"
    headers = joined.relay.seen[0]["headers"]
    assert (headers["authorization"], headers["origin"]) == (BEARER["Authorization"], ORIGIN)


async def test_the_service_sees_the_caller_leave(joined: Joined) -> None:
    async with joined.platform.client.ws_connect("/svc/relay/dashboard-ws", headers=BEARER) as ws:
        await ws.send_str("x")
        await ws.receive_str()
        assert joined.relay.sockets == 1
    await until(lambda: joined.relay.sockets == 0)


async def test_the_caller_sees_the_services_close_code(joined: Joined) -> None:
    async with joined.platform.client.ws_connect("/svc/relay/closed-ws", headers=BEARER) as ws:
        message = await ws.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4001)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/svc/relay/dashboard-ws", {}, 401),
        ("/svc/relay/dashboard-ws", {**BEARER, "Origin": "https://evil.example"}, 403),
        ("/svc/relay/refusing-ws", BEARER, 403),
        ("/svc/relay/x", BEARER, 502),
        ("/svc/analytics/api/live", BEARER, 502),
    ],
)
async def test_a_refused_socket_is_an_http_answer(
    joined: Joined, path: str, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await joined.platform.client.ws_connect(path, headers=headers)
    assert refusal.value.status == status


async def test_a_frame_beyond_the_limit_ends_both_sides(joined: Joined) -> None:
    async with joined.platform.client.ws_connect("/svc/relay/dashboard-ws", headers=BEARER) as ws:
        await ws.send_str("x" * 1_100_000)
        message = await ws.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
