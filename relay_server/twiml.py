"""TwiML for the voice pages, built with Twilio's own classes from the agent file."""

from __future__ import annotations

from twilio.twiml.voice_response import Connect, ConversationRelay, Dial, Enqueue, VoiceResponse

from dialogue.agent import Agent, Language

EVENTS = "speaker-events tokens-played"
COME_BACK_S = 8


def connect_call(
    agent: Agent,
    relay_url: str,
    action_url: str,
    intelligence_service: str | None,
    *,
    language: Language | None = None,
    resumed: bool = False,
) -> str:
    """`<Connect><ConversationRelay>`: every declared language with its voice, the greeting, keys and events on."""
    spoken = language or agent.language(agent.default_language)
    relay = ConversationRelay(
        url=relay_url,
        welcome_greeting=spoken.resumed if resumed else spoken.greeting,
        language=spoken.code,
        tts_provider=spoken.tts_provider,
        voice=spoken.voice or None,
        transcription_provider=spoken.transcription_provider,
        speech_model=spoken.speech_model or None,
        interruptible="any",
        dtmf_detection=True,
        events=EVENTS,
        intelligence_service=intelligence_service,
    )
    for declared in agent.languages:
        relay.language(
            code=declared.code,
            tts_provider=declared.tts_provider,
            voice=declared.voice or None,
            transcription_provider=declared.transcription_provider,
            speech_model=declared.speech_model or None,
            hints=declared.hints or None,
        )
    relay.parameter(name="agent", value=agent.name)
    response = VoiceResponse()
    connect = Connect(action=action_url, method="POST")
    connect.append(relay)
    response.append(connect)
    return str(response)


def refuse_call(language: Language) -> str:
    """A polite sentence and the end of the call."""
    response = VoiceResponse()
    response.say(language.busy, language=language.code)
    response.hangup()
    return str(response)


def hand_off(agent: Agent, handoff_data: str) -> str:
    """Puts the caller through as the agent file says; a workflow's task carries the hand-off data."""
    response = VoiceResponse()
    if agent.handoff.dial:
        dial = Dial()
        dial.number(agent.handoff.dial)
        response.append(dial)
    elif agent.handoff.workflow_sid:
        enqueue = Enqueue(None, workflow_sid=agent.handoff.workflow_sid)
        enqueue.task(handoff_data)
        response.append(enqueue)
    else:
        response.append(Enqueue(agent.handoff.queue))
    return str(response)


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
