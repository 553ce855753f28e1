"""Faults on order: each one arrives where it was ordered, and nowhere else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from shared.operators import Operators, Role
from tests.sandbox_kit import OPENAI_KEY, SEGMENT_SECRET, SEGMENT_SPACE, Sandbox, open_sandbox

CONVERSATIONS = "/conversations/v1/Conversations"
CHAT = "/openai/v1/chat/completions"
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


async def order(sandbox: Sandbox, **fault: Any) -> None:
    assert (await sandbox.control("POST", "faults", fault)).status == 201


async def test_a_status_happens_as_often_as_ordered(sandbox: Sandbox) -> None:
    await order(sandbox, product="conversations", status=429, count=2, headers={"Retry-After": "3"})
    answers = [await sandbox.twilio("GET", CONVERSATIONS) for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].json["code"] == 20429
    assert answers[0].headers["Retry-After"] == "3"


async def test_a_fault_changes_nothing_and_touches_no_other_product(sandbox: Sandbox) -> None:
    await order(sandbox, product="conversations", status=503, path="/Messages")
    assert (await sandbox.twilio("GET", "/intelligence/v2/Transcripts")).status == 200
    sid = (await sandbox.twilio("POST", CONVERSATIONS)).json["sid"]
    assert (await sandbox.twilio("POST", f"{CONVERSATIONS}/{sid}/Messages", Body="lost")).status == 503
    assert (await sandbox.twilio("GET", f"{CONVERSATIONS}/{sid}/Messages")).json["messages"] == []


async def test_the_sdks_see_the_fault_as_an_error_of_their_own(sandbox: Sandbox) -> None:
    await order(sandbox, product="conversations", status=500)

    def create(client: Client) -> None:
        with pytest.raises(TwilioRestException) as failed:
            client.conversations.v1.conversations.create()
        assert (failed.value.status, failed.value.code) == (500, 20500)

    await sandbox.through_sdk(create)
    await order(sandbox, product="openai", status=429)
    client = openai.AsyncOpenAI(
        api_key=OPENAI_KEY,
        base_url=f"{sandbox.url}/openai/v1",
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    )
    async with client:
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello"}])


async def test_segments_fault_has_segments_shape(sandbox: Sandbox) -> None:
    await order(sandbox, product="segment", status=429)
    path = f"/segment/v1/spaces/{SEGMENT_SPACE}/collections/users/profiles/phone:1/traits"
    headers = {"Authorization": aiohttp.encode_basic_auth(SEGMENT_SECRET, "")}
    answer = await sandbox.request("GET", path, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (429, "rate_limit_error")


async def test_a_delay_delays(sandbox: Sandbox) -> None:
    await order(sandbox, product="conversations", delay_ms=300)
    began = time.monotonic()
    assert (await sandbox.twilio("GET", CONVERSATIONS)).status == 200
    assert time.monotonic() - began >= 0.3


async def test_an_answer_can_be_cut(sandbox: Sandbox) -> None:
    await order(sandbox, product="conversations", cut_after_bytes=10)
    with pytest.raises(aiohttp.ClientPayloadError):
        await sandbox.twilio("GET", CONVERSATIONS)
    assert (await sandbox.twilio("GET", CONVERSATIONS)).status == 200


async def test_a_stream_can_be_cut_in_the_middle(sandbox: Sandbox) -> None:
    await order(sandbox, product="openai", cut_after_bytes=700)
    headers, received = {"Authorization": f"Bearer {OPENAI_KEY}"}, bytearray()

    async def read(response: aiohttp.ClientResponse) -> None:
        async for chunk in response.content.iter_any():
            received.extend(chunk)

    body = {**HELLO, "stream": True}
    async with sandbox.session.post(sandbox.url + CHAT, json=body, headers=headers) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await read(response)
    assert 0 < len(received) <= 700
    assert b"[DONE]" not in received


async def test_what_is_still_ordered_is_shown_and_can_be_taken_back(sandbox: Sandbox) -> None:
    await order(sandbox, product="openai", status=500, count=3)
    items = (await sandbox.control("GET", "faults")).json["items"]
    assert [(item["product"], item["count"]) for item in items] == [("openai", 3)]
    assert (await sandbox.control("DELETE", "faults")).status == 204
    answer = await sandbox.request("POST", CHAT, json=HELLO, headers={"Authorization": f"Bearer {OPENAI_KEY}"})
    assert answer.status == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"product": "telegraph", "status": 500},
        {"product": "openai", "status": 200},
        {"product": "openai", "status": 500, "count": 0},
        {"product": "openai", "delay_ms": -1},
        {"product": "openai", "speed": 1},
    ],
)
async def test_a_fault_that_cannot_be_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    assert (await sandbox.control("POST", "faults", fault)).status == 400


@pytest.mark.parametrize(
    ("role", "reading", "changing"),
    [("agent", 403, 403), ("supervisor", 200, 403), ("admin", 200, 201), (None, 401, 401)],
)
async def test_supervisors_look_at_control_and_administrators_change_it(
    sandbox: Sandbox, role: str | None, reading: int, changing: int
) -> None:
    operators = Operators(sandbox.data_dir, "sandbox-session-secret", "sandbox-operator-token")
    token = operators.add(f"a {role}", Role[role.upper()]) if role else "unknown"
    operators.close()
    headers = {"Authorization": f"Bearer {token}"}
    assert (await sandbox.request("GET", "/control/faults", headers=headers)).status == reading
    fault = {"product": "openai", "status": 500}
    assert (await sandbox.request("POST", "/control/faults", json=fault, headers=headers)).status == changing


async def test_the_cookie_of_a_sign_in_opens_control_as_well(sandbox: Sandbox) -> None:
    signed_in = await sandbox.request("POST", "/api/session", json={"token": "sandbox-operator-token"})
    cookie = signed_in.headers["Set-Cookie"].partition(";")[0]
    answer = await sandbox.request("GET", "/control/state", headers={"Cookie": cookie})
    assert answer.status == 200
