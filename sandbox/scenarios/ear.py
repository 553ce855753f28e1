"""What has happened on a simulated call since its last turn began: the facts that expectations are judged by."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from sandbox.phone_events import (
    AgentInterrupted,
    AgentSpoke,
    CallEnded,
    CallEvent,
    Connected,
    FirstText,
    LanguageChanged,
    Speaking,
    TextArrived,
    Transferred,
)

SENTENCE_END = re.compile(r"[.!?…][\"'»”)]*(?=\s|$)")


@dataclass(slots=True)
class Facts:
    """One turn's facts. Times are milliseconds of real time since the caller's act; `text` is what was sent."""

    began_s: float = field(default_factory=time.monotonic)
    text: str = ""
    heard: str = ""
    first_text_ms: float | None = None
    latest_text_ms: float | None = None
    interrupted_ms: float | None = None
    transferred: str | None = None
    transferred_ms: float | None = None
    language_ms: dict[str, float] = field(default_factory=dict)
    resumed_ms: float | None = None
    ended_by: str | None = None
    ended_ms: float | None = None

    def now_ms(self) -> float:
        return (time.monotonic() - self.began_s) * 1000


class Ear:
    """Hears every event of a call."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.resumed = 0
        self.languages: list[str] = []
        self.speaks_since_s: float | None = None
        self.sentences_heard = 0
        self.sentences_over = 0  # those of the longest speech that came and went since the turn began
        self.detail = ""

    def begin_turn(self) -> Facts:
        """New facts, from the caller's act on."""
        self.facts = Facts()
        self.sentences_over = 0
        return self.facts

    def happened(self, event: CallEvent) -> None:
        facts = self.facts
        match event:
            case TextArrived() if event.text.strip():
                facts.text += event.text
                facts.latest_text_ms = facts.now_ms()
            case TextArrived():
                facts.text += event.text
            case FirstText():
                facts.first_text_ms = event.latency_ms
            case AgentSpoke():
                facts.heard += event.text
                self.sentences_heard += len(SENTENCE_END.findall(event.text.strip())) if not event.cut else 0
            case Speaking(who="agent"):
                self.speaks_since_s = time.monotonic() if event.on else None
                self.sentences_over = max(self.sentences_over, self.sentences_heard)
                self.sentences_heard = 0
            case AgentInterrupted():
                facts.interrupted_ms = facts.now_ms()
            case LanguageChanged():
                facts.language_ms[event.code] = facts.now_ms()
                self._heard_in(event.code)
            case Connected():
                self._heard_in(event.language)
                if event.attempt > 1:
                    self.resumed += 1
                    facts.resumed_ms = facts.now_ms()
            case Transferred():
                facts.transferred, facts.transferred_ms = event.target, facts.now_ms()
            case CallEnded():
                facts.ended_by, facts.ended_ms, self.detail = event.by, facts.now_ms(), event.detail
            case _:
                pass

    def _heard_in(self, language: str) -> None:
        """The languages that the caller was listened to in, in the order of their first use."""
        if language not in self.languages:
            self.languages.append(language)
