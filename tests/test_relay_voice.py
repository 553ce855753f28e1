"""The voice pages and the socket when things go wrong: odd requests, no room, a stop, a line that breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import relay_server.voice as voice
from dialogue.agent import load_agent
from relay_server.call import Call
from relay_server.metrics import LOST_RECORDS
from relay_server.parts import JOURNAL, LIVE
from shared.journal import Journal, JournalError
from shared.records import CallStarted
from shared.service import READINESS
from shared.signature import sign_form
from tests.relay_kit import ACCOUNT, TOKEN, Relay, Reply, running_relay

GREETING = load_agent(None).language("en-US").greeting
PATHS = ["/voice", "/voice/ended", "/voice/status"]
LOST = {"CallStatus": "in-progress", "SessionStatus": "failed", "ErrorCode": "64105"}


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
async def test_another_method_is_refused(relay: Relay, path: str, method: str) -> None:
    async with relay.http.request(method, relay.url + path) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * 70_000, 413),
        (b"a=1&" * 30_000, 413),
        (b"CallSid=\xff\xfe", 400),
        (b"no form at all", 400),
        (b"CallSid=%FF%FE", 403),
        (b"CallSid=CA1&CallSid=CA2", 403),
        (b"\x00=%00", 403),
        (b"", 403),
    ],
)
async def test_a_body_that_is_no_form_of_twilios_is_refused(
    relay: Relay, path: str, body: bytes, status: int
) -> None:
    headers = {"X-Twilio-Signature": "AAAA", "Content-Type": "application/x-www-form-urlencoded"}
    async with relay.http.post(relay.url + path, data=body, headers=headers) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"


async def test_a_form_that_arrives_in_two_packets_is_read_whole(relay: Relay) -> None:
    form = {"CallSid": "CA1", "From": "+15555550111"}

    async def pieces() -> AsyncIterator[bytes]:
        yield b"CallSid=CA1&From=%2B15555"
        await asyncio.sleep(0.1)
        yield b"550111"

    headers = {
        "X-Twilio-Signature": sign_form(relay.url + "/voice", form, TOKEN),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    async with relay.http.post(relay.url + "/voice", data=pieces(), headers=headers) as response:
        assert response.status == 200


async def test_a_body_that_never_ends_is_given_up(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice, "FORM_WITHIN_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.settings.port)
    writer.write(b"POST /voice HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nCallSid=")
    assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_a_signed_form_with_a_repeated_name_is_taken(relay: Relay) -> None:
    signature = sign_form(relay.url + "/voice", {"A": ["1", "2"], "CallSid": "CA1"}, TOKEN)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    async with relay.http.post(relay.url + "/voice", data=b"A=1&A=2&CallSid=CA1", headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize("duration", ["9" * 400, "-1", "1e9", "nan", "\u0663", ""])
@pytest.mark.parametrize("handoff", ["", "{", "[" * 10_000, '{"reasonCode":7}'])
async def test_odd_values_in_a_signed_form_break_nothing(relay: Relay, duration: str, handoff: str) -> None:
    form = {"CallSid": "CA1", "CallStatus": "completed", "SessionDuration": duration, "HandoffData": handoff}
    status, body = await relay.post("/voice/ended", **form)
    assert (status, "<Hangup" in body) == (200, True)


# ---- no room ----


async def test_a_full_book_refuses_politely(relay: Relay) -> None:
    assert relay.app is not None
    observer = relay.app[voice.AROUND].observer
    for number in range(relay.settings.max_calls):
        observer.record(
            CallStarted(
                call_sid=f"CB{number}",
                session_id="VX",
                caller="",
                called="",
                direction="inbound",
                language="en-US",
                agent="a",
            )
        )
    _, body = await relay.post("/voice", CallSid="CA1")
    assert "busy" in body
    assert "<Hangup" in body


@pytest.mark.parametrize("fault", ["full", "broken"])
async def test_a_journal_that_takes_nothing_refuses_politely(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    assert relay.app is not None
    if fault == "full":
        monkeypatch.setattr(Journal, "full", True)
    else:
        relay.app[JOURNAL].healthy = False
    status, body = await relay.post("/voice", CallSid="CA1")
    assert status == 200
    assert "busy" in body


async def test_a_record_the_disk_does_not_keep_is_counted(relay: Relay, eventually_async: Any) -> None:
    assert relay.app is not None

    def fail(_: bytes) -> None:
        raise OSError("no space")

    relay.app[JOURNAL]._write = fail  # type: ignore[method-assign]
    before = LOST_RECORDS._value.get()
    async with relay.call() as caller:
        assert await caller.ask("hi") == "Hello."  # the call goes on all the same
        await eventually_async(lambda: LOST_RECORDS._value.get() > before)
    with pytest.raises(JournalError):
        await relay.app[JOURNAL].commit(CallStarted(**dict.fromkeys(FIELDS, "")))


FIELDS = ("call_sid", "session_id", "caller", "called", "direction", "language", "agent")


async def test_while_stopping_a_new_caller_is_refused_and_a_cut_one_asked_to_come_back(
    relay: Relay, eventually_async: Any
) -> None:
    assert relay.app is not None
    async with relay.call() as caller:
        await caller.ask("my name is Ana")
        caller.vanish()
    await eventually_async(lambda: not relay.live)
    relay.app[READINESS].draining = True
    _, body = await relay.post("/voice", CallSid="CA2")
    assert "busy" in body
    for path in ("/voice/ended", "/voice"):
        _, body = await relay.post(path, CallSid="CA1", **LOST)
        assert "<Pause" in body
        assert f'<Redirect method="POST">{relay.url}/voice</Redirect>' in body
    relay.app[READINESS].draining = False  # as the next process will find it
    _, body = await relay.post("/voice", CallSid="CA1")
    assert "we were cut off" in body


async def test_a_call_that_never_gets_through_is_not_connected_for_ever(relay: Relay) -> None:
    _, body = await relay.post("/voice/ended", CallSid="CA9", **(LOST | {"ErrorCode": "64102"}))
    assert "/voice/ended?again=1" in body
    _, body = await relay.post("/voice/ended?again=1", CallSid="CA9", **(LOST | {"ErrorCode": "64102"}))
    assert "ConversationRelay" not in body
    assert "<Hangup" in body


# ---- sockets ----


async def test_a_call_back_on_a_new_socket_before_the_old_one_is_known_dead_goes_on(
    relay: Relay, eventually_async: Any
) -> None:
    async with relay.call() as old:
        await old.ask("my name is Ana")
        async with relay.call() as new:
            await new.ask("what is my name?")
            assert "my name is Ana" in json.dumps(relay.model.asked[-1]["messages"])
            closed = await old.socket.receive(timeout=20)
            assert closed.type.name in {"CLOSE", "CLOSED", "CLOSING"}
            await asyncio.sleep(0.1)
            assert relay.live  # the old socket's end has not taken the new one away
            assert await new.ask("and now?") == "Hello."
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])
    kinds = [record["type"] for record in relay.records()]
    assert (kinds.count("call_started"), kinds.count("call_resumed")) == (1, 1)
    turns = {record["turn"] for record in relay.records() if record["type"] == "turn"}
    assert turns == {1, 2, 3}


async def test_a_second_setup_of_another_call_takes_no_other_call_over(
    relay: Relay, eventually_async: Any
) -> None:
    async with relay.call("CA1") as one, relay.call("CA2") as two:
        await one.ask("hi")
        await two.ask("hi")
        await two.send(type="setup", sessionId="VX9", callSid="CA1", accountSid=ACCOUNT)
        await two.send(type="setup", sessionId="VX9", callSid="CA7", accountSid=ACCOUNT)
        assert await one.ask("still here?") == "Hello."
        assert await two.ask("still here?") == "Hello."
        assert relay.app is not None
        assert set(relay.app[LIVE]) == {"CA1", "CA2"}
    await eventually_async(lambda: not relay.live)


async def test_a_resumed_call_is_shown_after_a_restart(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    async with running_relay(tmp_path / "data", port) as relay, relay.call() as caller:
        await caller.ask("my name is Ana")
        caller.vanish()
        await asyncio.sleep(0.2)
    async with running_relay(tmp_path / "data", port) as relay, relay.call() as caller:
        await caller.ask("hi again")
        async with relay.http.get(relay.url + "/api/calls/CA1", headers=relay.operator) as response:
            found = await response.json()
        assert found["state"] == "live"
        assert [turn["caller_text"] for turn in found["transcript"]] == ["my name is Ana", "hi again"]


async def test_a_hang_up_while_a_word_is_stuck_in_the_line_loses_no_record(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    stuck = asyncio.Event()

    async def never(self: Call, command: Any) -> None:
        stuck.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Call, "_send", never)
    async with relay.call() as caller:
        await caller.prompt("hi")
        await stuck.wait()
        await caller.socket.close()
    await eventually_async(lambda: not relay.live)
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])
    outcomes = [record["outcome"] for record in relay.records() if record["type"] == "turn"]
    assert outcomes[0] == "open"
    assert outcomes[-1] != "open"


async def test_one_stuck_line_does_not_keep_the_others_from_being_told_of_a_stop(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Call._send

    async def slow(self: Call, command: Any) -> None:
        if self.session.call_sid == "CA1":
            await asyncio.Event().wait()
        await send(self, command)

    monkeypatch.setattr(Call, "_send", slow)
    assert relay.app is not None
    async with relay.call("CA1") as stuck, relay.call("CA2") as other:
        await stuck.send(type="info", name="tokensPlayed", value=GREETING)  # so that `end` is due at once
        await other.ask("hi")
        await other.send(type="info", name="tokensPlayed", value="Hello.")
        drain = asyncio.create_task(relay.app[READINESS].drain(5.0))
        assert (await asyncio.wait_for(other.frame(), 4))["type"] == "end"
        drain.cancel()


async def test_an_interrupt_during_a_slow_send_stops_the_model(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    send, slow = Call._send, asyncio.Event()

    async def first_is_slow(self: Call, command: Any) -> None:
        if not slow.is_set():
            slow.set()
            await asyncio.sleep(0.3)
        await send(self, command)

    monkeypatch.setattr(Call, "_send", first_is_slow)
    relay.model.replies.append(Reply(("word ",) * 200, pause_s=0.02))
    async with relay.call() as caller:
        await caller.prompt("a long story")
        await slow.wait()
        await caller.send(type="interrupt", utteranceUntilInterrupt="", durationUntilInterruptMs=100)
        await eventually_async(lambda: relay.model.let_go_s, timeout_s=1.5)
