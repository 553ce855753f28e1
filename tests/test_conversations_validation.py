"""What is refused before Twilio is asked: every fault at once, with its field, reason and limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

from conversations_api.rules import fault_of_address
from conversations_api.web_addresses import PublicResolver, fault_of_url, spelling_fault
from tests.conversations_kit import Platform, open_platform, sid

PLACE = f"/api/conversations/{sid('CH')}"


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


async def faults(platform: Platform, path: str, body: Any, method: str = "POST") -> dict[str, Any]:
    """The refused fields and their limits; nothing may have reached Twilio."""
    answer = await platform.call(method, path, body)
    assert (answer.status, answer.json["code"]) == (400, 40000), answer.raw
    assert platform.upstream.seen == []
    return {fault["field"]: fault.get("limit") for fault in answer.json["errors"]}


async def test_every_fault_of_a_body_is_named_at_once(platform: Platform) -> None:
    body = {
        "identity": "x" * 257,
        "messagingBinding": {"address": "5550100", "proxyAddress": "nobody", "colour": "red"},
        "attributes": {"note": "x" * 5000},
        "roleSid": "RLx",
        "dateCreated": "yesterday",
        "shoe": 43,
    }
    found = await faults(platform, f"{PLACE}/participants", body)
    assert found == {
        "": None,  # identity and address together
        "identity": 256,
        "messagingBinding.address": None,
        "messagingBinding.proxyAddress": None,
        "messagingBinding.colour": None,
        "attributes": 4096,
        "roleSid": "^RL[0-9a-fA-F]{32}$",
        "dateCreated": None,
        "shoe": None,
    }


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/api/conversations", {"attributes": {"a": "é" * 9000}}, {"attributes": 16384}),
        (
            "/api/conversations",
            {"timers": {"inactive": "PT59S", "closed": "PT9M"}},
            {"timers.inactive": "PT1M", "timers.closed": "PT10M"},
        ),
        ("/api/conversations", {"dateCreated": "0001-01-01T00:00:00+05:00"}, {"dateCreated": None}),
        ("/api/conversations", {"state": "initializing"}, {"state": "active, closed, inactive"}),
        (f"{PLACE}/messages", {"body": "é" * 20000}, {"body": 32768}),
        (f"{PLACE}/messages", {"body": "x" * 32769}, {"body": 32768}),
        (f"{PLACE}/messages", {"attributes": {"a": "x" * 4096}}, {"attributes": 4096}),
        (f"{PLACE}/webhooks", {"target": "studio"}, {"configuration.flowSid": None}),
        (
            f"{PLACE}/webhooks",
            {"target": "trigger", "configuration": {"url": "https://a.example/x"}},
            {"configuration.triggers": None},
        ),
        (
            f"{PLACE}/participants",
            {"messagingBinding": {"address": "+15005550009", "proxyAddress": "+15005550009"}},
            {"messagingBinding.proxyAddress": None},
        ),
        ("/api/addresses", {"type": "email", "address": "nobody"}, {"address": None}),
        ("/api/addresses", {"type": "sms", "address": "+1"}, {"address": None}),
        ("/api/addresses", {}, {"type": None, "address": None}),
        (
            "/api/conversations/with-participants",
            {"participants": [{}, {"identity": 5}]},
            {"participants.0": None, "participants.1.identity": None},
        ),
        (
            "/api/roles",
            {"friendlyName": "", "type": "x", "permissions": []},
            {"friendlyName": 1, "type": "conversation, service", "permissions": 1},
        ),
        ("/api/conversations", [], {"": None}),
    ],
)
async def test_limits_hold(platform: Platform, path: str, body: Any, expected: dict[str, Any]) -> None:
    assert await faults(platform, path, body) == expected


async def test_sixteen_kilobytes_of_attributes_are_accepted_to_the_byte(platform: Platform) -> None:
    exactly = {"a": "x" * (16384 - len('{"a":""}'))}
    assert (await platform.call("POST", "/api/conversations", {"attributes": exactly})).status == 201


async def test_every_fault_of_a_query_is_named_at_once(platform: Platform) -> None:
    answer = await platform.call("GET", "/api/conversations?limit=0&state=x&colour=red&cursor=a&cursor=b")
    assert answer.status == 400
    assert {fault["field"] for fault in answer.json["errors"]} == {"limit", "state", "colour", "cursor"}
    assert platform.upstream.seen == []


@pytest.mark.parametrize("address", ["+15005550006", "whatsapp:+351912345678", "messenger:10158", "a@b.example"])
def test_addresses_people_have_are_accepted(address: str) -> None:
    assert fault_of_address(address, short_codes=False) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "+",
        "5550100",
        "+1500555000a",
        "+1 500 555 0006",
        "+1 (500) 555-0006",
        "whatsapp:",
        "whatsapp:15005550006",
        "messenger:",
        "+٠١٢٣٤٥٦٧٨٩",
        "+15005550006;ext=5",
        "+15005550006\n",
        "+1500555000600000000",
        "40404",
        "@b.example",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    assert fault_of_address(address, short_codes=False) is not None


def test_short_codes_are_addresses_of_ours_only() -> None:
    assert fault_of_address("40404", short_codes=True) is None


# ---- web addresses: forty spellings of places inside ----

INSIDE = [
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fd00::1]/",
    "https://[fec0::1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://169.254.169.254/",
    "https://0.0.0.0/",
    "https://0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://router.lan/",
    "https://intranet/",
    "https://user:secret@a.example/",
    "https://a.example@127.0.0.1/",
    "https://１２７.０.０.１/",
    "https://127。0。0。1/",
    "https://%31%32%37.0.0.1/",
    "https://a.example\\@127.0.0.1/",
    "https://a.example/\r\nHost: b",
    "https:///x",
    "https://[::1",
    "https://a.example:99999/",
    "http://a.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/",
    "//127.0.0.1/",
    "javascript:alert(1)",
    "",
]


@pytest.mark.parametrize("url", INSIDE)
def test_addresses_that_lead_inside_are_refused_however_they_are_spelt(url: str) -> None:
    assert spelling_fault(url) is not None


@pytest.mark.parametrize(
    "url", ["https://a.example/x", "https://8.8.8.8/", "https://[2001:4860:4860::8888]:8443/x?y=1#z"]
)
def test_public_addresses_pass(url: str) -> None:
    assert spelling_fault(url) is None


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        (f"{PLACE}/webhooks", "POST", {"target": "webhook", "configuration": {"url": "URL"}}),
        (f"{PLACE}/webhooks/{sid('WH')}", "PUT", {"configuration": {"url": "URL"}}),
        (f"/api/services/{sid('IS')}", "PUT", {"webhooks": {"postWebhookUrl": "URL"}}),
        (f"/api/services/{sid('IS')}", "PUT", {"webhooks": {"preWebhookUrl": "URL"}}),
        ("/api/account", "PUT", {"webhooks": {"postWebhookUrl": "URL"}}),
        (
            "/api/addresses",
            "POST",
            {"type": "sms", "address": "+15005550006", "autoCreation": {"webhookUrl": "URL"}},
        ),
        (f"/api/addresses/{sid('IG')}", "PUT", {"autoCreation": {"webhookUrl": "URL"}}),
    ],
)
async def test_no_route_stores_an_address_that_leads_inside(
    platform: Platform, path: str, method: str, body: dict[str, Any]
) -> None:
    text = str(body).replace("'", '"')
    for url in ("https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/"):
        headers = {"Content-Type": "application/json"}
        answer = await platform.call(method, path, data=text.replace("URL", url), headers=headers)
        assert (answer.status, answer.json["errors"][0]["reason"]) == (400, "must lead to a public address")
    assert platform.upstream.seen == []


class Rebinding(AbstractResolver):
    """A name that was outside when it was checked, and is inside when it is connected to."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        """Holds nothing."""


async def test_a_name_that_moves_inside_later_is_not_connected_to() -> None:
    hits: list[str] = []

    async def canary(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{tail:.*}", canary)
    async with TestServer(app) as server:
        connector = aiohttp.TCPConnector(resolver=PublicResolver(Rebinding()))
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(f"http://media.twilio.com:{server.port}/x")
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Rebinding())) as session:
            await session.get(f"http://media.twilio.com:{server.port}/seen")  # the canary does sing
    assert hits == ["/seen"]


async def test_a_public_name_that_leads_inside_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def inside(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", inside)
    assert await fault_of_url("https://127.0.0.1.nip.example/") == "must lead to a public address"
