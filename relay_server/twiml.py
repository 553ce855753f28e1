"""TwiML for the voice pages, built with Twilio's own classes from the agent file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import asdict
from twilio.twiml.voice_response import Connect, ConversationRelay, Dial, Enqueue, VoiceResponse

from dialogue.agent import Agent, Language
from dialogue.telephony import TelephonyConfig

COME_BACK_S = 8


@dataclass(frozen=True, slots=True)
class Connection:
    """What a call is connected with: addresses on our public origin, the language to begin in, and parameters.

    `outbound` calls and `resumed` ones are greeted in other words. Parameters come back in `setup`.
    """

    relay_url: str
    action_url: str
    language: Language
    resumed: bool = False
    outbound: bool = False
    intelligence_service: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def connect_call(agent: Agent, to: Connection) -> str:
    """`<Connect><ConversationRelay>`: every declared language with its voice, as the agent file says."""
    relay = ConversationRelay(
        url=to.relay_url,
        welcome_greeting=to.language.opening(resumed=to.resumed, outbound=to.outbound),
        language=to.language.code,
        intelligence_service=to.intelligence_service,
        **_voice(to.language),
        **_session(agent.telephony),
    )
    for declared in agent.languages:
        relay.language(
            code=declared.code,
            hints=declared.hints or None,
            asr_smart_format=declared.asr_smart_format,
            tts_text_normalization=declared.tts_text_normalization or None,
            **_voice(declared),
        )
    for name, value in {**agent.telephony.parameters, **to.parameters, "agent": agent.name}.items():
        relay.parameter(name=name, value=value)
    response = VoiceResponse()
    connect = Connect(action=to.action_url, method="POST")
    connect.append(relay)
    response.append(connect)
    return str(response)


def _voice(language: Language) -> dict[str, str | None]:
    """A provider is always named: accounts differ in their defaults, and some may not use all of them."""
    return {
        "tts_provider": language.tts_provider,
        "voice": language.voice or None,
        "transcription_provider": language.transcription_provider,
        "speech_model": language.speech_model or None,
    }


# Fields of the agent file that are no attributes.
_OWN_FIELDS = {
    "attributes",
    "parameters",
    "config",
    "live_hints",
    "language_by_called",
    "language_by_caller",
    "overflow_dial",
}


def _session(telephony: TelephonyConfig) -> dict[str, str | int | float | bool | None]:
    """The session's attributes; None and "" are left to Twilio."""
    given = {name: value for name, value in asdict(telephony).items() if name not in _OWN_FIELDS and value != ""}
    return {**given, **telephony.attributes}


def refuse_call(agent: Agent, language: Language) -> str:
    """The number that takes what we cannot, else a polite sentence and the end of the call."""
    response = VoiceResponse()
    if agent.telephony.overflow_dial:
        response.append(_dial(agent.telephony.overflow_dial))
    else:
        response.say(language.busy, language=language.code)
        response.hangup()
    return str(response)


def hand_off(agent: Agent, handoff_data: str, to: str = "") -> str:
    """Puts the caller through to the number `to`, else as the agent file says; a task carries the data."""
    response = VoiceResponse()
    if to or agent.handoff.dial:
        response.append(_dial(to or agent.handoff.dial))
    elif agent.handoff.workflow_sid:
        enqueue = Enqueue(None, workflow_sid=agent.handoff.workflow_sid)
        enqueue.task(handoff_data)
        response.append(enqueue)
    else:
        response.append(Enqueue(agent.handoff.queue))
    return str(response)


def _dial(number: str) -> Dial:
    dial = Dial()
    dial.number(number)
    return dial


def come_back(url: str) -> str:
    """Asks again a little later: this process stops and another one takes over."""
    response = VoiceResponse()
    response.pause(length=COME_BACK_S)
    response.redirect(url, method="POST")
    return str(response)


def hang_up() -> str:
    """The end of the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)
