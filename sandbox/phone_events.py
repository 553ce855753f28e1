"""What happens during a simulated call, as facts for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Connected:
    """A ConversationRelay session is up; `attempt` is above 1 after a reconnect. `languages` are declared."""

    call_sid: str
    session_id: str
    language: str
    attempt: int = 1
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstText:
    """The first words of the reply to what the caller said last arrived; `latency_ms` is real time."""

    latency_ms: float


@dataclass(frozen=True, slots=True)
class TextArrived:
    """The application sent text to speak; `last` closes its talk cycle. It is heard later, or never."""

    text: str
    last: bool = False
    language: str | None = None


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """A piece of the agent's speech was heard; `cut` when the caller, or a new message, broke it off."""

    text: str
    cut: bool = False
    language: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AgentInterrupted:
    """The application was told of an interruption: what was heard of the current piece."""

    heard: str
    heard_ms: int


@dataclass(frozen=True, slots=True)
class Speaking:
    """The agent or the caller begins or stops to speak."""

    who: Literal["agent", "caller"]
    on: bool


@dataclass(frozen=True, slots=True)
class AgentSilent:
    """The agent has finished speaking for now."""


@dataclass(frozen=True, slots=True)
class TonesPlayed:
    """The application pressed keys on the line."""

    digits: str


@dataclass(frozen=True, slots=True)
class SoundPlayed:
    """The application played a file."""

    source: str


@dataclass(frozen=True, slots=True)
class LanguageChanged:
    """Transcription goes on in another language."""

    code: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling that is no error: a key without effect, a lost connection, a bad frame."""

    text: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """The application's answer hands the caller over to a number or a queue; `task` is what the queue is told."""

    target: str
    task: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over: `by` is caller, agent or failed."""

    by: str
    detail: str = ""


CallEvent = (
    Connected
    | FirstText
    | TextArrived
    | AgentSpoke
    | AgentInterrupted
    | Speaking
    | AgentSilent
    | TonesPlayed
    | SoundPlayed
    | LanguageChanged
    | Notice
    | Transferred
    | CallEnded
)
