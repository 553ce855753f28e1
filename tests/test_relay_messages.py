"""ConversationRelay's frames: what Twilio and its kin send is understood, what they would refuse is not sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay_server import messages as m

RECORDED = Path(__file__).parent / "fixtures" / "conversationrelay" / "keypress-during-greeting.jsonl"
SETUP = {"type": "setup", "sessionId": "VX1", "callSid": "CA1"}


def decoded(**frame: Any) -> Any:
    return m.decode_frame(json.dumps(frame))


def test_the_recorded_call_is_understood_frame_by_frame() -> None:
    frames = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    kinds = [type(decoded(**f["frame"])).__name__ for f in frames if f["dir"] == "in" and "frame" in f]
    assert kinds[0] == "Setup"
    assert {"Info", "Dtmf", "Interrupt"} <= set(kinds)
    assert "Unreadable" not in kinds


def test_a_setup_may_come_from_another_company_and_hold_odd_values() -> None:
    found = decoded(
        **SETUP | {"callSid": "v3:abc-_9", "callStatus": "active", "direction": "OUTBOUND", "from": None, "to": 7},
        customParameters={"order": 4711, "vip": True, "name": "Ana"},
    )
    assert (found.call_sid, found.outbound, found.from_) == ("v3:abc-_9", True, "")
    assert found.custom_parameters == {"order": "4711", "vip": "True", "name": "Ana"}


@pytest.mark.parametrize("direction", ["outbound-api", "outbound", "OUTBOUND_API"])
def test_a_call_that_we_placed_is_known_by_how_its_direction_begins(direction: str) -> None:
    assert decoded(**SETUP | {"direction": direction}).outbound


@pytest.mark.parametrize("sid", ["", "x" * 201, "CA1\n", "CA 1", "CA\u00e9"])
def test_a_call_sid_that_is_none_is_refused(sid: str) -> None:
    assert isinstance(decoded(**SETUP | {"callSid": sid}), m.Unreadable)


@pytest.mark.parametrize("duration", ["460", 460, 460.5, None])
def test_an_interrupts_duration_may_be_a_number_or_text(duration: Any) -> None:
    found = decoded(type="interrupt", utteranceUntilInterrupt="Hel", durationUntilInterruptMs=duration)
    assert found.utterance_until_interrupt == "Hel"


def test_an_interrupt_without_any_field_is_one() -> None:
    assert isinstance(decoded(type="interrupt"), m.Interrupt)
    assert isinstance(decoded(type="interrupt", durationUntilInterruptMs=[1]), m.Interrupt)


def test_a_prompt_with_extras_of_include_in_prompt_is_read() -> None:
    found = decoded(type="prompt", voicePrompt="hi", lang="en", last=True, turnState={"a": 1}, segments=[{}])
    assert (found.voice_prompt, found.last) == ("hi", True)


def test_events_of_the_older_debug_type_are_events() -> None:
    assert decoded(type="debug", name="tokensPlayed", value="Hi") == m.Info(name="tokensPlayed", value="Hi")


def test_a_config_that_was_applied_is_taken_note_of() -> None:
    assert isinstance(decoded(type="configUpdated", anything=[1]), m.ConfigUpdated)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"type":"eagerEndOfTurn"}', "unknown"),
        ('{"type":7}', "unknown"),
        ("{}", "unknown"),
        ('{"type":"dtmf"}', "invalid"),
        ('{"type":"setup","sessionId":"VX1"}', "invalid"),
        ("[1]", "malformed"),
        ("null", "malformed"),
        ("{", "malformed"),
        ("[" * 50_000, "malformed"),
        ('{"type":"prompt","voicePrompt":"\\ud800"}', "malformed"),
    ],
)
def test_what_is_none_of_twilios_frames_says_why(text: str, why: str) -> None:
    found = m.decode_frame(text)
    assert isinstance(found, m.Unreadable)
    assert found.why == why


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)
NAMES = st.sampled_from(
    ["voicePrompt", "last", "lang", "digit", "callSid", "sessionId", "customParameters", "value", "from"]
)


@given(st.sampled_from([*m.KINDS, "debug", "nope"]), st.dictionaries(NAMES, JSON))
def test_any_values_in_any_fields_raise_nothing(kind: str, fields: dict[str, Any]) -> None:
    m.decode_frame(json.dumps({**fields, "type": kind}))


@given(st.binary())
def test_any_bytes_raise_nothing(data: bytes) -> None:
    m.decode_frame(data)


# ---- out ----


@pytest.mark.parametrize(
    ("frame", "sent"),
    [
        (m.TextOut("Hi "), {"type": "text", "token": "Hi ", "last": False}),
        (m.TextOut("", last=True), {"type": "text", "token": "", "last": True}),
        (
            m.TextOut("Olá", lang="pt-BR", interruptible=False, preemptible=True),
            {
                "type": "text",
                "token": "Olá",
                "last": False,
                "lang": "pt-BR",
                "interruptible": False,
                "preemptible": True,
            },
        ),
        (m.PlayOut("https://a.example/x.mp3"), {"type": "play", "source": "https://a.example/x.mp3", "loop": 1}),
        (m.DigitsOut("1w#*"), {"type": "sendDigits", "digits": "1w#*"}),
        (m.LanguageOut("a", "b"), {"type": "language", "ttsLanguage": "a", "transcriptionLanguage": "b"}),
        (m.EndOut(), {"type": "end"}),
        (m.EndOut("{}"), {"type": "end", "handoffData": "{}"}),
        (m.HintsOut("Luna,Harbour"), {"type": "hints", "hints": "Luna,Harbour"}),
        (m.ConfigOut({"partialPrompts": True}), {"type": "config", "partialPrompts": True}),
    ],
)
def test_frames_leave_as_twilio_takes_them(frame: m.Outbound, sent: dict[str, Any]) -> None:
    assert json.loads(m.encode_frame(frame)) == sent


@pytest.mark.parametrize(
    "build",
    [
        lambda: m.TextOut("x", lang=""),
        lambda: m.PlayOut("file:///etc/passwd"),
        lambda: m.PlayOut("https://a.example/x.mp3", loop=0),
        lambda: m.DigitsOut("12A"),
        lambda: m.DigitsOut(""),
        lambda: m.LanguageOut("", "en-US"),
        lambda: m.ConfigOut({}),
        lambda: m.ConfigOut({"type": "text"}),
    ],
)
def test_what_twilio_would_refuse_is_not_even_made(build: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        build()


def test_half_a_character_does_not_cost_the_frame() -> None:
    assert json.loads(m.encode_frame(m.TextOut("a\ud83d")))["token"] == "a\ufffd"
