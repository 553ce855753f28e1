"""The TwiML that connects a call, by the agent file; checked as XML, for that is what Twilio reads."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from dialogue.agent import Agent, AgentError, load_agent
from dialogue.telephony import TelephonyConfig
from relay_server.twiml import Connection, connect_call, hand_off, refuse_call

AGENT = load_agent(None)


def agent(**telephony: Any) -> Agent:
    return msgspec.structs.replace(AGENT, telephony=TelephonyConfig(**telephony))


def relay_of(one: Agent, **connection: Any) -> ElementTree.Element:
    language = one.language(connection.pop("code", "en-US"))
    to = Connection(relay_url="wss://a.example/websocket", action_url="https://a.example/x", language=language)
    found = ElementTree.fromstring(connect_call(one, replace(to, **connection)))
    relay = found.find("Connect/ConversationRelay")
    assert relay is not None
    return relay


def test_every_language_has_its_voice_and_ears() -> None:
    relay = relay_of(AGENT)
    for element, language in zip(relay.findall("Language"), AGENT.languages, strict=True):
        assert element.get("code") == language.code
        assert element.get("voice") == language.voice
        assert element.get("ttsProvider") == language.tts_provider
        assert element.get("transcriptionProvider") == language.transcription_provider
        assert element.get("speechModel") == language.speech_model


def test_what_the_conversation_rests_on_is_asked_for() -> None:
    relay = relay_of(AGENT)
    assert relay.get("events") == "speaker-events tokens-played"
    assert relay.get("dtmfDetection") == "true"
    assert relay.get("interruptible") == "any"
    assert relay.get("reportInputDuringAgentSpeech") == "none"


def test_what_the_agent_file_leaves_open_is_left_to_twilio() -> None:
    assert not {"turnDetection", "speechTimeout", "eotThreshold", "includeInPrompt", "preemptible"} & set(
        relay_of(AGENT).attrib
    )


def test_every_attribute_of_the_agent_file_reaches_twilio_by_its_own_name() -> None:
    relay = relay_of(
        agent(
            interruptible="speech",
            welcome_greeting_interruptible="none",
            report_input_during_agent_speech="any",
            interrupt_sensitivity="low",
            dtmf_detection=False,
            partial_prompts=True,
            application_reconnect=True,
            preemptible=True,
            profanity_filter=False,
            ignore_backchannel=True,
            echo_prompt_filtering=True,
            turn_detection=True,
            partial_prompt_on_hangup=True,
            speech_timeout=700,
            eot_threshold=0.8,
            eager_eot_threshold=0.4,
            include_in_prompt="turn-state prompt-segments",
            conversation_configuration="conv1",
            attributes={"backgroundNoiseReduction": True},
        )
    )
    wanted = {
        "interruptible": "speech",
        "welcomeGreetingInterruptible": "none",
        "reportInputDuringAgentSpeech": "any",
        "interruptSensitivity": "low",
        "dtmfDetection": "false",
        "partialPrompts": "true",
        "applicationReconnect": "true",
        "preemptible": "true",
        "profanityFilter": "false",
        "ignoreBackchannel": "true",
        "echoPromptFiltering": "true",
        "turnDetection": "true",
        "partialPromptOnHangup": "true",
        "speechTimeout": "700",
        "eotThreshold": "0.8",
        "eagerEotThreshold": "0.4",
        "includeInPrompt": "turn-state prompt-segments",
        "conversationConfiguration": "conv1",
        "backgroundNoiseReduction": "true",
    }
    assert wanted.items() <= relay.attrib.items()
    assert not {"attributes", "config", "liveHints", "overflowDial", "languageByCalled"} & set(relay.attrib)


def test_the_greeting_says_who_is_calling_whom() -> None:
    portuguese = AGENT.language("pt-BR")
    assert relay_of(AGENT, code="pt-BR").get("welcomeGreeting") == portuguese.greeting
    assert relay_of(AGENT, code="pt-BR", outbound=True).get("welcomeGreeting") == portuguese.greeting_outbound
    assert relay_of(AGENT, code="pt-BR", resumed=True, outbound=True).get("welcomeGreeting") == portuguese.resumed


def test_parameters_of_the_agent_file_and_of_the_call_come_back_in_setup() -> None:
    relay = relay_of(agent(parameters={"shop": "harbour"}), parameters={"order": 'a"<&'})
    found = {e.get("name"): e.get("value") for e in relay.findall("Parameter")}
    assert found == {"shop": "harbour", "order": 'a"<&', "agent": "reception"}


def test_the_numbers_choose_the_language_the_dialled_one_first() -> None:
    one = TelephonyConfig(
        language_by_called={"+15550001": "es-US"}, language_by_caller={"+55": "pt-BR", "+5511": "en-US"}
    )
    assert one.start_language(called="+15550001", caller="+5521") == "es-US"
    assert one.start_language(called="+1", caller="+5521") == "pt-BR"
    assert one.start_language(called="+1", caller="+551199") == "en-US"
    assert one.start_language(called="+1", caller="client:ana") == ""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('language_by_called = { "+1555" = "fr-FR" }', "fr-FR"),
        ('language_by_caller = { "55" = "pt-BR" }', "55"),
        ('overflow_dial = "911"', "overflow_dial"),
        ('attributes = { "Bad Name" = 1 }', "Bad Name"),
        ('parameters = { ticket = "x" }', "ticket"),
        ('config = { type = "x" }', "type"),
        ('interruptible = "maybe"', "interruptible"),
    ],
)
def test_a_fault_in_the_telephony_table_stops_the_start(tmp_path: Path, line: str, word: str) -> None:
    packaged = Path("dialogue/agents/default.toml").read_text()
    shutil.copytree("dialogue/agents", tmp_path, dirs_exist_ok=True)  # with the files that the agent names
    key = line.partition(" ")[0]
    lines = [text for text in packaged.splitlines() if not text.startswith(f"{key} =")]
    path = tmp_path / "agent.toml"
    path.write_text("\n".join(lines).replace("[telephony]", f"[telephony]\n{line}"))
    with pytest.raises(AgentError, match=word):
        load_agent(path)


def test_what_there_is_no_room_for_goes_to_the_overflow_number_or_hears_a_sentence() -> None:
    assert "<Hangup" in refuse_call(AGENT, AGENT.language("en-US"))
    dialled = refuse_call(agent(overflow_dial="+15550009999"), AGENT.language("en-US"))
    assert "<Dial><Number>+15550009999</Number></Dial>" in dialled


def test_a_hand_off_goes_to_the_named_number_before_the_agent_files() -> None:
    assert "<Enqueue>support" in hand_off(AGENT, "{}")
    assert "<Number>+15550001111</Number>" in hand_off(AGENT, "{}", "+15550001111")
