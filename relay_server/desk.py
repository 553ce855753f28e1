"""What operators do in a call: they speak in it, whisper to the model, take it over, give it back, send it on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from relay_server import facts as f
from relay_server.answering import Answering
from relay_server.call_state import CallState, Leave, State
from relay_server.messages import DigitsOut, PlayOut, TextOut
from relay_server.turns import Cycle
from relay_server.waiting import Words
from shared.records import OperatorAction

BACKLOG = 20


class Desk:
    """The operators' side of one call. While one has taken it over the model is silent."""

    def __init__(self, call: CallState, answering: Answering, leave: Callable[[Leave, str], None]) -> None:
        self._call = call
        self._answering = answering
        self._leave = leave
        self._backlog: deque[f.OperatorSpoke] = deque()

    @property
    def handlers(self) -> dict[type, Callable[[Any], None]]:
        """What the session does with each of an operator's facts."""
        return {
            f.OperatorSpoke: self._spoke,
            f.OperatorWhispered: self._whispered,
            f.OperatorTookOver: self._took_over,
            f.OperatorReleased: self._released,
            f.OperatorTransferred: self._transferred,
            f.EndRequested: self._end_requested,
        }

    @property
    def full(self) -> bool:
        """True when as many sentences wait for the model's reply to end as may."""
        return len(self._backlog) >= BACKLOG

    def caller_said(self, words: Words) -> None:
        """Keeps what the caller said to the operator; the model reads it later and is not asked now."""
        self._call.open_turn(words.source, words.text, outcome="completed")
        self._call.write_turn()

    def speak_backlog(self) -> None:
        """Says what waited while the model was answering."""
        while self._backlog and self._call.state is State.LISTENING:
            self._speak(self._backlog.popleft())

    # ---- actions ----

    def _spoke(self, fact: f.OperatorSpoke) -> None:
        if self._call.state is State.ENDING:
            return
        self._note(fact.actor, "say", fact.text or fact.digits or fact.play)
        if self._call.state is not State.ANSWERING:
            self._speak(fact)
        elif not self.full:  # in the middle of the model's sentence it would be heard as part of it
            self._backlog.append(fact)

    def _whispered(self, fact: f.OperatorWhispered) -> None:
        self._note(fact.actor, "whisper", fact.text)

    def _took_over(self, fact: f.OperatorTookOver) -> None:
        if self._call.state is State.ANSWERING:
            self._answering.cancel()
        self._note(fact.actor, "takeover")

    def _released(self, fact: f.OperatorReleased) -> None:
        """Gives the call back to the model, which answers what the caller said last if nobody has yet."""
        call = self._call
        if not call.desk.taken_over_by:
            return
        self._note(fact.actor, "release")
        turns = call.history.turns
        if call.state is State.LISTENING and turns and turns[-1].input != "operator" and not turns[-1].reply_text:
            self._answering.start("operator", "")

    def _transferred(self, fact: f.OperatorTransferred) -> None:
        self._note(fact.actor, "transfer", fact.to or fact.reason)
        self._call.leave_to = fact.to
        self._leave(Leave.HANDOFF, fact.reason)

    def _end_requested(self, fact: f.EndRequested) -> None:
        self._note(fact.actor, "end")
        self._leave(Leave.OPERATOR, "")

    # ---- speech ----

    def _speak(self, fact: f.OperatorSpoke) -> None:
        """Puts the operator's words, keys or sound into Twilio's queue; spoken words are a turn of their own."""
        call = self._call
        if fact.play:
            call.ledger.play(fact.play_s, call.now_s)
            call.send(PlayOut(fact.play))
        elif fact.digits:
            call.ledger.send(fact.digits, call.now_s)  # Twilio reports them as played, like text
            call.send(DigitsOut(fact.digits))
        else:
            turn = call.open_turn("operator", "", outcome="completed")
            turn.cycles.append(Cycle(call.ledger.sent, text=fact.text))
            turn.mark("first_text_ms", call.now_s)
            call.ledger.send(fact.text, call.now_s)
            given: dict[str, Any] = {"lang": fact.lang} if fact.lang else {}
            if fact.interruptible is not None:
                given["interruptible"] = fact.interruptible
            call.send(TextOut(fact.text, **given))
            call.send(TextOut("", last=True))
            call.write_turn(turn)

    def _note(self, actor: str, action: str, detail: str = "") -> None:
        self._call.desk.apply(actor, action, detail)
        self._call.write(OperatorAction(call_sid=self._call.call_sid, actor=actor, action=action, detail=detail))
