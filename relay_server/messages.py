"""ConversationRelay's frames: tolerant in, strict out. Source: Twilio's message reference and recorded calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

SHOWN_CHARACTERS = 80

# ---- in ----


class Frame(msgspec.Struct, tag_field="type", rename="camel"):
    """A frame that Twilio sends; unknown fields are ignored."""


class Setup(Frame, tag="setup"):
    """The first frame of every socket. Addresses may be E.164, `client:…` or `sip:…`; others' SIDs differ."""

    session_id: str
    call_sid: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[!-~]+\Z")]
    account_sid: str = ""
    parent_call_sid: str = ""
    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    forwarded_from: str = ""
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
    """Speaker events and played text, as subscribed with `events`; older sessions call the type `debug`."""

    name: str = ""
    value: object = None


class RelayError(Frame, tag="error"):
    """Twilio did not take a frame of ours; the session goes on."""

    description: str = ""


class ConfigUpdated(Frame, tag="configUpdated"):
    """Twilio has applied a `config`; what it carries is not documented."""


Inbound = Setup | Prompt | Dtmf | Interrupt | Info | RelayError | ConfigUpdated
KINDS: dict[str, type[Frame]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Inbound)}
_ALIASES = {"debug": "info"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A frame that is none of the above; `why` is a metric's label: unknown type, invalid fields, malformed."""

    why: Literal["unknown", "invalid", "malformed"]
    detail: str


_decoder: msgspec.json.Decoder[Inbound] = msgspec.json.Decoder(Inbound, strict=False)


def decode_frame(text: str | bytes) -> Inbound | Unreadable:
    """The frame as a typed value; never raises for what the other side sends."""
    try:
        try:
            return _decoder.decode(text)
        except msgspec.ValidationError:
            return _mended(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return Unreadable("malformed", str(error) or type(error).__name__)


def _mended(text: str | bytes) -> Inbound | Unreadable:
    """The frame without the fields of it that are not of their type: a null or a number must not cost a call."""
    fields = msgspec.json.decode(text)
    if not isinstance(fields, dict):
        return Unreadable("malformed", "not an object")
    name = str(fields.get("type", ""))[:SHOWN_CHARACTERS]
    kind = KINDS.get(_ALIASES.get(name, name))
    if kind is None:
        return Unreadable("unknown", name)
    known = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    kept = {key: value for key, value in _texts(fields).items() if key in known and _fits(value, known[key])}
    try:
        frame: Any = msgspec.convert({**kept, "type": kind.__struct_config__.tag}, kind, strict=False)
    except msgspec.ValidationError as error:
        return Unreadable("invalid", f"{name}: {error}")
    return frame  # type: ignore[no-any-return]


def _texts(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with custom parameters as text, which is what TwiML makes of them."""
    given = fields.get("customParameters")
    if not isinstance(given, dict):
        return fields
    texts = {key: value if isinstance(value, str) else str(value) for key, value in given.items()}
    return {**fields, "customParameters": texts}


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return False
    return True


# ---- out: what Twilio would refuse with error 64107 raises ValueError before it is sent ----

DIGITS = re.compile(r"[0-9w#*]+")
PLAYS_AT_MOST = 1000


class TextOut(msgspec.Struct, tag_field="type", tag="text", frozen=True):
    """Text to speak; `last` closes the talk cycle. `preemptible` text may be cut by the next message."""

    token: str
    last: bool = False
    lang: str | UnsetType = UNSET
    interruptible: bool | UnsetType = UNSET
    preemptible: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.lang == "":
            raise ValueError("a language must be named, or left out")


class PlayOut(msgspec.Struct, tag_field="type", tag="play", frozen=True):
    """Media to play in its turn; Twilio takes a loop of 0 for a thousand, so it must be said."""

    source: str
    loop: int = 1
    preemptible: bool | UnsetType = UNSET
    interruptible: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        if urlsplit(self.source).scheme not in {"https", "http"}:
            raise ValueError("source must be a web address")
        if not 1 <= self.loop <= PLAYS_AT_MOST:
            raise ValueError(f"loop must be 1 to {PLAYS_AT_MOST}")


class DigitsOut(msgspec.Struct, tag_field="type", tag="sendDigits", frozen=True):
    """Keys to press in their turn; `w` waits for half a second."""

    digits: str

    def __post_init__(self) -> None:
        if not DIGITS.fullmatch(self.digits):
            raise ValueError("digits may be 0-9, w, # and * only")


class LanguageOut(msgspec.Struct, tag_field="type", tag="language", rename="camel", frozen=True):
    """The language of speech and transcription from now on."""

    tts_language: str
    transcription_language: str

    def __post_init__(self) -> None:
        if not (self.tts_language and self.transcription_language):
            raise ValueError("both languages must be named")


class EndOut(msgspec.Struct, tag_field="type", tag="end", rename="camel", frozen=True, omit_defaults=True):
    """The end of the session; `handoff_data` must be a string."""

    handoff_data: str = ""


class HintsOut(msgspec.Struct, tag_field="type", tag="hints", frozen=True):
    """Words to expect from now on, separated by commas."""

    hints: str


@dataclass(frozen=True, slots=True)
class ConfigOut:
    """Settings of the running session, by Twilio's names."""

    settings: dict[str, Any]

    def __post_init__(self) -> None:
        if not self.settings or "type" in self.settings:
            raise ValueError("a config needs settings, and none of them may be called type")


Outbound = TextOut | PlayOut | DigitsOut | LanguageOut | EndOut | HintsOut | ConfigOut
_encode = msgspec.json.Encoder().encode


def encode_frame(frame: Outbound) -> str:
    """The frame as Twilio takes it. Half a surrogate pair becomes U+FFFD: Twilio takes UTF-8 only."""
    if isinstance(frame, ConfigOut):
        return _encode({"type": "config", **frame.settings}).decode()
    try:
        return _encode(frame).decode()
    except UnicodeEncodeError:
        whole = {
            k: v.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(v, str) else v
            for k, v in msgspec.to_builtins(frame).items()
        }
        return _encode(whole).decode()
