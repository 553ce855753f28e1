"""ConversationRelay's frames: what the application may send, and what Twilio sends.

Source: Twilio ConversationRelay WebSocket messages, and recorded live calls.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

DIGITS = re.compile(r"[0-9w#*]+")
INVALID_MESSAGE = 64107


class InvalidFrame(Exception):
    """The application sent something that Twilio answers with error 64107."""


class FromApp(msgspec.Struct, tag_field="type", rename="camel"):
    """A frame from the application."""


class TextFrame(FromApp, tag="text"):
    token: str
    last: bool = False
    lang: str | None = None
    interruptible: bool | str | None = None
    preemptible: bool | None = None


class PlayFrame(FromApp, tag="play"):
    source: str
    loop: int = 1
    preemptible: bool = False
    interruptible: bool | str | None = None


class SendDigitsFrame(FromApp, tag="sendDigits"):
    digits: str

    def __post_init__(self) -> None:
        if not DIGITS.fullmatch(self.digits):
            raise ValueError("digits may be 0-9, w, # and * only")


class LanguageFrame(FromApp, tag="language"):
    tts_language: str | None = None
    transcription_language: str | None = None

    def __post_init__(self) -> None:
        if self.tts_language is None and self.transcription_language is None:
            raise ValueError("ttsLanguage or transcriptionLanguage is needed")


class EndFrame(FromApp, tag="end"):
    handoff_data: str | None = None


class ConfigFrame(FromApp, tag="config"):
    """Session settings to change; what the simulated line does not know of is accepted without effect."""

    interruptible: bool | str | msgspec.UnsetType = msgspec.UNSET
    report_input_during_agent_speech: bool | str | msgspec.UnsetType = msgspec.UNSET
    preemptible: bool | msgspec.UnsetType = msgspec.UNSET
    dtmf_detection: bool | msgspec.UnsetType = msgspec.UNSET
    partial_prompts: bool | msgspec.UnsetType = msgspec.UNSET
    ignore_backchannel: bool | msgspec.UnsetType = msgspec.UNSET
    hints: str | msgspec.UnsetType = msgspec.UNSET


class HintsFrame(FromApp, tag="hints"):
    """Words to expect, in a comma list; a simulated caller is understood without them."""

    hints: str | msgspec.UnsetType = msgspec.UNSET


AppFrame = TextFrame | PlayFrame | SendDigitsFrame | LanguageFrame | EndFrame | ConfigFrame | HintsFrame
_decoder: msgspec.json.Decoder[AppFrame] = msgspec.json.Decoder(AppFrame)


def read_frame(data: str | bytes) -> AppFrame:
    """The frame. Raises InvalidFrame for anything that Twilio would not process."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidFrame(str(error)) from error


def write_frame(type_: str, **fields: Any) -> str:
    """A frame to the application as text."""
    return msgspec.json.encode({"type": type_, **fields}).decode()


def error_frame(data: str | bytes) -> str:
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return write_frame("error", description=f"Invalid message received, code: {INVALID_MESSAGE}, {text}")


def config_updated_frame() -> str:
    """Answers a `config` or `hints` message once it is applied."""
    return write_frame("configUpdated")


def info_frame(name: str, value: str) -> str:
    return write_frame("info", name=name, value=value)
