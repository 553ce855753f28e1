"""What the caller heard of each turn, as Twilio reports it: the history and the journal keep only that."""

from __future__ import annotations

from relay_server.answering import Answering
from relay_server.call_state import CallState, State
from relay_server.facts import Heard
from relay_server.turns import LiveTurn

# A process that dies costs at most the knowledge of what was heard in this time.
PLAYING_EVERY_S = 2.0


class Hearing:
    """The hearing side of a call: moves the ledger and settles turns."""

    def __init__(self, call: CallState, answering: Answering) -> None:
        self._call = call
        self._answering = answering

    def played(self, fragment: str) -> None:
        """Twilio has spoken this."""
        self._call.ledger.played(fragment, self._call.now_s)
        self._note()

    def fell_silent(self) -> None:
        """Twilio has stopped speaking."""
        before = self._call.ledger.heard
        self._call.ledger.fell_silent()
        if self._call.ledger.heard != before:
            self._note()

    def interrupted(self, fragment: str, limit: int | None) -> int:
        """Cuts what was sent before `limit` (None: all) to what was heard; the offset up to which it was dropped.

        A reply that is still generated is cancelled.
        """
        call = self._call
        cut = call.ledger.interrupted(fragment, call.now_s, limit)
        dropped_to = call.ledger.sent if limit is None else limit
        call.history.settle_spoken(cut, dropped_to=dropped_to)
        current = call.history.current if call.state is State.ANSWERING else None
        for turn in call.history.unsettled():
            if turn.cycles and turn.cycles[0].start < dropped_to and turn.reply_text:
                self._cut(turn, cut, running=turn is current)
        return dropped_to

    def finish(self) -> None:
        """The socket is gone: what was heard by now is all."""
        call = self._call
        call.ledger.finish(call.now_s)
        for turn in call.history.unsettled():
            if turn.outcome == "open":  # its answer was not heard, and the call may come back to it
                continue
            for cycle in turn.cycles:
                cycle.settle(call.ledger.heard, final=True)
            call.write_settled(turn, "played" if call.ledger.reports else "estimated")

    def _note(self) -> None:
        """Moves what was heard along with the ledger; a turn that is wholly settled is journalled again."""
        call = self._call
        call.history.settle_spoken(call.ledger.heard)
        for turn in call.history.unsettled():
            closed = turn.cycles if turn.outcome != "open" else turn.cycles[:-1]
            for cycle in closed:
                cycle.settle(call.ledger.heard, final=False)
            call.out.append(Heard(turn.number, turn.heard_so_far(call.ledger.heard)))
            if turn.outcome != "open" and turn.settled:
                call.write_settled(turn, "played")
            elif turn.reply_text and call.now_s - turn.journalled_s >= PLAYING_EVERY_S:
                self._note_playing(turn)

    def _note_playing(self, turn: LiveTurn) -> None:
        heard_text = turn.heard_so_far(self._call.ledger.heard)
        if heard_text != turn.journalled:
            turn.journalled, turn.journalled_s = heard_text, self._call.now_s
            self._call.write_playing(turn)

    def _cut(self, turn: LiveTurn, cut: int, *, running: bool) -> None:
        """Twilio has dropped a reply's speech: only what was heard stays, and a running reply is cancelled."""
        for cycle in turn.cycles:
            if cycle.text or not running:  # a running reply without text yet is still to be spoken
                cycle.settle(cut, final=True)
        turn.interrupted = turn.interrupted or running or len(turn.heard_text) < len(turn.reply_text.rstrip())
        if turn.interrupted:
            turn.heard_source = "interrupt"
        if not running:
            turn.outcome = "interrupted" if turn.interrupted and turn.outcome == "completed" else turn.outcome
            self._call.write_settled(turn, "played")
        elif turn.cycle.text and not self._answering.tools_running:
            self._answering.cancel()  # with a tool running the turn goes on: its result is kept
