"""The relay over real sockets: Twilio's end is played here, the model is a server with a memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest

from dialogue.agent import load_agent
from shared.config import load_settings
from shared.signature import relay_url, sign_websocket
from tests.relay_kit import CALLER, LOADED_S, TOKEN, Relay, Reply, relay_environment, running_model, running_relay

Child = subprocess.Popen[bytes]
GREETING = load_agent(None).language("en-US").greeting


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


async def test_the_voice_page_connects_to_the_relay_in_every_language(relay: Relay) -> None:
    status, body = await relay.post("/voice", CallSid="CA1", From=CALLER)
    connect = ElementTree.fromstring(body).find("Connect")
    assert status == 200
    assert connect is not None
    assert connect.get("action") == f"{relay.url}/voice/ended"
    found = connect.find("ConversationRelay")
    assert found is not None
    assert found.get("url") == relay_url(relay.url)
    assert found.get("dtmfDetection") == "true"
    assert [language.get("code") for language in found.findall("Language")] == ["en-US", "pt-BR", "es-US"]


@pytest.mark.parametrize("path", ["/voice", "/voice/ended", "/voice/status"])
@pytest.mark.parametrize("header", [{}, {"X-Twilio-Signature": "AAAA"}])
async def test_an_unsigned_voice_request_is_refused(relay: Relay, path: str, header: dict[str, str]) -> None:
    async with relay.http.post(relay.url + path, data={"CallSid": "CA1"}, headers=header) as response:
        assert response.status == 403
        assert response.content_type == "application/problem+json"


async def test_forwarded_headers_do_not_change_what_is_signed(relay: Relay) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Twilio-Signature": "AAAA"}
    async with relay.http.post(relay.url + "/voice", data={}, headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize("signature", [None, "AAAA", sign_websocket("wss://elsewhere.example/websocket", TOKEN)])
async def test_an_unsigned_handshake_is_refused_before_the_upgrade(relay: Relay, signature: str | None) -> None:
    headers = {"X-Twilio-Signature": signature} if signature else {}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await relay.http.ws_connect(relay_url(relay.url), headers=headers)
    assert refused.value.status == 403


async def test_a_setup_of_a_foreign_account_is_closed(relay: Relay) -> None:
    async with relay.call(setup=False) as caller:
        await caller.send(type="setup", sessionId="VX1", callSid="CA1", accountSid="AC" + "9" * 32)
        message = await caller.socket.receive(timeout=20)
        assert message.data == aiohttp.WSCloseCode.POLICY_VIOLATION


async def test_a_call_is_answered_and_journalled(relay: Relay, eventually_async: Any) -> None:
    relay.model.replies.append(Reply(("We ", "open ", "at nine.")))
    async with relay.call() as caller:
        assert await caller.ask("When do you open?") == "We open at nine."
        await caller.socket.close()
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])
    records = relay.records()
    assert records[0]["type"] == "call_started"
    assert records[0]["caller"] == CALLER
    turn = [record for record in records if record["type"] == "turn"][-1]
    assert (turn["caller_text"], turn["reply_text"], turn["usage"]["total_tokens"]) == (
        "When do you open?",
        "We open at nine.",
        10,
    )
    assert records[-1]["reason"] == "completed"


async def test_a_caller_who_speaks_another_language_is_followed(relay: Relay, eventually_async: Any) -> None:
    """Twilio goes on naming the language it was told to listen in; only the words tell."""
    async with relay.call() as caller:
        await caller.prompt("Bom dia, eu queria saber onde está o meu pedido", lang="en-US")
        switch = await caller.frame()
        assert switch == {"type": "language", "ttsLanguage": "pt-BR", "transcriptionLanguage": "pt-BR"}
        await caller.reply()
        assert "(pt-BR)" in relay.model.asked[-1]["messages"][0]["content"]
        await caller.ask("ok", lang="pt-BR")
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])
    switches = [record for record in relay.records() if record["type"] == "language_switched"]
    assert [(record["to_language"], record["cause"]) for record in switches] == [("pt-BR", "detected")]


async def test_text_leaves_before_the_reply_is_whole(relay: Relay) -> None:
    relay.model.replies.append(Reply(("First words ", "come. ", "Last."), pause_s=0.1))
    async with relay.call() as caller:
        await caller.prompt("hi")
        loop = asyncio.get_running_loop()
        await caller.frame()
        first_s = loop.time()
        await caller.reply()
        assert loop.time() - first_s > 0.15


async def test_two_calls_at_once_share_nothing(relay: Relay, eventually_async: Any) -> None:
    relay.model.replies += [Reply(("One.",), pause_s=0.3), Reply(("Two.",), pause_s=0.1)]
    async with relay.call("CA1") as one, relay.call("CA2") as two:
        await one.prompt("I am one")
        await eventually_async(lambda: relay.model.asked)
        assert await asyncio.gather(one.reply(), two.ask("I am two")) == ["One.", "Two."]
        assert await two.ask("who am I?") == "Hello."
    words = json.dumps(relay.model.asked[-1]["messages"])
    assert "I am two" in words
    assert "I am one" not in words


async def test_an_interrupt_closes_the_models_connection_at_once(relay: Relay, eventually_async: Any) -> None:
    relay.model.replies.append(Reply(("word ",) * 500, pause_s=0.02))
    async with relay.call() as caller:
        await caller.prompt("a long story")
        await caller.frame()
        written = relay.model.written
        await caller.send(type="interrupt", utteranceUntilInterrupt="", durationUntilInterruptMs=100)
        await eventually_async(lambda: relay.model.let_go_s)
        assert relay.model.written - written <= 10  # 200 ms of the model's own time
        while not (await caller.frame())["last"]:
            pass
        assert await caller.ask("and now?") == "Hello."


@pytest.mark.parametrize(
    "junk",
    [
        "{",
        "[]",
        '"x"',
        "null",
        '{"type":"nope"}',
        '{"type":"prompt","voicePrompt":7}',
        "[" * 50_000,
        '{"type":"dtmf"}',
    ],
)
async def test_a_frame_that_is_none_of_twilios_never_ends_a_call(relay: Relay, junk: str) -> None:
    async with relay.call() as caller:
        await caller.socket.send_str(junk)
        await caller.socket.send_bytes(b"\x00\xff")
        assert await caller.ask("still there?") == "Hello."


async def test_a_failing_model_is_apologised_for(relay: Relay) -> None:
    relay.model.replies += [Reply(status=500), Reply(status=500)]
    async with relay.call() as caller:
        assert (await caller.ask("hi")).startswith("Sorry")
        assert await caller.ask("hi again") == "Hello."


async def test_a_rate_limited_model_is_apologised_for_within_four_seconds(relay: Relay) -> None:
    relay.model.replies += [Reply(status=429, headers={"Retry-After": "30"})] * 2
    async with relay.call() as caller, asyncio.timeout(4 + LOADED_S):
        assert (await caller.ask("hi")).startswith("Sorry")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(("We open ", "at ni"), cut=True),
        Reply(raw=b'data: {"choices":[{"delta":{"content":"We open "}}]}\n\ndata: {"choi\n\n'),
        Reply(raw=b'data: {"choices":[{"delta":{"content":"We open "}}]}\n\n'),
    ],
)
async def test_a_reply_that_is_cut_keeps_what_was_said_and_closes_once(relay: Relay, reply: Reply) -> None:
    relay.model.replies.append(reply)
    async with relay.call() as caller:
        assert (await caller.ask("hi")).startswith("We open ")
        assert await caller.ask("hi again") == "Hello."


async def test_a_tool_is_run_and_its_result_spoken(relay: Relay) -> None:
    relay.model.replies.append(Reply((), tools=(("order_status", '{"order_number":"1001"}'),)))
    relay.model.replies.append(Reply(("It has shipped.",)))
    async with relay.call() as caller:
        assert await caller.ask("my order 1001") == "It has shipped."
    result = relay.model.asked[-1]["messages"][-1]
    assert result["role"] == "tool"
    assert json.loads(result["content"])["status"] == "shipped"


async def test_a_transfer_ends_with_handoff_data_and_the_action_page_enqueues(relay: Relay) -> None:
    relay.model.replies.append(
        Reply(("I will connect you.",), tools=(("transfer_to_person", '{"reason":"refund"}'),))
    )
    async with relay.call() as caller:
        await caller.ask("a person please")
        for text in (GREETING, "I will connect you."):
            await caller.send(type="info", name="tokensPlayed", value=text)
        await caller.send(type="info", name="agentSpeaking", value="off")
        end = await caller.frame()
    assert end["type"] == "end"
    status, body = await relay.post(
        "/voice/ended",
        CallSid="CA1",
        CallStatus="in-progress",
        SessionStatus="ended",
        HandoffData=end["handoffData"],
    )
    assert status == 200
    assert "<Enqueue>support</Enqueue>" in body


async def test_a_lost_socket_resumes_with_its_history(relay: Relay, eventually_async: Any) -> None:
    async with relay.call() as caller:
        await caller.ask("my name is Ana")
        for text in (GREETING, "Hello."):
            await caller.send(type="info", name="tokensPlayed", value=text)
        caller.vanish()
    await eventually_async(lambda: not relay.live)
    status, body = await relay.post(
        "/voice/ended", CallSid="CA1", CallStatus="in-progress", SessionStatus="failed", ErrorCode="64105"
    )
    assert status == 200
    assert "Sorry, we were cut off" in body
    async with relay.call() as caller:
        await caller.ask("what is my name?")
    words = json.dumps(relay.model.asked[-1]["messages"])
    assert "my name is Ana" in words
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])
    assert [record["type"] for record in relay.records()].count("call_resumed") == 1


async def test_a_call_cut_too_often_goes_to_a_person(relay: Relay, eventually_async: Any) -> None:
    for _ in range(4):
        async with relay.call() as caller:
            await caller.ask("hi")
            caller.vanish()
        await eventually_async(lambda: not relay.live)
    _, body = await relay.post("/voice/ended", CallSid="CA1", CallStatus="in-progress", ErrorCode="64105")
    assert "Enqueue" in body


async def test_the_final_status_ends_a_call_that_never_came_back(relay: Relay, eventually_async: Any) -> None:
    async with relay.call() as caller:
        await caller.ask("hi")
        caller.vanish()
    await eventually_async(lambda: not relay.live)
    status, _ = await relay.post("/voice/status", CallSid="CA1", CallStatus="completed", CallDuration="12")
    assert status == 204
    await eventually_async(lambda: [line["type"] for line in relay.records()][-1:] == ["call_ended"])


async def test_operators_see_live_calls_and_may_end_them(relay: Relay, eventually_async: Any) -> None:
    async with relay.call() as caller:
        await caller.ask("hi")
        async with relay.http.get(relay.url + "/api/calls", headers=relay.operator) as response:
            items = (await response.json())["items"]
        assert [(item["call_sid"], item["state"]) for item in items] == [("CA1", "live")]
        async with relay.http.get(relay.url + "/api/calls/CA1", headers=relay.operator) as response:
            assert (await response.json())["transcript"][0]["reply_text"] == "Hello."
        async with relay.http.post(relay.url + "/api/calls/CA1/end", headers=relay.operator) as response:
            assert response.status == 202
        assert (await caller.frame())["type"] == "end"
    await eventually_async(lambda: relay.latest().get("reason") == "operator_ended")


async def test_the_dashboard_streams_what_is_said(relay: Relay) -> None:
    url = relay.url.replace("http", "ws") + "/dashboard-ws"
    async with relay.http.ws_connect(url, headers=relay.operator) as viewer, relay.call() as caller:
        await caller.ask("hi")
        topics: list[str] = []
        said = ""
        while "".join(said) != "Hello.":
            frame = await viewer.receive_json(timeout=20)
            topics.append(frame["topic"])
            said += frame["data"].get("token", "")
        assert "record" in topics


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_the_dashboard_socket_needs_an_operator(relay: Relay, headers: dict[str, str]) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await relay.http.ws_connect(relay.url.replace("http", "ws") + "/dashboard-ws", headers=headers)
    assert refused.value.status == 401


async def test_the_dashboard_socket_refuses_another_site(relay: Relay) -> None:
    headers = relay.operator | {"Origin": "https://evil.example"}
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await relay.http.ws_connect(relay.url.replace("http", "ws") + "/dashboard-ws", headers=headers)
    assert refused.value.status == 403


async def test_the_dashboard_asks_strangers_to_sign_in(relay: Relay) -> None:
    async with relay.http.get(relay.url + "/dashboard") as response:
        assert response.status == 401
        page = await response.text()
    assert 'id="sign-in"' in page
    assert 'id="calls"' not in page


@contextlib.asynccontextmanager
async def process(relay: Relay, env: dict[str, str], eventually_async: Any) -> AsyncIterator[Child]:
    """A relay in a process of its own, ready; killed at the end."""
    found = subprocess.Popen([sys.executable, "-m", "relay_server"], env={**os.environ, **env})
    try:
        await eventually_async(lambda: ready(relay), timeout_s=60)  # a loaded machine starts slowly
        yield found
    finally:
        found.kill()
        found.wait()


async def ready(relay: Relay) -> bool:
    try:
        async with relay.http.get(relay.url + "/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@contextlib.asynccontextmanager
async def prepared(tmp_path: Path, port: int) -> AsyncIterator[tuple[Relay, dict[str, str]]]:
    """A relay that is not started yet, with its model and its environment."""
    async with running_model() as (model, model_url), aiohttp.ClientSession() as http:
        env = relay_environment(tmp_path / "data", port, model_url)
        yield Relay(load_settings("relay_server", env), model, http), env


@pytest.mark.timeout(150)
async def test_a_call_survives_the_killing_of_its_process(
    tmp_path: Path, free_port: Callable[[], int], eventually_async: Any
) -> None:
    async with prepared(tmp_path, free_port()) as (relay, env):
        async with process(relay, env, eventually_async) as first, relay.call() as caller:
            await caller.ask("my name is Ana")
            relay.model.replies.append(Reply(("never",), pause_s=30))
            await caller.prompt("what is my name?")
            await eventually_async(lambda: [line for line in relay.records() if line.get("turn") == 2])
            first.send_signal(signal.SIGKILL)  # in mid-turn
            await caller.socket.receive(timeout=20)
        async with process(relay, env, eventually_async):
            _, body = await relay.post("/voice/ended", CallSid="CA1", CallStatus="in-progress", ErrorCode="64105")
            assert "Sorry, we were cut off" in body
            async with relay.call() as caller:
                assert await caller.reply() == "Hello."  # the question is answered without being asked again
        said = [message["content"] for message in relay.model.asked[-1]["messages"] if message["role"] == "user"]
        assert said == ["my name is Ana", "what is my name?"]
        await eventually_async(lambda: {r["turn"] for r in relay.records() if r["type"] == "turn"} == {1, 2})


@pytest.mark.timeout(150)
async def test_sigterm_ends_live_calls_and_exits_in_time(
    tmp_path: Path, free_port: Callable[[], int], eventually_async: Any
) -> None:
    async with prepared(tmp_path, free_port()) as (relay, env):
        async with process(relay, env, eventually_async) as running:
            async with relay.call() as caller:
                await caller.ask("hi")
                for text in (GREETING, "Hello."):
                    await caller.send(type="info", name="tokensPlayed", value=text)
                running.send_signal(signal.SIGTERM)
                end = await caller.frame()
                assert json.loads(end["handoffData"])["reasonCode"] == "shutdown"
                async with relay.http.get(relay.url + "/readyz") as response:
                    assert response.status == 503
            assert await asyncio.to_thread(running.wait, 10) == 0
        assert relay.records()[-1]["reason"] == "shutdown"
