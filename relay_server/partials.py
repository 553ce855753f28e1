"""Partial prompts: what the caller is saying so far. They start no turn; they tell that one is coming."""

from __future__ import annotations

from dataclasses import dataclass

from relay_server.call_state import CallState
from relay_server.facts import WarmUp

TIMER = "partial"
# A final that still comes after its partial was taken for it follows within this time.
LATE_FINAL_S = 10.0


@dataclass(slots=True)
class Partial:
    """An utterance so far, which repeats all of it."""

    text: str
    lang: str


class Partials:
    """The utterance that is being transcribed."""

    def __init__(self, call: CallState) -> None:
        self._call = call
        self._open: Partial | None = None
        self._taken = ""
        self._taken_s = 0.0

    def heard(self, text: str, lang: str) -> None:
        """A partial has come: the model's connection is made ready, and the final is waited for."""
        if self._open is None:
            self._call.out.append(WarmUp())
        self._open = Partial(text, lang)
        self._call.timer(TIMER, self._call.agent.conversation.partial_timeout)

    def final(self, text: str) -> str:
        """The final has come: the words that were not taken yet, "" when all of them were."""
        self._open = None
        taken, self._taken = self._taken, ""
        if taken and self._call.now_s - self._taken_s < LATE_FINAL_S and text.startswith(taken):
            return text[len(taken) :].strip()
        return text

    def overdue(self) -> Partial | None:
        """The partial whose final has not come in time; None while the caller still speaks, or when it came."""
        call, partial = self._call, self._open
        if partial is None:
            return None
        if call.speakers.caller_speaks(call.now_s):
            call.timer(TIMER, call.agent.conversation.partial_timeout)
            return None
        self._open, self._taken, self._taken_s = None, partial.text, call.now_s
        return partial
