"""The silence that a slow tool makes is bridged by a short sentence in the caller's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay_server.call_state import CallState, State

if TYPE_CHECKING:
    from relay_server.answering import Answering

TIMER = "bridge"
# The caller hears something this long after speaking, whatever the model and its tools do.
SOMETHING_WITHIN_S = 3.5
NEXT_FILLER_S = 6.0
SOONEST_S = 0.05


class Bridge:
    """The fillers of one call. They are not preemptible: cutting one costs two seconds of silence (recorded)."""

    def __init__(self, call: CallState, answering: Answering) -> None:
        self._call = call
        self._answering = answering
        self._said = 0

    def build(self) -> None:
        """Tools begin, or a call of them is being written: the caller will hear something in time."""
        call, turn = self._call, self._call.history.current
        if turn.reply_text:
            call.timer(TIMER, call.ledger.remaining_s() + call.agent.filler.after_s)
            return
        left_s = SOMETHING_WITHIN_S - (call.now_s - turn.started_s)
        call.timer(TIMER, max(SOONEST_S, min(call.agent.filler.after_s, left_s)))

    def due(self) -> None:
        """The timer has fired: says a filler unless the turn has gone on meanwhile."""
        call, answering = self._call, self._answering
        if call.state is not State.ANSWERING or (answering.spoken and not answering.tools_running):
            return
        if not call.ledger.silent:  # what was said before is still being spoken
            call.timer(TIMER, call.ledger.remaining_s())
            return
        fillers = call.language.filler
        filler = fillers[self._said % len(fillers)]
        self._said += 1
        call.history.current.begin_stretch(call.ledger.sent)
        if not answering.tools_running:
            answering.say(f"{filler} ", of_model=False)  # the reply goes on behind it
            return
        answering.say(filler, of_model=False)
        answering.close_cycle()
        call.timer(TIMER, call.ledger.remaining_s() + NEXT_FILLER_S)
