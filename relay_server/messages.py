"""ConversationRelay's frames: tolerant in, strict out. Source: Twilio's message reference and recorded calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec


class Frame(msgspec.Struct, tag_field="type", rename="camel"):
    """A frame that Twilio sends; unknown fields are ignored."""


class Setup(Frame, tag="setup"):
    """The first frame of every socket. Addresses may be E.164, `client:…` or `sip:…`; others' SIDs differ."""

    session_id: str
    call_sid: Annotated[str, msgspec.Meta(min_length=1)]
    account_sid: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    direction: str = "inbound"
    call_type: str = ""
    call_status: str = ""
    custom_parameters: dict[str, str] = {}

    @property
    def outbound(self) -> bool:
        """`outbound-api` and `OUTBOUND` count; compare by prefix, as values differ between sources."""
        return self.direction.lower().startswith("outbound")


class Prompt(Frame, tag="prompt"):
    """What the caller said; `last` false marks a partial, which repeats the whole utterance so far."""

    voice_prompt: str | None = None
    lang: str | None = None
    last: bool = True


class Dtmf(Frame, tag="dtmf"):
    """One key."""

    digit: str


class Interrupt(Frame, tag="interrupt"):
    """The caller spoke over the agent; the text is what was played of the current chunk only."""

    utterance_until_interrupt: str | None = None
    duration_until_interrupt_ms: float | str | None = None


class Info(Frame, tag="info"):
    """Speaker events and played text, as subscribed with `events`."""

    name: str = ""
    value: object = None


class RelayError(Frame, tag="error"):
    """Twilio did not take a frame of ours; the session goes on."""

    description: str = ""


Inbound = Setup | Prompt | Dtmf | Interrupt | Info | RelayError


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame that is none of the above: an unknown type, missing fields, or no JSON at all."""

    reason: str


_decoder: msgspec.json.Decoder[Inbound] = msgspec.json.Decoder(Inbound, strict=False)


def decode_frame(text: str | bytes) -> Inbound | Unreadable:
    """The frame as a typed value; never raises for what the other side sends."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        return Unreadable(str(error) or type(error).__name__)


class TextOut(msgspec.Struct, tag_field="type", tag="text", frozen=True):
    """Text to speak; `last` closes the talk cycle."""

    token: str
    last: bool = False


class LanguageOut(msgspec.Struct, tag_field="type", tag="language", rename="camel", frozen=True):
    """The language of speech and transcription from now on."""

    tts_language: str
    transcription_language: str


class EndOut(msgspec.Struct, tag_field="type", tag="end", rename="camel", frozen=True, omit_defaults=True):
    """The end of the session; `handoff_data` must be a string."""

    handoff_data: str = ""


Outbound = TextOut | LanguageOut | EndOut
_encode = msgspec.json.Encoder().encode


def encode_frame(frame: Outbound) -> str:
    """The frame as Twilio takes it."""
    return _encode(frame).decode()
