"""A caller who says nothing is asked whether they are there, and after the last question the call ends.

Twilio sends nothing while a caller is silent, so the time is ours to keep: one timer per call, looked at rather
than restarted, so that no word and no event costs anything.
"""

from __future__ import annotations

from relay_server.call_state import CallState, Leave, State
from shared.records import SilencePrompt

LOOK_AGAIN_S = 2.0
TIMER = "silence"
# Speech that should have ended this long ago has ended, whatever the last event says.
OVERDUE_S = 4.0


class Silence:
    """The silence of one call."""

    def __init__(self, call: CallState) -> None:
        self._call = call
        self._config = call.agent.silence
        self._since_s = 0.0
        self.asked = 0

    def begin(self) -> None:
        """The call has started."""
        self._since_s = self._call.now_s
        self._call.timer(TIMER, self._config.after_s)

    def broken(self) -> None:
        """The caller has said or pressed something."""
        self._since_s = self._call.now_s
        self.asked = 0

    def looked_at(self) -> None:
        """The timer has fired: asks if it has been silent for long enough, and looks again later."""
        call = self._call
        if call.state in {State.ENDING, State.ENDED}:
            return
        if self._somebody_is_busy():
            self._since_s = call.now_s
            call.timer(TIMER, LOOK_AGAIN_S)
            return
        estimated_s = call.ledger.sound_ends_at_s() if call.speakers.known else call.ledger.ends_at_s()
        since_s = max(self._since_s, call.speakers.quiet_since_s, estimated_s)
        left_s = since_s + self._config.after_s - call.now_s
        if left_s > 0.01:
            call.timer(TIMER, left_s)
        else:
            self._ask()

    def _somebody_is_busy(self) -> bool:
        call = self._call
        if call.state is not State.LISTENING or call.taken_over_by or call.leave is not None:
            return True
        return call.speakers.caller_speaks(call.now_s) or self._agent_speaks()

    def _agent_speaks(self) -> bool:
        """By Twilio's events while they can be true, by the usual speed of speech where there are none."""
        call = self._call
        overdue = call.now_s > call.ledger.ends_at_s() + OVERDUE_S
        if call.speakers.known:
            return call.speakers.agent_since_s is not None and not overdue
        return call.now_s < call.ledger.ends_at_s()

    def _ask(self) -> None:
        call = self._call
        if self.asked >= self._config.max_prompts:
            call.leave, call.leave_reason = Leave.SILENCE, "the caller is silent"
            return
        questions = call.language.still_there
        call.say_aside(questions[self.asked % len(questions)])
        self.asked += 1
        number = call.history.turns[-1].number if call.history.turns else 0
        call.write(SilencePrompt(call_sid=call.call_sid, turn=number, count=self.asked))
        self._since_s = max(call.now_s, call.ledger.ends_at_s())
        call.timer(TIMER, self._since_s - call.now_s + self._config.after_s)
