"""The first moments of a call: who is on the line, what was said before the line broke, and the greeting."""

from __future__ import annotations

from relay_server import facts as f
from relay_server.answering import Answering
from relay_server.call_state import CallState, State
from relay_server.messages import ConfigOut, Setup
from relay_server.turns import Cycle, closed_turn
from shared import records as r

TIME_TIMER = "time"
# What was asked longer ago than this is not answered out of the blue.
TAKEN_UP_WITHIN_S = 120.0


class Opening:
    """Opens one call, new or come back."""

    def __init__(self, call: CallState, answering: Answering) -> None:
        self._call = call
        self._answering = answering
        self._before: f.Resumed | None = None
        self.started_s = 0.0

    def resumed(self, fact: f.Resumed) -> None:
        """Told before `setup`: this call was here before."""
        self._before = fact
        self._call.history.restore(fact.turns)
        self._call.language = self._call.agent.language(fact.language)
        self._call.desk = fact.desk
        self._call.entries = dict(fact.entries)
        self._call.persona = self._call.agent.persona(fact.persona).name
        self._call.tokens = sum(turn.usage.get("total_tokens", 0) for turn in fact.turns)
        self._call.tool_calls = sum(len(turn.tools) for turn in fact.turns)

    def begin(self, fact: Setup) -> None:
        """The first frame: greets, asks who this is, and goes on with what was left open."""
        call, before = self._call, self._before
        call.state = State.LISTENING
        call.call_sid, call.caller = fact.call_sid, fact.from_
        call.customer = fact.to if fact.outbound else fact.from_
        self.started_s = call.now_s - (before.elapsed_s if before else 0.0)
        if before is None:
            call.language = call.agent.language(fact.custom_parameters.get("language", call.language.code))
        greeting = call.language.opening(resumed=before is not None, outbound=fact.outbound)
        call.history.greeting = Cycle(0, text=greeting)  # Twilio speaks it by itself, in front of everything else
        call.ledger.send(greeting, call.now_s)
        call.write(self._record(fact))
        if call.agent.telephony.config:
            call.send(ConfigOut(dict(call.agent.telephony.config)))
        call.out.append(f.WarmUp())
        call.out.append(f.LookUpCustomer(call.customer))
        call.timer(TIME_TIMER, max(1.0, call.agent.limits.max_seconds - (call.now_s - self.started_s)))
        if before is not None:
            self._go_on_with(before)

    def _go_on_with(self, before: f.Resumed) -> None:
        """Answers the caller's last words if the process died over them; what else was left open is closed."""
        lately = bool(before.turns) and (r.utc_now() - before.turns[-1].at).total_seconds() < TAKEN_UP_WITHIN_S
        may_answer = lately and not self._call.taken_over_by
        taken_up = self._call.history.reopen() if may_answer else None
        for turn in before.turns:
            if turn.outcome == "open" and (taken_up is None or turn.turn != taken_up.number):
                self._call.write(closed_turn(turn))
        if taken_up is not None:
            self._answering.take_up(taken_up)

    def _record(self, fact: Setup) -> r.CallRecord:
        call = self._call
        if self._before is not None:
            resumes = self._before.resumes + 1
            return r.CallResumed(call_sid=fact.call_sid, session_id=fact.session_id, resumes=resumes)
        return r.CallStarted(
            call_sid=fact.call_sid,
            session_id=fact.session_id,
            caller=fact.from_,
            called=fact.to,
            direction="outbound" if fact.outbound else "inbound",
            language=call.language.code,
            agent=call.agent.name,
            account_sid=fact.account_sid,
            call_type=fact.call_type,
            parameters=fact.custom_parameters,
        )
