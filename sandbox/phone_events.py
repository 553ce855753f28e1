"""What happens during a simulated call, as facts for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """A ConversationRelay session is up; `attempt` is above 1 after a reconnect."""

    call_sid: str
    session_id: str
    language: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class FirstText:
    """The first words of the reply to what the caller said last arrived; `latency_ms` is real time."""

    latency_ms: float


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """A piece of the agent's speech was heard; `cut` when the caller, or a new message, broke it off."""

    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class AgentSilent:
    """The agent has finished speaking for now."""


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
    """The application's answer hands the caller over to a number or a queue."""

    target: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The call is over: `by` is caller, agent or failed."""

    by: str
    detail: str = ""


CallEvent = Connected | FirstText | AgentSpoke | AgentSilent | LanguageChanged | Notice | Transferred | CallEnded
