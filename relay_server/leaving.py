"""Ending a call from our side: the last words are spoken first, then Twilio is told, then it closes the socket."""

from __future__ import annotations

import msgspec

from relay_server.call_state import CallState, Leave, State
from relay_server.messages import EndOut, TextOut
from shared.records import Handoff

END_GRACE_S = 2.0
AFTER_LAST_WORD_S = 1.0
CLOSE_GRACE_S = 5.0
REASON_CODES = {
    Leave.END: "call-ended",
    Leave.HANDOFF: "live-agent-handoff",
    Leave.SILENCE: "unresponsive",
    Leave.LIMIT: "limit-reached",
    Leave.SHUTDOWN: "shutdown",
    Leave.OPERATOR: "operator-ended",
}


class Leaving:
    """The way out of one call, begun when nothing is being generated any more."""

    def __init__(self, call: CallState) -> None:
        self._call = call

    @property
    def nothing_left_to_say(self) -> bool:
        return self._call.state is State.ENDING and self._call.ledger.silent

    def begin(self) -> None:
        """Speaks the farewell unless the agent just said one, and waits until it is heard."""
        call = self._call
        call.state = State.ENDING
        call.ledger.settle(call.now_s)
        farewells = {
            Leave.END: call.language.goodbye,
            Leave.HANDOFF: call.language.handoff,
            Leave.SILENCE: call.language.silence_goodbye,
            Leave.LIMIT: call.language.limit_reached,
        }
        if call.leave in farewells and not self._took_leave():
            self._say(farewells[call.leave])
        if call.ledger.silent or call.leave is Leave.OPERATOR:
            self.end()
        else:
            call.timer("ending", call.ledger.remaining_s() + END_GRACE_S)

    def played(self) -> None:
        """The last word was reported as spoken; Twilio usually says right after that it is silent."""
        self._call.timer("ending", AFTER_LAST_WORD_S)

    def end(self) -> None:
        """Sends `end`. Twilio closes the socket: closing first may turn the session into a failed one."""
        call = self._call
        leave = call.leave or Leave.END
        data = {
            "reasonCode": REASON_CODES[leave],
            "reason": call.leave_reason,
            "callSid": call.call_sid,
            "language": call.language.code,
        }
        if call.leave_to:  # comes back in the signed form of `/voice/ended`
            data["to"] = call.leave_to
        call.state = State.ENDED
        call.send(EndOut(msgspec.json.encode(data).decode()))
        if leave is Leave.HANDOFF:
            number = call.history.turns[-1].number if call.history.turns else 0
            call.write(Handoff(call_sid=call.call_sid, turn=number, reason=call.leave_reason, data=dict(data)))
        call.timer("close", CLOSE_GRACE_S)

    def _took_leave(self) -> bool:
        """True when the reply that called the tool had words of its own."""
        turns = self._call.history.turns
        asked_to = self._call.leave in {Leave.END, Leave.HANDOFF}
        return bool(asked_to and turns and turns[-1].reply_text and turns[-1].cycle.tool_calls)

    def _say(self, words: str) -> None:
        self._call.ledger.send(words, self._call.now_s)
        self._call.send(TextOut(words))
        self._call.send(TextOut("", last=True))
