"""A call's state machine: facts in, commands out. It never awaits, reads a clock or opens a file.

One Session per call; two calls share nothing. The rules about the order of speech, tools and interrupts live here
and in `answering`, so that they are tested without a socket. Source: Twilio ConversationRelay's message reference
and recorded live calls.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any

from dialogue.agent import Agent, match_language
from dialogue.language import requested_language
from relay_server import facts as f
from relay_server import messages as m
from relay_server.answering import Answering
from relay_server.call_state import CallState, Leave, State
from relay_server.keypad import Keypad
from relay_server.leaving import Leaving
from relay_server.turns import Cycle, LiveTurn
from shared import records as r

MAX_QUEUED = 5


class Session:
    """The conversation of one call. `feed` is its only way in."""

    def __init__(self, agent: Agent, model: str) -> None:
        self._call = CallState(agent, model, agent.language(agent.default_language))
        self._answering = Answering(self._call)
        self._leaving = Leaving(self._call)
        self._keypad = Keypad(agent.dtmf)
        self._queue: deque[tuple[r.TurnInput, str]] = deque(maxlen=MAX_QUEUED)
        self._resumes = 0
        self._started_s = 0.0
        self._handlers: dict[type, Callable[[Any], None]] = {
            m.Setup: self._on_setup,
            m.Prompt: self._on_prompt,
            m.Dtmf: self._on_dtmf,
            m.Interrupt: self._on_interrupt,
            m.Info: self._on_info,
            m.RelayError: self._on_relay_error,
            f.Resumed: self._on_resumed,
            f.CustomerKnown: self._on_customer,
            f.ReplyText: self._on_reply,
            f.ReplyFinished: self._on_reply,
            f.ReplyFailed: self._on_reply,
            f.ToolFinished: lambda fact: self._answering.tool_finished(fact),
            f.TimerFired: self._on_timer,
            f.Shutdown: lambda _: self._leave(Leave.SHUTDOWN),
            f.EndRequested: self._on_end_requested,
            f.SocketClosed: self._on_closed,
        }

    @property
    def state(self) -> State:
        return self._call.state

    @property
    def call_sid(self) -> str:
        return self._call.call_sid

    @property
    def language(self) -> str:
        return self._call.language.code

    def feed(self, fact: f.Fact, now_s: float) -> list[f.Command]:
        """The commands that follow from a fact at `now_s` (seconds on any steady clock), in order."""
        call = self._call
        call.now_s, call.out = now_s, []
        before_setup = isinstance(fact, m.Setup | f.Resumed | f.SocketClosed)
        if call.state is State.ENDED and not isinstance(fact, f.TimerFired | f.SocketClosed):
            return []
        if call.state is State.WAITING and not before_setup:
            return []  # nothing counts before setup
        self._handlers[type(fact)](fact)
        self._go_on()
        return call.out

    def _go_on(self) -> None:
        """What is due when nothing is being generated: leaving, or the caller's next words."""
        if self._call.state is State.LISTENING:
            if self._call.leave is not None:
                self._leaving.begin()
            elif self._queue:
                self._answering.start(*self._queue.popleft())

    # ---- opening ----

    def _on_resumed(self, fact: f.Resumed) -> None:
        self._call.history.restore(fact.turns)
        self._resumes = fact.resumes + 1
        self._call.language = self._call.agent.language(fact.language)

    def _on_setup(self, fact: m.Setup) -> None:
        call = self._call
        if call.state is not State.WAITING:  # Twilio repeats it when it reconnects by itself
            return
        call.state = State.LISTENING
        call.call_sid = fact.call_sid
        self._started_s = call.now_s
        greeting = call.language.resumed if self._resumes else call.language.greeting
        call.history.greeting = Cycle(0, text=greeting)  # Twilio speaks it by itself, in front of everything else
        call.ledger.send(greeting, call.now_s)
        call.write(self._opening_record(fact))
        call.out.append(f.LookUpCustomer(fact.to if fact.outbound else fact.from_))

    def _opening_record(self, fact: m.Setup) -> r.CallRecord:
        if self._resumes:
            return r.CallResumed(call_sid=fact.call_sid, session_id=fact.session_id, resumes=self._resumes)
        return r.CallStarted(
            call_sid=fact.call_sid,
            session_id=fact.session_id,
            caller=fact.from_,
            called=fact.to,
            direction="outbound" if fact.outbound else "inbound",
            language=self.language,
            agent=self._call.agent.name,
            account_sid=fact.account_sid,
        )

    def _on_customer(self, fact: f.CustomerKnown) -> None:
        self._call.traits = fact.traits

    # ---- what the caller does ----

    def _on_prompt(self, fact: m.Prompt) -> None:
        text = (fact.voice_prompt or "").strip()[: self._call.agent.conversation.max_buffer_size]
        if not fact.last or not text or self._call.state is State.ENDING:
            return  # a partial is the whole utterance so far, and its final is still to come
        self._follow_language(text, fact.lang or "")
        self._take("speech", text)

    def _take(self, source: r.TurnInput, text: str) -> None:
        """Answers: now, together with words not answered yet, or after the running reply."""
        if self._call.state is not State.ANSWERING:
            self._answering.start(source, text)
        elif self._answering.may_merge and self._call.history.current.input == source:
            self._answering.merge(text)
        else:
            self._queue.append((source, text))

    def _follow_language(self, text: str, heard: str) -> None:
        """Switches when the caller asks for a language, or when Twilio heard another one than is spoken."""
        codes = [language.code for language in self._call.agent.languages]
        requested = match_language(requested_language(text) or "", codes)
        if requested is not None:
            self._call.switch_language(requested, "request")
        elif heard and _primary(heard) != _primary(self.language):
            found = match_language(heard, codes)
            if found is not None:
                self._call.switch_language(found, "prompt")

    def _on_dtmf(self, fact: m.Dtmf) -> None:
        if self._call.state is State.ENDING:
            return
        action = self._keypad.press(fact.digit, self._call.now_s, self._call.ledger.sent)
        if action == "transfer":
            self._leave(Leave.HANDOFF, f"the caller pressed {fact.digit}")
        elif self._keypad.complete(fact.digit):
            self._end_of_entry()
        else:
            self._call.timer("keys", self._call.agent.dtmf.inter_digit_timeout_s)

    def _end_of_entry(self) -> None:
        entry = self._keypad.take()
        if entry and self._call.state not in {State.ENDING, State.ENDED}:  # a late `#` enters nothing
            self._take("dtmf", entry)

    # ---- what was heard ----

    def _on_info(self, fact: m.Info) -> None:
        call = self._call
        if fact.name == "tokensPlayed" and isinstance(fact.value, str):
            call.ledger.played(fact.value, call.now_s)
            self._note_heard()
            if self._leaving.nothing_left_to_say:
                self._leaving.played()
        elif fact.name == "agentSpeaking" and fact.value == "on" and call.history.turns:
            turn = call.history.current
            if turn.reply_text and "first_speech_ms" not in turn.latency:
                turn.mark("first_speech_ms", call.now_s)
        elif (fact.name, fact.value) == ("agentSpeaking", "off") and self._leaving.nothing_left_to_say:
            self._leaving.end()

    def _note_heard(self) -> None:
        """Moves what was heard along with the ledger; a turn that is wholly settled is journalled again."""
        call = self._call
        call.history.greeting.settle(call.ledger.heard, final=False)
        for turn in call.history.unsettled():
            closed = turn.cycles if turn.outcome != "open" else turn.cycles[:-1]
            for cycle in closed:
                cycle.settle(call.ledger.heard, final=False)
            call.out.append(f.Heard(turn.number, turn.heard_so_far(call.ledger.heard)))
            if turn.outcome != "open" and turn.settled:
                turn.heard_source = "played"
                call.write(turn.record(call.call_sid, call.agent.name))

    def _on_interrupt(self, fact: m.Interrupt) -> None:
        call = self._call
        limit = self._keypad.interrupt_limit(call.now_s)
        cut = call.ledger.interrupted(fact.utterance_until_interrupt or "", call.now_s, limit)
        dropped_to = call.ledger.sent if limit is None else limit
        call.history.greeting.settle(cut, final=True)
        current = call.history.current if call.state is State.ANSWERING else None
        for turn in call.history.unsettled():
            if turn.cycles and turn.cycles[0].start < dropped_to and turn.reply_text:
                self._cut(turn, cut, running=turn is current)
        if call.state is State.ENDING and dropped_to == call.ledger.sent:
            self._leaving.end()

    def _cut(self, turn: LiveTurn, cut: int, *, running: bool) -> None:
        """Twilio has dropped a reply's speech: only what was heard stays, and a running reply is cancelled."""
        for cycle in turn.cycles:
            if cycle.text or not running:  # a running reply without text yet is still to be spoken
                cycle.settle(cut, final=True)
        turn.heard_source = "interrupt"
        turn.interrupted = turn.interrupted or len(turn.heard_text) < len(turn.reply_text) or running
        if not running:
            turn.outcome = "interrupted" if turn.interrupted else turn.outcome
            self._call.write(turn.record(self._call.call_sid, self._call.agent.name))
        elif turn.cycle.text and not self._answering.tools_running:
            self._answering.cancel()  # with a tool running the turn goes on: its result is kept

    # ---- the model, time, and the end ----

    def _on_reply(self, fact: f.ReplyText | f.ReplyFinished | f.ReplyFailed) -> None:
        if self._answering.is_stale(fact.generation):
            return
        match fact:
            case f.ReplyText():
                self._answering.text(fact.text)
            case f.ReplyFinished():
                self._answering.whole(fact.finished)
            case f.ReplyFailed():
                self._answering.fail(fact.code)

    def _on_timer(self, fact: f.TimerFired) -> None:
        if fact.name in {"first_text", "stall"}:
            self._answering.deadline_passed("first_text" if fact.name == "first_text" else "stall")
        elif fact.name == "keys":
            self._end_of_entry()
        elif fact.name == "ending" and self._call.state is State.ENDING:
            self._leaving.end()
        elif fact.name == "close" and self._call.state is State.ENDED:
            self._call.out.append(f.CloseSocket())

    def _on_relay_error(self, fact: m.RelayError) -> None:
        code = re.search(r"\b6\d{4}\b", fact.description)  # the rest repeats our own frame, and so what was said
        self._call.write(
            r.CallError(call_sid=self.call_sid, code="relay_error", detail=code.group() if code else "")
        )

    def _on_end_requested(self, fact: f.EndRequested) -> None:
        self._call.write(r.OperatorAction(call_sid=self.call_sid, actor=fact.actor, action="end"))
        self._leave(Leave.OPERATOR)

    def _leave(self, leave: Leave, reason: str = "") -> None:
        """Ends the call as soon as the running reply is cancelled and the last words are spoken."""
        call = self._call
        if call.state in {State.ENDING, State.ENDED}:
            return
        if call.state is State.ANSWERING:
            self._answering.cancel()
        call.leave, call.leave_reason = leave, reason

    def _on_closed(self, fact: f.SocketClosed) -> None:
        """Settles what was heard; a lost socket leaves the call open, for it may come back."""
        call = self._call
        if call.state is State.WAITING:
            return
        if call.state is State.ANSWERING:
            self._answering.cancel()
            self._queue.clear()
        call.ledger.settle(call.now_s)
        for turn in call.history.unsettled():
            for cycle in turn.cycles:
                cycle.settle(call.ledger.heard, final=True)
            turn.heard_source = "played" if call.ledger.reports else "estimated"
            call.write(turn.record(call.call_sid, call.agent.name))
        ended = call.state is State.ENDED
        call.state = State.ENDED
        if fact.clean or ended:
            reason = call.leave.value if ended and call.leave else "completed"
            duration_s = round(call.now_s - self._started_s, 3)
            turns = call.history.turns[-1].number if call.history.turns else 0
            call.write(r.CallEnded(call_sid=call.call_sid, reason=reason, duration_s=duration_s, turns=turns))


def _primary(code: str) -> str:
    return code.lower().partition("-")[0]
