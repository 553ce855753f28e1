"""The edge of the relay over real sockets: who may hold a call, how fast, and what if there is no room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest

import relay_server.call as call
from dialogue.agent import load_agent
from relay_server.metrics import DROPPED, FRAMES, REFUSED
from relay_server.parts import LIVE, RECOVERY
from relay_server.tickets import FRESH_S, Tickets
from shared.signature import relay_url, sign_websocket
from tests.relay_kit import ACCOUNT, CALLED, CALLER, TOKEN, Relay, running_relay

PORTUGUESE = load_agent(None).language("pt-BR")


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


async def socket_of(relay: Relay) -> aiohttp.ClientWebSocketResponse:
    url = relay_url(relay.url)
    return await relay.http.ws_connect(url, headers={"X-Twilio-Signature": sign_websocket(url, TOKEN)})


def setup(call_sid: str, **fields: Any) -> dict[str, Any]:
    return {"type": "setup", "sessionId": "VX1", "callSid": call_sid, "accountSid": ACCOUNT, **fields}


async def parameters(relay: Relay, call_sid: str, query: str = "", **form: str) -> dict[str, str]:
    """What the TwiML of `/voice` tells Twilio to say in `setup`."""
    _, body = await relay.post(f"/voice{query}", CallSid=call_sid, From=CALLER, To=CALLED, **form)
    return {e.get("name", ""): e.get("value", "") for e in ElementTree.fromstring(body).iter("Parameter")}


# ---- case 14, and the binding of sockets to calls; goes red without relay_server.socket._check_setup ----


async def test_a_socket_opens_with_the_ticket_of_its_call_and_only_once(
    relay: Relay, eventually_async: Any
) -> None:
    given = await parameters(relay, "CA1")
    socket = await socket_of(relay)
    await socket.send_json(setup("CA1", customParameters=given))
    await eventually_async(lambda: relay.live)
    await socket.close()
    await eventually_async(lambda: not relay.live)
    again = await socket_of(relay)
    await again.send_json(setup("CA1", customParameters=given))
    assert (await again.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
    assert again.close_code == 1008


async def test_a_call_that_goes_on_may_come_back_with_its_ticket(relay: Relay, eventually_async: Any) -> None:
    """Twilio's applicationReconnect repeats the parameters of the first time."""
    given = await parameters(relay, "CA1")
    for _ in range(2):
        socket = await socket_of(relay)
        await socket.send_json(setup("CA1", customParameters=given))
        await socket.send_json({"type": "prompt", "voicePrompt": "hi", "lang": "en-US", "last": True})
        assert (await socket.receive_json(timeout=20))["token"] == "Hello."
        socket.get_extra_info("socket").shutdown(2)  # the line breaks
        await eventually_async(lambda: not relay.live)


@pytest.mark.parametrize("ticket", ["", "x", "1.a.b", "\u00e9.\u00e9"])
async def test_a_socket_without_a_ticket_of_ours_is_refused(relay: Relay, ticket: str) -> None:
    before = REFUSED.labels("no_ticket")._value.get()
    socket = await socket_of(relay)
    await socket.send_json(setup("CA1", customParameters={"ticket": ticket}))
    await socket.receive(timeout=20)
    assert socket.close_code == 1008
    assert REFUSED.labels("no_ticket")._value.get() == before + 1
    assert relay.records() == []


async def test_the_ticket_of_one_call_opens_no_other(relay: Relay) -> None:
    given = await parameters(relay, "CA1")
    socket = await socket_of(relay)
    await socket.send_json(setup("CA2", customParameters=given))
    await socket.receive(timeout=20)
    assert socket.close_code == 1008


def test_a_ticket_grows_old_and_used_ones_are_forgotten() -> None:
    tickets = Tickets("secret")
    ticket = tickets.issue("CA1", 1000.0)
    assert not tickets.accept(ticket, "CA1", 1001.0 + FRESH_S, call_is_open=False)
    for number in range(100):
        assert tickets.accept(tickets.issue("CA1", 2000.0 + number), "CA1", 2000.0 + number, call_is_open=False)
    assert len(tickets._used) <= FRESH_S + 1
    assert not Tickets("another").accept(tickets.issue("CA1", 1.0), "CA1", 1.0, call_is_open=True)


async def test_a_ticket_is_in_no_record_and_the_other_parameters_are(relay: Relay, eventually_async: Any) -> None:
    async with relay.call() as caller:
        await caller.ask("hi")
    await eventually_async(lambda: len(relay.records()) > 1)
    started = relay.records()[0]
    assert (started["type"], started["parameters"]) == ("call_started", {})
    assert "ticket" not in json.dumps(relay.records())


async def test_frames_before_setup_do_nothing_and_a_socket_that_never_says_who_it_is_is_closed(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goes red without the deadline in Call._read."""
    monkeypatch.setattr(call, "SETUP_WITHIN_S", 0.3)
    socket = await socket_of(relay)
    await socket.send_json({"type": "prompt", "voicePrompt": "hi", "lang": "en-US", "last": True})
    await socket.receive(timeout=20)
    assert socket.close_code == 1008
    assert relay.model.asked == []


async def test_a_call_that_has_begun_outlives_the_deadline_of_setup(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "SETUP_WITHIN_S", 0.3)
    async with relay.call() as caller:
        await asyncio.sleep(0.5)
        assert await caller.ask("hi") == "Hello."


async def test_unknown_frames_are_counted_by_why(relay: Relay) -> None:
    before = {why: FRAMES.labels(why)._value.get() for why in ("unknown", "invalid", "malformed", "binary")}
    async with relay.call() as caller:
        for text in ('{"type":"turnResumed"}', '{"type":"dtmf"}', "{"):
            await caller.socket.send_str(text)
        await caller.socket.send_bytes(b"\x00")
        assert await caller.ask("hi") == "Hello."
    assert {why: FRAMES.labels(why)._value.get() - count for why, count in before.items()} == dict.fromkeys(
        before, 1
    )


# ---- case 15; goes red without the bucket in Call._understood ----


async def test_frames_beyond_the_rate_are_dropped_and_counted_and_the_call_goes_on(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "FRAMES_AT_ONCE", 20.0)
    before = DROPPED.labels("rate")._value.get()
    async with relay.call() as caller:
        for _ in range(200):
            await caller.send(type="info", name="noise", value="1")
        await asyncio.sleep(0.1)
        dropped = DROPPED.labels("rate")._value.get() - before
        assert 150 < dropped <= 200
        await asyncio.sleep(0.2)  # the bucket fills again
        assert await caller.ask("hi") == "Hello."


# ---- no room ----


async def test_sockets_beyond_the_limit_are_ended_as_busy_and_the_caller_is_told(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Goes red without lines_taken in relay_server.socket."""
    async with running_relay(tmp_path / "data", free_port(), RELAY_MAX_CALLS="1") as relay:
        assert relay.app is not None
        async with relay.call("CA1") as one:
            await one.ask("hi")
            async with relay.call("CA2") as two:
                frame = await two.frame()
            assert frame["type"] == "end"
            assert json.loads(frame["handoffData"]) == {"reasonCode": "busy"}
            assert set(relay.app[LIVE]) == {"CA1"}
            form = {"CallStatus": "in-progress", "SessionStatus": "ended", "HandoffData": frame["handoffData"]}
            _, body = await relay.post("/voice/ended", CallSid="CA2", **form)
            assert "busy" in body
            assert "<Hangup" in body
            _, body = await relay.post("/voice", CallSid="CA3")
            assert "<Hangup" in body
            assert await one.ask("still here?") == "Hello."


# ---- how a call begins ----


async def test_a_call_begins_in_the_language_of_its_parameter(relay: Relay, eventually_async: Any) -> None:
    given = await parameters(relay, "CA1", "?language=pt&p.order=4711")
    assert (given["language"], given["order"]) == ("pt-BR", "4711")
    socket = await socket_of(relay)
    await socket.send_json(setup("CA1", direction="outbound-api", customParameters=given))
    await socket.send_json({"type": "prompt", "voicePrompt": "oi", "lang": "pt-BR", "last": True})
    await socket.receive_json(timeout=20)
    await socket.close()
    await eventually_async(lambda: not relay.live)
    started = next(record for record in relay.records() if record["type"] == "call_started")
    assert (started["language"], started["direction"]) == ("pt-BR", "outbound")
    assert started["parameters"]["order"] == "4711"
    said = json.dumps(relay.model.asked[0]["messages"], ensure_ascii=False)
    assert PORTUGUESE.greeting_outbound in said


async def test_the_voice_page_greets_a_called_person_as_such(relay: Relay) -> None:
    _, body = await relay.post(
        "/voice?language=pt", CallSid="CA1", Direction="outbound-api", From=CALLED, To=CALLER
    )
    relay_element = next(ElementTree.fromstring(body).iter("ConversationRelay"))
    assert relay_element.get("welcomeGreeting") == PORTUGUESE.greeting_outbound
    assert relay_element.get("language") == "pt-BR"


# ---- case 10; goes red without the heartbeat of relay_server.socket ----


async def test_a_peer_that_has_vanished_is_found(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    monkeypatch.setattr("relay_server.socket.HEARTBEAT_S", 0.3)
    url = relay_url(relay.url)
    headers = {"X-Twilio-Signature": sign_websocket(url, TOKEN)}
    socket = await relay.http.ws_connect(url, headers=headers, autoping=False)  # it answers no ping any more
    await socket.send_json(setup("CA1", customParameters={"ticket": relay.ticket("CA1")}))
    await eventually_async(lambda: relay.live)
    await eventually_async(lambda: not relay.live)  # well within the thirty seconds of the usual heartbeat
    assert relay.app is not None
    assert relay.app[RECOVERY].is_open("CA1")  # it may come back
    await socket.close()


def test_a_vanished_peer_is_found_within_thirty_seconds() -> None:
    from relay_server.socket import HEARTBEAT_S

    assert HEARTBEAT_S * 1.5 <= 30  # aiohttp waits half of it for the answer
