"""What a ConversationRelay session is set to: its TwiML attributes, changed by `language` and `config`."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sandbox.relay_frames import ConfigFrame, LanguageFrame
from sandbox.twiml_reader import Relay
from sandbox.words import plain

BACKCHANNEL = frozenset(
    (
        "mhm",
        "mm",
        "hm",
        "hmm",
        "uh huh",
        "aha",
        "yeah",
        "okay",
        "ok",
        "right",
        "sure",
        "sim",
        "ta",
        "si",
        "ya",
        "claro",
    )
)


@dataclass(slots=True)
class RelaySettings:
    """The settings in force. Languages are BCP 47 tags: of the caller's speech, and of the agent's voice."""

    transcription_language: str
    tts_language: str
    interruptible: str
    greeting_interruptible: str
    preemptible: bool
    dtmf_detection: bool
    partial_prompts: bool
    partial_on_hang_up: bool
    input_during_speech: str
    ignore_backchannel: bool
    reconnects: bool
    events: frozenset[str]
    hints: str

    @classmethod
    def of(cls, relay: Relay, language: str) -> RelaySettings:
        """As the TwiML says; `language` is what the caller speaks."""
        given = relay.attributes
        return cls(
            transcription_language=language,
            tts_language=given.get("ttsLanguage") or given.get("language") or language,
            interruptible=given.get("interruptible", "any").lower(),
            greeting_interruptible=given.get("welcomeGreetingInterruptible", "any").lower(),
            preemptible=relay.flag("preemptible"),
            dtmf_detection=relay.flag("dtmfDetection"),
            partial_prompts=relay.flag("partialPrompts"),
            partial_on_hang_up=relay.flag("partialPromptOnHangup"),
            input_during_speech=given.get("reportInputDuringAgentSpeech", "none").lower(),
            ignore_backchannel=relay.flag("ignoreBackchannel"),
            reconnects=relay.flag("applicationReconnect"),
            events=frozenset(given.get("events", "").split()),
            hints=given.get("hints", ""),
        )

    @property
    def listens_while_speaking(self) -> bool:
        """Whether words are passed on that could not interrupt the agent."""
        return self.input_during_speech in ("any", "speech", "true")

    def ignores(self, text: str) -> bool:
        """True for a listener's noise such as `mhm` where the session is told to overhear it."""
        return self.ignore_backchannel and plain(text) in BACKCHANNEL

    def switch(self, frame: LanguageFrame) -> bool:
        """Future speech and transcription go on in other languages; True when the transcription changes."""
        self.tts_language = frame.tts_language or self.tts_language
        changed = frame.transcription_language not in (None, self.transcription_language)
        self.transcription_language = frame.transcription_language or self.transcription_language
        return changed

    def configure(self, frame: ConfigFrame) -> None:
        """Takes over what the message names. Source: Twilio's changelog of October 2026, `config`."""
        self.interruptible = _choice(frame.interruptible, self.interruptible)
        self.input_during_speech = _choice(frame.report_input_during_agent_speech, self.input_during_speech)
        self.preemptible = _kept(frame.preemptible, self.preemptible)
        self.dtmf_detection = _kept(frame.dtmf_detection, self.dtmf_detection)
        self.partial_prompts = _kept(frame.partial_prompts, self.partial_prompts)
        self.ignore_backchannel = _kept(frame.ignore_backchannel, self.ignore_backchannel)
        if isinstance(frame.hints, str):
            self.hints = frame.hints


def _kept(value: bool | msgspec.UnsetType, before: bool) -> bool:
    return before if isinstance(value, msgspec.UnsetType) else value


def _choice(value: bool | str | msgspec.UnsetType, before: str) -> str:
    """none, dtmf, speech or any; true and false mean any and none."""
    if isinstance(value, msgspec.UnsetType):
        return before
    if isinstance(value, bool):
        return "any" if value else "none"
    return value.lower()
