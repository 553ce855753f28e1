"""TwiML as the simulated phone company understands it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

DEFAULT_LANGUAGE = "en-US"


class BadTwiml(Exception):
    """The answer is not TwiML; Twilio would say `Document parse failure` (12100) and hang up."""


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    length_s: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """Also a refusal before the call is answered (`Reject`)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str


@dataclass(frozen=True, slots=True)
class Play:
    """A file; what it sounds like is of no matter here."""

    url: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """The caller goes to someone else: a dialled number or a queue, whose `task` is what TaskRouter is told.

    `action` is told how that went; without one the call goes on with the next verb.
    """

    target: str
    kind: Literal["dial", "enqueue"] = "dial"
    task: str = ""
    action: str | None = None


@dataclass(frozen=True, slots=True)
class Gather:
    """Waits for keys or words and tells them to `action`; nothing within `timeout_s`: the next verb."""

    action: str | None
    timeout_s: float = 5.0
    num_digits: int | None = None
    finish_on_key: str = "#"
    by_keys: bool = True
    by_speech: bool = False
    prompts: tuple[Verb, ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    """`Connect` with a ConversationRelay; `attributes` are as written."""

    url: str
    action: str | None
    attributes: dict[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> tuple[str, ...]:
        """Every language code the session may use, the default first."""
        own = [self.attributes.get(name) for name in ("language", "transcriptionLanguage", "ttsLanguage")]
        codes = [code for code in own if code] or [DEFAULT_LANGUAGE]
        return tuple(dict.fromkeys([*codes, *self.languages]))

    @property
    def transcription_language(self) -> str:
        return self.attributes.get("transcriptionLanguage") or self.attributes.get("language") or DEFAULT_LANGUAGE

    def flag(self, name: str) -> bool:
        return self.attributes.get(name, "false").lower() == "true"


Verb = Say | Play | Pause | Hangup | Redirect | Transfer | Gather | Relay


def read_twiml(text: str) -> list[Verb]:
    """The verbs in order; those that say nothing to a simulated call are left out, and an empty answer has none.

    Raises BadTwiml.
    """
    if not text.strip():
        return []
    try:
        root = ET.fromstring(text)  # noqa: S314 - our own service's answer, and expat bounds expansion
    except ET.ParseError as error:
        raise BadTwiml(f"the answer is not XML: {error}") from error
    if root.tag != "Response":
        raise BadTwiml(f"the answer is <{root.tag}> and not <Response>")
    return [verb for element in root for verb in _verbs(element)]


def _verbs(element: ET.Element) -> Iterator[Verb]:
    text = (element.text or "").strip()
    match element.tag:
        case "Say":
            yield Say(text)
        case "Pause":
            yield Pause(_number(element, "length", 1))
        case "Play":
            yield Play(text)
        case "Hangup":
            yield Hangup()
        case "Reject":
            yield Hangup(element.get("reason", "rejected"))
        case "Redirect":
            yield Redirect(text)
        case "Dial":
            yield Transfer("".join(element.itertext()).strip(), action=element.get("action"))
        case "Enqueue":
            yield _enqueue(element)
        case "Gather":
            yield _gather(element)
        case "Connect":
            for relay in element.findall("ConversationRelay"):
                yield _relay(element, relay)


def _enqueue(element: ET.Element) -> Transfer:
    """A queue by name, or a workflow with the task for it."""
    task = element.find("Task")
    queue = (element.text or "").strip() or element.get("workflowSid", "queue")
    words = "" if task is None else (task.text or "").strip()
    return Transfer(queue, "enqueue", words, element.get("action"))


def _gather(element: ET.Element) -> Gather:
    inputs = element.get("input", "dtmf").split()
    digits = element.get("numDigits")
    return Gather(
        action=element.get("action"),
        timeout_s=_number(element, "timeout", 5),
        num_digits=int(digits) if digits and digits.isdigit() else None,
        finish_on_key=element.get("finishOnKey", "#"),
        by_keys="dtmf" in inputs,
        by_speech="speech" in inputs,
        prompts=tuple(verb for inner in element for verb in _verbs(inner)),
    )


def _number(element: ET.Element, name: str, default: float) -> float:
    """An attribute in seconds; like Twilio, what cannot be read is the default."""
    try:
        return max(0.0, float(element.get(name, default)))
    except ValueError:
        return float(default)


def _relay(connect: ET.Element, relay: ET.Element) -> Relay:
    if not relay.get("url", "").startswith(("wss://", "ws://")):
        raise BadTwiml("ConversationRelay needs a url that begins with wss:// (or ws:// on this machine)")
    return Relay(
        url=relay.get("url", ""),
        action=connect.get("action"),
        attributes={name: value for name, value in relay.attrib.items() if name != "url"},
        languages=tuple(code for e in relay.findall("Language") if (code := e.get("code"))),
        parameters={e.get("name", ""): e.get("value", "") for e in relay.findall("Parameter")},
    )
