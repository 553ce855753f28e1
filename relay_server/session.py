"""A call's state machine: facts in, commands out. It never awaits, reads a clock or opens a file.

One Session per call; two calls share nothing. The rules about the order of speech, tools and interrupts live here
and in `answering`, so that they are tested without a socket. Source: Twilio ConversationRelay's message reference
and recorded live calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dialogue.agent import Agent, match_language, primary
from dialogue.detection import Detect, LanguageTracker, no_detection
from dialogue.language import requested_language
from relay_server import facts as f
from relay_server import messages as m
from relay_server.answering import Answering
from relay_server.call_state import CallState, Leave, State
from relay_server.desk import Desk
from relay_server.hearing import Hearing
from relay_server.keypad import KEYS, Keypad
from relay_server.leaving import Leaving
from relay_server.turns import Cycle, closed_turn
from relay_server.waiting import Waiting, Words
from shared import records as r

# What was said before a switch may still arrive in the old language after it.
LATE_PROMPT_S = 3.0


class Session:
    """The conversation of one call. `feed` is its only way in."""

    def __init__(self, agent: Agent, model: str, detect: Detect = no_detection) -> None:
        self._call = CallState(agent, model, agent.language(agent.default_language))
        tags = [primary(language.code) for language in agent.languages]
        self._tracker = LanguageTracker(detect, tags, primary(agent.default_language))
        self._answering = Answering(self._call)
        self._leaving = Leaving(self._call)
        self.desk = Desk(self._call, self._answering, self._leave)
        self._keypad = Keypad(agent.dtmf)
        self._hearing = Hearing(self._call, self._answering)
        self._waiting = Waiting(agent.conversation.max_buffer_size)
        self._before: f.Resumed | None = None
        self._started_s = 0.0
        self._closed = False
        self._handlers: dict[type, Callable[[Any], None]] = {
            m.Setup: self._on_setup,
            m.Prompt: self._on_prompt,
            m.Dtmf: self._on_dtmf,
            m.Interrupt: self._on_interrupt,
            m.Info: self._on_info,
            m.RelayError: self._on_relay_error,
            m.ConfigUpdated: lambda _: None,
            f.Resumed: self._on_resumed,
            f.CustomerKnown: self._on_customer,
            f.ReplyBegan: self._on_reply,
            f.ReplyText: self._on_reply,
            f.ReplyFinished: self._on_reply,
            f.ReplyFailed: self._on_reply,
            f.ToolFinished: lambda fact: self._answering.tool_finished(fact),
            f.TimerFired: self._on_timer,
            f.Shutdown: lambda _: self._leave(Leave.SHUTDOWN),
            f.SocketClosed: self._on_closed,
            **self.desk.handlers,
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

    @property
    def taken_over_by(self) -> str:
        return self._call.taken_over_by

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
            elif self._waiting:
                self._take(self._waiting.take())
            else:
                self.desk.speak_backlog()

    # ---- opening ----

    def _on_resumed(self, fact: f.Resumed) -> None:
        self._call.history.restore(fact.turns)
        self._before = fact
        self._call.desk = fact.desk
        self._call.language = self._call.agent.language(fact.language)

    def _on_setup(self, fact: m.Setup) -> None:
        call = self._call
        if call.state is not State.WAITING:  # Twilio repeats it when it reconnects by itself
            return
        call.state = State.LISTENING
        call.call_sid = fact.call_sid
        self._started_s = call.now_s - (self._before.elapsed_s if self._before else 0.0)
        if self._before is None:
            call.language = call.agent.language(fact.custom_parameters.get("language", self.language))
        greeting = call.language.opening(resumed=self._before is not None, outbound=fact.outbound)
        call.history.greeting = Cycle(0, text=greeting)  # Twilio speaks it by itself, in front of everything else
        call.ledger.send(greeting, call.now_s)
        call.write(self._opening_record(fact))
        for turn in self._before.turns if self._before else ():
            if turn.outcome == "open":  # the process died while it was being answered
                call.write(closed_turn(turn))
        if call.agent.telephony.config:
            call.send(m.ConfigOut(dict(call.agent.telephony.config)))
        call.out.append(f.LookUpCustomer(fact.to if fact.outbound else fact.from_))

    def _opening_record(self, fact: m.Setup) -> r.CallRecord:
        if self._before is not None:
            resumes = self._before.resumes + 1
            return r.CallResumed(call_sid=fact.call_sid, session_id=fact.session_id, resumes=resumes)
        return r.CallStarted(
            call_sid=fact.call_sid,
            session_id=fact.session_id,
            caller=fact.from_,
            called=fact.to,
            direction="outbound" if fact.outbound else "inbound",
            language=self.language,
            agent=self._call.agent.name,
            account_sid=fact.account_sid,
            call_type=fact.call_type,
            parameters=fact.custom_parameters,
        )

    def _on_customer(self, fact: f.CustomerKnown) -> None:
        self._call.traits = fact.traits

    # ---- what the caller does ----

    def _on_prompt(self, fact: m.Prompt) -> None:
        text = (fact.voice_prompt or "").strip()[: self._call.agent.conversation.max_buffer_size]
        if not fact.last or not text or self._call.state is State.ENDING:
            return  # a partial is the whole utterance so far, and its final is still to come
        self._take(Words("speech", text, self._next_language(text, fact.lang or "")))

    def _take(self, words: Words) -> None:
        """Answers: now, together with words not answered yet, or after the running reply."""
        if self._call.taken_over_by:
            self._switch(words)
            self.desk.caller_said(words)
        elif self._call.state is not State.ANSWERING:
            self._switch(words)
            self._answering.start(words.source, words.text)
        elif self._answering.may_merge and self._call.history.current.input == words.source:
            self._switch(words)
            self._answering.merge(words.text)
        else:
            self._waiting.add(words)  # with its language: the running reply is still spoken in its own

    def _switch(self, words: Words) -> None:
        if words.switch is not None:
            self._call.switch_language(*words.switch)

    def _next_language(self, text: str, heard: str) -> tuple[str, str] | None:
        """The language to go on in, and why: the caller asks for it, or Twilio heard another than is spoken."""
        call = self._call
        codes = [language.code for language in call.agent.languages]
        requested = match_language(requested_language(text) or "", codes)
        if requested is not None:
            return requested, "request"
        if heard and primary(heard) != primary(self.language):
            late = call.now_s - call.switched_s < LATE_PROMPT_S and primary(heard) == primary(call.left_language)
            found = match_language(heard, codes)
            return (found, "prompt") if found is not None and not late else None
        return self._detected(text, codes)

    def _detected(self, text: str, codes: list[str]) -> tuple[str, str] | None:
        """Another language, by the words themselves: Twilio names the one it was told to listen in."""
        spoken = primary(self.language)
        if self._tracker.current != spoken:  # it was changed by a request, a tool or Twilio
            self._tracker.settle(spoken)
        found = self._tracker.hear(text)
        code = match_language(found, codes)
        return (code, "detected") if code is not None and found != spoken else None

    def _on_dtmf(self, fact: m.Dtmf) -> None:
        if self._call.state is State.ENDING or fact.digit not in KEYS:
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
            self._take(Words("dtmf", entry.text))

    # ---- what was heard ----

    def _on_info(self, fact: m.Info) -> None:
        call = self._call
        if fact.name == "tokensPlayed" and isinstance(fact.value, str):
            self._hearing.played(fact.value)
            if self._leaving.nothing_left_to_say:
                self._leaving.played()
        elif fact.name == "agentSpeaking" and fact.value == "on" and call.history.turns:
            turn = call.history.current
            if turn.reply_text and "first_speech_ms" not in turn.latency:
                turn.mark("first_speech_ms", call.now_s)
        elif (fact.name, fact.value) == ("agentSpeaking", "off"):
            self._hearing.fell_silent()
            if self._leaving.nothing_left_to_say:
                self._leaving.end()

    def _on_interrupt(self, fact: m.Interrupt) -> None:
        call = self._call
        limit = self._keypad.interrupt_limit(call.now_s)
        dropped_to = self._hearing.interrupted(fact.utterance_until_interrupt or "", limit)
        if call.state is State.ENDING and dropped_to == call.ledger.sent:
            self._leaving.end()

    # ---- the model, time, and the end ----

    def _on_reply(self, fact: f.ReplyBegan | f.ReplyText | f.ReplyFinished | f.ReplyFailed) -> None:
        if self._answering.is_stale(fact.generation):
            return
        match fact:
            case f.ReplyText():
                self._answering.text(fact.text)
            case f.ReplyBegan():
                self._answering.began()
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
        if call.state is State.WAITING or self._closed:
            return
        self._closed = True
        if call.state is State.ANSWERING:
            self._answering.cancel()
        while self._waiting:
            self._answering.give_up(self._waiting.take())
        self._hearing.finish()
        ended = call.state is State.ENDED
        call.state = State.ENDED
        if fact.clean or ended:
            reason = call.leave.value if ended and call.leave else "completed"
            duration_s = round(call.now_s - self._started_s, 3)
            turns = call.history.turns[-1].number if call.history.turns else 0
            call.write(r.CallEnded(call_sid=call.call_sid, reason=reason, duration_s=duration_s, turns=turns))
