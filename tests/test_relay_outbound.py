"""Operators place calls: what Twilio is asked, what is refused before, and what its answers become."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import encode_basic_auth, web

import relay_server.twilio_calls as twilio_calls
from shared.operators import Role
from shared.service import OPERATORS, READINESS
from tests.relay_kit import ACCOUNT, CALLED, CALLER, TOKEN, Relay, running_relay

SID = "CA" + "a" * 32


@dataclass
class FakeTwilio:
    """Twilio's calls resource: what it was asked, and what it answers."""

    asked: list[dict[str, list[str]]] = field(default_factory=list)
    auth: list[str] = field(default_factory=list)
    status: int = 201
    body: Any = field(default_factory=lambda: {"sid": SID, "status": "queued"})
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.asked.append({name: [str(v) for v in form.getall(name)] for name in form})
        self.auth.append(request.headers["Authorization"])
        await asyncio.sleep(self.wait_s)
        if isinstance(self.body, str):
            return web.Response(text=self.body, status=self.status, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)


@pytest.fixture
async def twilio(free_port: Callable[[], int]) -> AsyncIterator[tuple[FakeTwilio, str]]:
    fake = FakeTwilio()
    app = web.Application()
    app.router.add_post(f"/api/2010-04-01/Accounts/{ACCOUNT}/Calls.json", fake.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield fake, f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def relay(
    tmp_path: Path, free_port: Callable[[], int], twilio: tuple[FakeTwilio, str]
) -> AsyncIterator[Relay]:
    more = {"TWILIO_BASE_URL": twilio[1], "TWILIO_PHONE_NUMBER": CALLED}
    async with running_relay(tmp_path / "data", free_port(), **more) as found:
        yield found


async def place(
    relay: Relay, headers: dict[str, str] | None = None, **body: Any
) -> tuple[int, dict[str, Any], Any]:
    async with relay.http.post(
        relay.url + "/api/calls", json={"to": CALLER, **body}, headers=headers or relay.operator
    ) as response:
        return response.status, await response.json(), response.headers


async def test_a_call_is_placed_with_everything_it_needs(relay: Relay, twilio: tuple[FakeTwilio, str]) -> None:
    status, answer, _ = await place(relay, language="pt", parameters={"order": "4711 & more"})
    assert (status, answer) == (202, {"callSid": SID})
    asked = twilio[0].asked[0]
    assert asked["To"] == [CALLER]
    assert asked["From"] == [CALLED]
    assert asked["StatusCallback"] == [f"{relay.url}/voice/status"]
    assert asked["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]
    url = urlsplit(asked["Url"][0])
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{relay.url}/voice"
    assert parse_qs(url.query) == {"language": ["pt-BR"], "p.order": ["4711 & more"]}
    assert twilio[0].auth == [encode_basic_auth(ACCOUNT, TOKEN)]


async def test_what_twilio_is_given_leads_to_the_agent(relay: Relay, twilio: tuple[FakeTwilio, str]) -> None:
    """The address that was sent to Twilio is asked, signed, as Twilio does."""
    await place(relay, language="pt", parameters={"order": "4711"})
    path = twilio[0].asked[0]["Url"][0].removeprefix(relay.url)
    status, body = await relay.post(path, CallSid=SID, Direction="outbound-api", From=CALLED, To=CALLER)
    assert status == 200
    assert 'name="order" value="4711"' in body
    assert 'language="pt-BR"' in body


async def test_who_placed_it_is_journalled_and_audited(relay: Relay, eventually_async: Any) -> None:
    await place(relay)
    await eventually_async(lambda: relay.records())
    assert [(r["type"], r["action"], r["call_sid"]) for r in relay.records()] == [
        ("operator_action", "place", SID)
    ]
    audit = relay.records("audit.relay_server")
    assert (audit[0]["action"], audit[0]["outcome"]) == ("call_place", "ok")
    assert CALLER in audit[0]["target"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"to": "911"}, 400, 21211),
        ({"to": "sip:ana@example.com"}, 400, 21211),
        ({"to": "+1555"}, 400, 21211),
        ({"to": "+447400123456"}, 403, 21215),
        ({"to": "+19005550100"}, 403, 21215),
        ({"from": "unknown"}, 400, 21213),
        ({"language": "fr"}, 400, 40000),
        ({"parameters": {"ticket": "x"}}, 400, 40000),
        ({"parameters": {"a b": "x"}}, 400, 40000),
        ({"parameters": {"a": "x" * 201}}, 400, 40000),
        ({"parameters": {f"p{n}": "x" for n in range(11)}}, 400, 40000),
        ({"parameters": {"a": 7}}, 400, 40000),
        ({"to": 7}, 400, 40000),
        ({"toll": "x"}, 400, 40000),
    ],
)
async def test_what_must_not_be_dialled_is_refused_before_twilio_is_asked(
    relay: Relay, twilio: tuple[FakeTwilio, str], body: dict[str, Any], status: int, code: int
) -> None:
    found = await place(relay, **body)
    assert (found[0], found[1]["code"]) == (status, code)
    assert twilio[0].asked == []


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ({"status": 400, "body": {"code": 21211, "message": "secret upstream words"}}, 400, 21211),
        ({"status": 401, "body": {"code": 20003}}, 502, 20003),
        ({"status": 403, "body": {"code": 21215}}, 403, 21215),
        ({"status": 404, "body": "<html>no</html>"}, 400, 40000),
        ({"status": 429, "body": {"code": 20429}, "headers": {"Retry-After": "7"}}, 429, 20429),
        ({"status": 429, "body": "", "headers": {"Retry-After": "soon\u00e9"}}, 429, 20429),
        ({"status": 500, "body": "<html>oops</html>"}, 502, 50200),
        ({"status": 302, "body": "", "headers": {"Location": "http://elsewhere.example"}}, 502, 50200),
        ({"status": 201, "body": "not json"}, 502, 50200),
        ({"status": 201, "body": "x" * 300_000}, 502, 50200),
        ({"wait_s": 1.0}, 504, 50400),
    ],
)
async def test_each_answer_of_twilio_becomes_a_problem_of_ours(
    relay: Relay,
    twilio: tuple[FakeTwilio, str],
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    status: int,
    code: int,
) -> None:
    monkeypatch.setattr(twilio_calls, "DEADLINE_S", 0.5)
    for name, value in answer.items():
        setattr(twilio[0], name, value)
    found = await place(relay)
    assert (found[0], found[1]["code"]) == (status, code)
    assert "secret upstream words" not in str(found[1])
    assert len(twilio[0].asked) == 1, "a POST that may have rung is never repeated"
    if status == 429:
        assert found[2]["Retry-After"] == ("7" if answer["headers"]["Retry-After"] == "7" else "5")


async def test_twilio_that_cannot_be_reached_is_503(tmp_path: Path, free_port: Callable[[], int]) -> None:
    more = {"TWILIO_BASE_URL": f"http://127.0.0.1:{free_port()}", "TWILIO_PHONE_NUMBER": CALLED}
    async with running_relay(tmp_path / "data", free_port(), **more) as relay:
        status, answer, headers = await place(relay)
    assert (status, answer["code"], headers["Retry-After"]) == (503, 50300, "5")


async def test_each_operator_may_place_so_many_calls_and_no_more(
    relay: Relay, twilio: tuple[FakeTwilio, str]
) -> None:
    """Goes red without Dialler.check."""
    assert relay.app is not None
    ana, ben = (
        {"Authorization": f"Bearer {relay.app[OPERATORS].add(name, Role.AGENT)}"} for name in ("ana", "ben")
    )
    statuses = [(await place(relay, ana))[0] for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    assert (await place(relay, ben))[0] == 202
    assert len(twilio[0].asked) == 6


async def test_no_call_is_placed_while_there_is_no_room(relay: Relay, twilio: tuple[FakeTwilio, str]) -> None:
    assert relay.app is not None
    relay.app[READINESS].draining = True
    assert (await place(relay))[0] == 503
    assert twilio[0].asked == []
    relay.app[READINESS].draining = False


async def test_a_viewer_may_not_place_calls(relay: Relay) -> None:
    assert relay.app is not None
    token = relay.app[OPERATORS].add("vera", Role.VIEWER)
    assert (await place(relay, {"Authorization": f"Bearer {token}"}))[0] == 403
