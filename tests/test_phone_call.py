"""The simulated phone against a tiny application."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.call_identity import UndeclaredLanguage
from sandbox.line import CouldNotConnect, Line, LineSettings
from sandbox.network import Network
from sandbox.phone import PhoneCall
from sandbox.phone_events import AgentSpoke, CallEnded, Connected, FirstText, LanguageChanged, Notice, Transferred
from sandbox.sids import is_sid
from tests.conftest import EventuallyAsync
from tests.phone_kit import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    EVENTS,
    NUMBERS,
    Frame,
    TinyRelay,
    finish,
    open_phone,
)

SECOND = " This is a second sentence that goes on and on without any pause until it is done."
LONG = f"Hello.{SECOND} And a third."


async def test_a_call_goes_from_the_voice_url_to_the_hang_up() -> None:
    relay = TinyRelay(greeting="Good day!", inner='<Parameter name="shop" value="7"/>')
    async with open_phone(relay) as phone:
        call = await phone.call()
        assert await finish(call)
        assert await call.say("hello")
        assert await finish(call)
        await call.hang_up()

    assert relay.bad_signatures == 0
    voice, action, status = relay.forms
    assert [path for path, _ in relay.forms] == ["/voice", "/voice/ended", "/voice/status"]
    assert voice[1] | {"CallStatus": "ringing", "From": NUMBERS.caller, "To": NUMBERS.called} == voice[1]
    assert voice[1]["AccountSid"] == ACCOUNT_SID
    assert is_sid(voice[1]["CallSid"], "CA")
    setup = relay.frames[0]
    assert setup["type"] == "setup"
    assert is_sid(setup["sessionId"], "VX")
    assert setup["callSid"] == voice[1]["CallSid"] == action[1]["CallSid"] == status[1]["CallSid"]
    assert (setup["from"], setup["callStatus"], setup["callType"]) == (NUMBERS.caller, "RINGING", "PSTN")
    assert (setup["customParameters"], setup["parentCallSid"]) == ({"shop": "7"}, "")
    assert relay.of_type("prompt") == [{"type": "prompt", "voicePrompt": "hello", "lang": "en-US", "last": True}]
    assert action[1]["SessionStatus"] == action[1]["CallStatus"] == "completed"
    assert "ErrorCode" not in action[1]
    assert relay.closes == [1000]
    assert "".join(event.text for event in phone.seen(AgentSpoke)) == "Good day!You said: hello."
    assert [type(event) for event in phone.events][-1] is CallEnded
    assert phone.seen(FirstText)[0].latency_ms > 0


async def test_the_report_has_both_sides_in_order_with_what_was_heard() -> None:
    relay = TinyRelay(greeting="Good day!")
    async with open_phone(relay) as phone:
        call = await phone.call()
        await finish(call)
        await call.say("where is my book")
        await finish(call)
        await call.hang_up()
        report = call.report()
    assert [(s.speaker, s.text) for s in report.sentences] == [
        ("agent", "Good day!"),
        ("caller", "where is my book"),
        ("agent", "You said: where is my book."),
    ]
    times = [t for s in report.sentences for t in (s.start_s, s.end_s)]
    assert times == sorted(times)
    caller = report.sentences[1]
    assert caller.end_s - caller.start_s == pytest.approx(len(caller.text) / 14, abs=0.2)
    assert report.duration_s >= times[-1]
    assert (report.ended_by, report.language, report.call_sid) == ("caller", "en-US", call.call_sid)


async def test_speaker_events_and_played_text_are_told_in_the_order_of_the_recordings() -> None:
    relay = TinyRelay(greeting="Good day!")
    async with open_phone(relay) as phone:
        call = await phone.call()
        await finish(call)
        await call.hang_up()
    assert relay.told() == [("agentSpeaking", "on"), ("tokensPlayed", "Good day!"), ("agentSpeaking", "off")]


async def test_without_a_subscription_no_info_is_sent() -> None:
    relay = TinyRelay(greeting="Good day!", attributes="")
    async with open_phone(relay) as phone:
        call = await phone.call()
        await finish(call)
        await call.say("hi")
        await finish(call)
        await call.hang_up()
    assert relay.told() == [("prompt", "hi")]


async def test_talking_over_the_agent_interrupts_it_with_the_heard_part_of_the_current_sentence(
    eventually_async: EventuallyAsync,
) -> None:
    relay = TinyRelay(greeting=LONG)
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await eventually_async(lambda: phone.seen(AgentSpoke))
        await call.say("wait")
        await finish(call)
        await call.hang_up()
        report = call.report()
    told = relay.told()
    at = told.index(("clientSpeaking", "on"))
    names = [name for name, _ in told[at : at + 6]]
    assert names == ["clientSpeaking", "tokensPlayed", "interrupt", "agentSpeaking", "clientSpeaking", "prompt"]
    interrupt = relay.of_type("interrupt")[0]
    heard = interrupt["utteranceUntilInterrupt"]
    assert heard
    assert SECOND.startswith(heard)
    assert heard != SECOND
    assert told[at + 1][1] == heard
    assert interrupt["durationUntilInterruptMs"] > 0
    assert all("third" not in sentence.text for sentence in report.sentences)
    assert [s.text for s in report.sentences][-1] == "You said: wait."


async def test_an_interruption_needs_no_words_and_does_nothing_in_silence(
    eventually_async: EventuallyAsync,
) -> None:
    relay = TinyRelay(greeting=LONG)
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await eventually_async(lambda: phone.seen(AgentSpoke))
        assert await call.interrupt()
        assert not await call.interrupt()
        await call.hang_up()
    assert len(relay.of_type("interrupt")) == 1
    assert relay.of_type("prompt") == []


async def test_an_agent_that_cannot_be_interrupted_does_not_hear(eventually_async: EventuallyAsync) -> None:
    relay = TinyRelay(greeting=LONG, attributes=f'{EVENTS} welcomeGreetingInterruptible="none"')
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await eventually_async(lambda: phone.seen(AgentSpoke))
        assert not await call.say("wait")
        assert not await call.interrupt()
        assert await finish(call)
        await call.hang_up()
    assert relay.of_type("interrupt") == relay.of_type("prompt") == []
    assert "could not be interrupted" in phone.seen(Notice)[0].text


async def test_keys_are_sent_one_by_one_and_cut_the_speech(eventually_async: EventuallyAsync) -> None:
    relay = TinyRelay(greeting=LONG, attributes=f'{EVENTS} dtmfDetection="true"')
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await eventually_async(lambda: phone.seen(AgentSpoke))
        assert await call.press("1#")
        await call.hang_up()
    told = [entry for entry in relay.told() if entry[0] in ("dtmf", "interrupt", "agentSpeaking")]
    assert [name for name, _ in told] == ["agentSpeaking", "dtmf", "interrupt", "agentSpeaking", "dtmf"]
    assert [frame["digit"] for frame in relay.of_type("dtmf")] == ["1", "#"]


async def test_keys_without_detection_have_no_effect() -> None:
    relay = TinyRelay()
    async with open_phone(relay) as phone:
        call = await phone.call()
        assert not await call.press("1")
        await call.hang_up()
    assert relay.of_type("dtmf") == []
    assert "dtmfDetection" in phone.seen(Notice)[0].text


async def test_partials_are_cumulative_and_only_the_last_is_final() -> None:
    relay = TinyRelay(attributes='partialPrompts="true"')
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("where is my book today please")
        await finish(call)
        await call.hang_up()
    prompts = relay.of_type("prompt")
    assert [p["last"] for p in prompts] == [False, False, True]
    spoken = [p["voicePrompt"] for p in prompts]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(spoken))
    assert spoken[-1] == "where is my book today please"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [(None, "en-US"), ("es-ES", "es-US"), ("ES", "es-US"), ("pt-BR", "pt-BR"), ("en", "en-US")],
)
async def test_the_callers_language_is_the_declared_one(wanted: str | None, code: str) -> None:
    relay = TinyRelay(attributes='language="en-US"', inner='<Language code="es-US"/><Language code="pt-BR"/>')
    async with open_phone(relay) as phone:
        call = await phone.call(language=wanted)
        await call.say("hi")
        await finish(call)
        await call.hang_up()
    assert relay.of_type("prompt")[0]["lang"] == code
    assert phone.seen(Connected)[0].language == code


async def test_an_undeclared_language_is_told_before_anything_is_opened() -> None:
    relay = TinyRelay(inner='<Language code="es-US"/>')
    async with open_phone(relay) as phone:
        with pytest.raises(UndeclaredLanguage, match="en-US, es-US"):
            await phone.call(language="fr-FR")
    assert relay.frames == []


async def test_a_language_message_changes_the_language_of_the_prompts() -> None:
    async def switch(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await socket.send_json({"type": "language", "ttsLanguage": "pt-BR", "transcriptionLanguage": "pt-BR"})
            await relay.speak(socket, "Pronto.")

    relay = TinyRelay(behave=switch)
    async with open_phone(relay) as phone:
        call = await phone.call()
        for said in ("português", "oi"):
            await call.say(said)
            await finish(call)
        await call.hang_up()
    assert [p["lang"] for p in relay.of_type("prompt")] == ["en-US", "pt-BR"]
    assert phone.seen(LanguageChanged) == [LanguageChanged("pt-BR")]
    assert call.report().language == "pt-BR"


async def test_end_closes_with_1000_and_passes_the_handoff_data_on() -> None:
    async def hand_off(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await socket.send_json({"type": "end", "handoffData": '{"reason":"person"}'})

    relay = TinyRelay(behave=hand_off, answers=["<Response><Enqueue>support</Enqueue></Response>"])
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("a person please")
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    action = relay.form_of("/voice/ended")
    assert (action["SessionStatus"], action["CallStatus"]) == ("ended", "in-progress")
    assert action["HandoffData"] == '{"reason":"person"}'
    assert relay.closes == [1000]
    assert phone.seen(Transferred) == [Transferred("support")]
    assert (call.report().ended_by, call.report().handoff_data) == ("agent", '{"reason":"person"}')


async def test_end_without_data_has_no_data_in_the_callback() -> None:
    async def leave(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        await socket.send_json({"type": "end"})

    relay = TinyRelay(behave=leave)
    async with open_phone(relay) as phone:
        call = await phone.call()
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    assert "HandoffData" not in relay.form_of("/voice/ended")


async def test_a_lost_socket_is_taken_up_again_when_the_application_says_so() -> None:
    relay = TinyRelay()
    async with open_phone(relay) as phone:
        relay.answers = [relay.twiml()]
        call = await phone.call()
        await call.say("before")
        await finish(call)
        await call.drop()
        await call.say("after")
        assert await finish(call)
        await call.hang_up()
        report = call.report()
    first, second = relay.of_type("setup")
    assert first["callSid"] == second["callSid"]
    assert first["sessionId"] != second["sessionId"]
    assert (first["callStatus"], second["callStatus"]) == ("RINGING", "IN_PROGRESS")
    lost = relay.form_of("/voice/ended")
    assert (lost["SessionStatus"], lost["ErrorCode"], lost["CallStatus"]) == ("failed", "64105", "in-progress")
    assert [e.attempt for e in phone.seen(Connected)] == [1, 2]
    assert [s.text for s in report.sentences] == ["before", "You said: before.", "after", "You said: after."]


async def test_a_lost_socket_ends_the_call_when_the_application_hangs_up() -> None:
    relay = TinyRelay()
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.drop()
        await asyncio.wait_for(call.ended.wait(), 5)
        assert not await call.say("anybody?")
        await call.hang_up()
    assert phone.seen(CallEnded)[0].by == "failed"


async def test_it_reconnects_at_most_five_times() -> None:
    async def vanish(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        await socket.close(code=1011)

    relay = TinyRelay(behave=vanish)
    async with open_phone(relay) as phone:
        relay.answers = [relay.twiml()] * 20
        call = await phone.call()
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    assert len(relay.of_type("setup")) == 6


async def test_a_socket_that_is_refused_once_is_64102_and_may_be_tried_again() -> None:
    relay = TinyRelay()
    async with open_phone(relay) as phone:
        relay.answers = [relay.twiml(), relay.twiml()]
        call = await phone.call()
        relay.refuse_sockets = True
        await call.drop()
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    codes = [form.get("ErrorCode") for path, form in relay.forms if path == "/voice/ended"]
    assert codes == ["64105", "64102", "64102"]


@pytest.mark.parametrize(
    "frame",
    [
        "{not json",
        '{"type":"text","token":null}',
        '{"type":"text"}',
        '{"type":"connected"}',
        '{"type":"sendDigits","digits":"12A"}',
        '{"type":"language"}',
        '{"type":"end","handoffData":{"not":"text"}}',
        '{"type":"play"}',
        "[]",
    ],
)
async def test_an_invalid_frame_is_answered_with_64107_and_the_call_goes_on(frame: str) -> None:
    async def clumsy(relay: TinyRelay, socket: web.WebSocketResponse, seen: Frame) -> None:
        if seen["type"] == "prompt":
            await socket.send_str(frame)
            await relay.speak(socket, "Sorry.")

    relay = TinyRelay(behave=clumsy)
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("hi")
        assert await finish(call)
        await call.hang_up()
    assert [e["description"] for e in relay.of_type("error")] == [
        f"Invalid message received, code: 64107, {frame}"
    ]
    assert [event.text for event in phone.seen(AgentSpoke)] == ["Sorry."]


async def test_ten_invalid_frames_in_a_row_close_with_1007() -> None:
    async def babble(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "setup":
            for _ in range(10):
                await socket.send_str("?")

    relay = TinyRelay(behave=babble)
    async with open_phone(relay) as phone:
        call = await phone.call()
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    assert relay.closes == [1007]
    assert len(relay.of_type("error")) == 10
    assert relay.form_of("/voice/ended")["ErrorCode"] == "64105"


async def test_invalid_frames_count_only_in_a_row() -> None:
    async def stumble(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            for _ in range(2):
                for _ in range(9):
                    await socket.send_str("?")
                await relay.speak(socket, "Sorry.")

    relay = TinyRelay(behave=stumble)
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("hi")
        assert await finish(call)
        await call.hang_up()
    assert len(relay.of_type("error")) == 18
    assert relay.closes == [1000]


async def test_play_and_send_digits_take_their_place_in_the_queue() -> None:
    async def show(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await relay.speak(socket, "Listen.")
            await socket.send_json({"type": "play", "source": "https://127.0.0.1/a.mp3"})
            await socket.send_json({"type": "sendDigits", "digits": "1w2"})
            for unused in ("config", "hints"):
                await socket.send_json({"type": unused})

    relay = TinyRelay(behave=show)
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("go")
        assert await finish(call)
        await call.hang_up()
    assert [value for name, value in relay.told() if name == "tokensPlayed"] == ["Listen.", "1w2"]
    assert relay.of_type("error") == []


async def test_a_refusal_is_heard_and_hangs_up() -> None:
    relay = TinyRelay(voice_answer="<Response><Say>All lines are busy.</Say><Hangup/></Response>")
    async with open_phone(relay) as phone:
        call = await phone.call()
        assert call.ended.is_set()
        assert call.never_connected
        await call.hang_up()
    assert phone.seen(AgentSpoke) == [AgentSpoke("All lines are busy.")]


@pytest.mark.parametrize(
    "answer",
    ["not xml", "<Nothing/>", '<Response><Connect><ConversationRelay url="http://x"/></Connect></Response>'],
)
async def test_an_answer_that_is_no_twiml_is_told(answer: str) -> None:
    async with open_phone(TinyRelay(voice_answer=answer)) as phone:
        with pytest.raises(CouldNotConnect):
            await phone.call()


async def test_a_sound_is_an_answer_too() -> None:
    async def ring(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await socket.send_json({"type": "play", "source": "https://127.0.0.1/a.mp3"})

    async with open_phone(TinyRelay(behave=ring)) as phone:
        call = await phone.call()
        await call.say("hello?")
        assert await finish(call)
        await call.hang_up()
    assert len(phone.seen(FirstText)) == 1


async def test_a_silent_agent_is_not_done() -> None:
    async def mute(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        return None

    async with open_phone(TinyRelay(behave=mute)) as phone:
        call = await phone.call()
        await call.say("hello?")
        assert not await call.agent_is_done(timeout_s=0.3, settle_s=0.05)
        await call.hang_up()


async def test_nobody_at_the_address_is_a_sentence_that_says_what_to_do(free_port: Callable[[], int]) -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    async with aiohttp.ClientSession() as session:
        call = PhoneCall(Line(session, LineSettings(ACCOUNT_SID, AUTH_TOKEN, origin, origin)), NUMBERS)
        with pytest.raises(CouldNotConnect, match="make up"):
            await call.start()


async def test_a_signature_that_is_not_accepted_is_explained() -> None:
    async with open_phone(TinyRelay(voice_status=403)) as phone:
        with pytest.raises(CouldNotConnect, match="TWILIO_AUTH_TOKEN"):
            await phone.call()


async def test_an_application_that_fails_is_told_with_its_status() -> None:
    async with open_phone(TinyRelay(voice_status=500)) as phone:
        with pytest.raises(CouldNotConnect, match="answered 500"):
            await phone.call()


async def test_only_this_machine_is_called() -> None:
    elsewhere = "http://voice.example.com"
    async with aiohttp.ClientSession() as session:
        line = Line(session, LineSettings(ACCOUNT_SID, AUTH_TOKEN, elsewhere, "http://127.0.0.1:1"))
        assert str(line.reached_at(elsewhere + "/voice")) == "http://127.0.0.1:1/voice"
        assert str(line.reached_at("ws://voice.example.com/websocket")) == "ws://127.0.0.1:1/websocket"
        with pytest.raises(CouldNotConnect, match="only this machine"):
            line.reached_at("http://voice.example.com.evil.example/voice")


async def test_two_calls_at_once_do_not_hear_each_other() -> None:
    relay = TinyRelay()
    async with open_phone(relay) as phone:
        one, two = await asyncio.gather(phone.call(), phone.call())
        await asyncio.gather(one.say("one"), two.say("two"))
        await asyncio.gather(finish(one), finish(two))
        await asyncio.gather(one.hang_up(), two.hang_up())
    heard: list[Any] = [[s.text for s in call.report().sentences] for call in (one, two)]
    assert heard == [["one", "You said: one."], ["two", "You said: two."]]


async def test_a_paced_caller_takes_the_time_of_speech_with_growing_partials() -> None:
    relay = TinyRelay(attributes=f'{EVENTS} partialPrompts="true"')
    async with open_phone(relay) as phone:
        call = await phone.call(speed=10)
        call.paced = True
        before_s = call.clock.now_s()
        await call.say("where is my book today please and when does it come")
        assert call.clock.now_s() - before_s >= 50 / 14
        await finish(call)
        await call.hang_up()
    prompts = relay.of_type("prompt")
    assert len(prompts) > 10
    texts = [prompt["voicePrompt"] for prompt in prompts]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(texts))
    assert [prompt["last"] for prompt in prompts] == [False] * (len(prompts) - 1) + [True]
    told = relay.told()
    assert told[0] == ("clientSpeaking", "on")
    assert told.index(("clientSpeaking", "off")) == len(prompts)  # after the partials, before the final one


async def test_a_config_message_changes_the_session_and_is_confirmed(eventually_async: EventuallyAsync) -> None:
    async def configure(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await socket.send_json({"type": "config", "interruptible": "none", "dtmfDetection": True, "other": 1})
            await socket.send_json({"type": "hints", "hints": "Luna,Harbour"})
            await relay.speak(socket, LONG)

    relay = TinyRelay(behave=configure)
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await call.say("hi")
        await eventually_async(lambda: phone.seen(AgentSpoke))
        assert not await call.say("wait")
        assert await call.press("1")
        await call.hang_up()
    assert len(relay.of_type("configUpdated")) == 2
    assert [frame["digit"] for frame in relay.of_type("dtmf")] == ["1"]


async def test_a_session_that_may_reconnect_keeps_its_id_and_replays_what_was_lost() -> None:
    relay = TinyRelay(attributes=f'{EVENTS} applicationReconnect="true"', greeting="Good day!")
    async with open_phone(relay) as phone:
        call = await phone.call()
        await finish(call)
        await call.drop()
        await call.say("after")
        assert await finish(call)
        await call.hang_up()
    first, second = relay.of_type("setup")
    assert first["sessionId"] == second["sessionId"]
    assert [path for path, _ in relay.forms] == ["/voice", "/voice/ended", "/voice/status"]
    assert "".join(event.text for event in phone.seen(AgentSpoke)) == "Good day!You said: after."


async def test_a_listeners_noise_is_overheard_when_the_session_says_so(eventually_async: EventuallyAsync) -> None:
    relay = TinyRelay(greeting=LONG, attributes=f'{EVENTS} ignoreBackchannel="true"')
    async with open_phone(relay) as phone:
        call = await phone.call(speed=5)
        await eventually_async(lambda: phone.seen(AgentSpoke))
        assert not await call.say("Mhm.")
        assert await call.say("Wait, please")
        await call.hang_up()
    assert len(relay.of_type("interrupt")) == 1


async def test_hanging_up_in_mid_sentence_reports_the_partial_when_asked_to() -> None:
    relay = TinyRelay(attributes='partialPrompts="true" partialPromptOnHangup="true"')
    async with open_phone(relay) as phone:
        call = await phone.call()
        assert await call.begin_speaking("I would")
        await call.speak_on("I would like to")
        await call.hang_up()
    assert [(p["voicePrompt"], p["last"]) for p in relay.of_type("prompt")] == [
        ("I would", False),
        ("I would like to", False),
        ("I would like to", True),
    ]


async def test_gather_collects_keys_and_asks_its_action() -> None:
    gather = '<Gather numDigits="2" action="/voice/ended"><Say>Your code?</Say></Gather><Say>Nothing.</Say>'
    relay = TinyRelay(voice_answer=f"<Response>{gather}</Response>")
    async with open_phone(relay) as phone:
        call = await phone.call()
        assert await call.press("42")
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    assert relay.form_of("/voice/ended")["Digits"] == "42"
    assert [event.text for event in phone.seen(AgentSpoke)] == ["Your code?"]


async def test_a_gather_that_hears_nothing_goes_on_with_the_next_verb() -> None:
    relay = TinyRelay(voice_answer='<Response><Gather timeout="1"/><Say>Nothing.</Say></Response>')
    async with open_phone(relay) as phone:
        call = await phone.call()
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    assert [event.text for event in phone.seen(AgentSpoke)] == ["Nothing."]


async def test_a_dialled_number_that_is_busy_lets_the_action_take_the_caller_back() -> None:
    async def leave(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt":
            await socket.send_json({"type": "end"})

    dial = '<Response><Dial action="/voice/ended">+15555550000</Dial></Response>'
    relay = TinyRelay(behave=leave, answers=[dial, "<Response><Say>Nobody is free.</Say></Response>"])
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.say("a person")
        await asyncio.wait_for(call.ended.wait(), 5)
        await call.hang_up()
    dialled = [form for path, form in relay.forms if path == "/voice/ended"][1]
    assert dialled["DialCallStatus"] == "busy"
    assert phone.seen(AgentSpoke)[-1].text == "Nobody is free."


async def test_a_task_goes_with_the_caller_into_the_queue() -> None:
    enqueue = '<Enqueue workflowSid="WW1"><Task>{"reason":"person"}</Task></Enqueue>'
    relay = TinyRelay(voice_answer=f"<Response>{enqueue}</Response>")
    async with open_phone(relay) as phone:
        call = await phone.call()
        await call.hang_up()
    transferred = phone.seen(Transferred)[0]
    assert (transferred.target, transferred.task) == ("WW1", '{"reason":"person"}')


async def test_a_bad_network_is_late_and_in_order() -> None:
    relay = TinyRelay(greeting="Good day!")
    async with open_phone(relay) as phone:
        call = PhoneCall(
            phone.line, NUMBERS, speed=50, tell=phone.events.append, network=Network(delay_ms=60, jitter_ms=20)
        )
        await asyncio.wait_for(call.start(), 5)
        await finish(call)
        for word in ("one", "two"):
            await call.say(word)
            assert await finish(call)
        await call.hang_up()
    assert [prompt["voicePrompt"] for prompt in relay.of_type("prompt")] == ["one", "two"]
    assert all(event.latency_ms >= 120 for event in phone.seen(FirstText))
    assert relay.closes == [1000]
