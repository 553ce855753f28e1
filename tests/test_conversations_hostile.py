"""What a hostile client sends: foreign origins, forms, other people's sids, broken HTTP, paths that climb."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from shared.operators import Role
from shared.service import OPERATORS
from tests.conversations_kit import (
    BEARER,
    OPERATOR_TOKEN,
    ORIGIN,
    Platform,
    journal_lines,
    open_platform,
    sid,
    until,
)


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://127.0.0.1:30000", "", "*"]
)
async def test_no_unknown_origin_is_allowed(platform: Platform, origin: str) -> None:
    answer = await platform.call("GET", "/api/conversations", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    async with platform.client.options("/api/bulk", headers=preflight) as asked:
        assert "Access-Control-Allow-Origin" not in asked.headers
    written = await platform.call(
        "POST", "/api/conversations", {}, headers={"Origin": origin or "https://x.example"}
    )
    assert written.status == 403
    assert [seen for seen in platform.upstream.seen if seen.method != "GET"] == []


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/plain;application/json", ""]
)
@pytest.mark.parametrize("path", ["/api/conversations", "/api/bulk", "/api/conversations/with-participants"])
async def test_a_form_of_another_site_changes_nothing(platform: Platform, kind: str, path: str) -> None:
    answer = await platform.call("POST", path, data=b"{}", headers={"Content-Type": kind})
    assert answer.status == 415
    assert platform.upstream.seen == []


@pytest.mark.parametrize(
    "part",
    [
        "..%2f..%2fServices",
        "%2e%2e",
        "CH..",
        "a%00b",
        "CH" + "0" * 31 + "%0a",
        "%5c..%5c",
        "x" * 10000,
        "IS" + "0" * 32,
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/conversations/{}", "/api/users/{}", "/api/addresses/{}", "/api/services/{}"]
)
async def test_no_path_climbs_out(platform: Platform, part: str, path: str) -> None:
    url = URL(str(platform.client.make_url("/")).rstrip("/") + path.format(part), encoded=True)
    async with platform.client.session.get(url, headers=BEARER) as answer:
        # A service's own sid is none of a climber's; Twilio does not know it.
        assert answer.status in ({404} if part.startswith("IS") and "services" in path else {400, 404})
    assert all(".." not in seen.path for seen in platform.upstream.seen)


async def test_another_services_sid_is_not_found_and_leaves_a_line(platform: Platform) -> None:
    inside = platform.upstream.add(f"Services/{sid('IS', 9)}/Conversations", friendly_name="Theirs")
    viewer = platform.client.app[OPERATORS].add("vera", Role.VIEWER)
    answer = await platform.call(
        "GET", f"/api/conversations/{inside}", headers={"Authorization": f"Bearer {viewer}"}
    )
    assert (answer.status, answer.json["code"]) == (404, 20404)
    await until(lambda: journal_lines(platform.settings.data_dir, "audit") != [])
    line = journal_lines(platform.settings.data_dir, "audit")[-1]
    assert (line["actor"], line["action"], line["target"]) == ("vera", "conversation.fetch", inside)


async def test_guessing_tokens_is_stopped(platform: Platform) -> None:
    statuses = []
    for _ in range(7):
        async with platform.client.post("/api/session", json={"token": "guess"}) as answer:
            statuses.append(answer.status)
    assert statuses[:5] == [401] * 5
    assert statuses[5:] == [429] * 2


async def test_leaving_ends_the_session_everywhere(platform: Platform) -> None:
    cookies = []
    for _ in range(2):
        async with platform.client.post("/api/session", json={"token": OPERATOR_TOKEN}) as answer:
            cookies.append(answer.cookies["crosschannel_session"].value)
            platform.client.session.cookie_jar.clear()
    assert cookies[0] != cookies[1]
    for cookie, status in ((cookies[0], 204), (cookies[0], 401)):
        method = "DELETE" if status == 204 else "GET"
        headers = {"Cookie": f"crosschannel_session={cookie}"}
        async with platform.client.request(method, "/api/session", headers=headers) as answer:
            assert answer.status == status


HEAD = b"POST /api/conversations HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
COOKIES = b"; ".join(b"c%d=1" % number for number in range(10_000))
BOTH = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n"
RAW = {
    "two lengths": HEAD + BOTH,
    "length twice": HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "large header": GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "many cookies": GET + b"Cookie: " + COOKIES + b"\r\n\r\n",
    "space in name": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
async def test_broken_http_is_refused_and_the_connection_closed(platform: Platform, name: str) -> None:
    server = platform.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(RAW[name])
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] in {b"400", b"431"}, answer[:100]
    assert answer.count(b"HTTP/1.") == 1
    assert platform.upstream.seen == []
    assert (await platform.call("GET", "/healthz")).status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "BREW", "PATCH"])
async def test_methods_that_no_route_has_are_refused(platform: Platform, method: str) -> None:
    server = platform.client.server
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(f"{method} /api/conversations HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] in {b"400", b"404", b"405"}, answer[:100]
