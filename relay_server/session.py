"""A call's state machine: facts in, commands out. It never awaits, reads a clock or opens a file.

One Session per call; two calls share nothing. The rules about the order of speech, tools and interrupts live here
and in `answering`, so that they are tested without a socket. Source: Twilio ConversationRelay's message reference
and recorded live calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dialogue.agent import Agent
from dialogue.detection import Detect, no_detection
from dialogue.language import LanguageRequests
from relay_server import bridge, keys, opening, partials, silence
from relay_server import facts as f
from relay_server import messages as m
from relay_server.answering import Answering
from relay_server.call_state import CallState, Leave, State
from relay_server.desk import Desk
from relay_server.hearing import Hearing
from relay_server.keypad import KEYS, Keypad
from relay_server.keys import Keys
from relay_server.languages import Languages
from relay_server.leaving import Leaving
from relay_server.opening import Opening
from relay_server.partials import Partials
from relay_server.silence import Silence
from relay_server.waiting import Waiting, Words
from shared import records as r

BEFORE_SETUP = (m.Setup, f.Resumed, f.SocketClosed)
AFTER_THE_END = (f.TimerFired, f.SocketClosed)


class Session:
    """The conversation of one call. `feed` is its only way in."""

    def __init__(
        self,
        agent: Agent,
        model: str,
        detect: Detect = no_detection,
        requests: LanguageRequests | None = None,
    ) -> None:
        self._call = CallState(agent, model, agent.language(agent.default_language), persona=agent.name)
        self._languages = Languages(self._call, detect, requests or agent.language_requests())
        self._keypad = Keypad(agent.dtmf)
        self._answering = Answering(self._call, self._keypad)
        self._opening = Opening(self._call, self._answering)
        self._leaving = Leaving(self._call)
        self.desk = Desk(self._call, self._answering, self._leave)
        self._silence = Silence(self._call)
        self._partials = Partials(self._call)
        self._keys = Keys(self._call, self._answering, self._keypad, self._take, self._leave)
        self._hearing = Hearing(self._call, self._answering)
        self._waiting = Waiting(agent.conversation.max_buffer_size)
        self._closed = False
        self._handlers: dict[type, Callable[[Any], None]] = {
            m.Setup: self._on_setup,
            m.Prompt: self._on_prompt,
            m.Dtmf: self._on_dtmf,
            m.Interrupt: self._on_interrupt,
            m.Info: self._on_info,
            m.RelayError: self._on_relay_error,
            m.ConfigUpdated: lambda _: None,
            f.Resumed: self._opening.resumed,
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
        if call.state is State.ENDED and not isinstance(fact, AFTER_THE_END):
            return []
        if call.state is State.WAITING and not isinstance(fact, BEFORE_SETUP):
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

    def _on_setup(self, fact: m.Setup) -> None:
        if self._call.state is State.WAITING:  # Twilio repeats it when it reconnects by itself
            self._opening.begin(fact)
            self._silence.begin()
            self._languages.begin(known=bool(self._call.history.turns))

    def _on_customer(self, fact: f.CustomerKnown) -> None:
        self._call.traits = fact.traits

    # ---- what the caller does ----

    def _on_prompt(self, fact: m.Prompt) -> None:
        text = (fact.voice_prompt or "").strip()[: self._call.agent.conversation.max_buffer_size]
        if not text:
            return
        if self._call.state is State.ENDING:
            if fact.last:
                self._answering.give_up(Words("speech", text))
            return
        self._silence.broken()
        if not fact.last:
            self._partials.heard(text, fact.lang or "")
        elif text := self._partials.final(text):
            self._said(text, fact.lang or "")

    def _said(self, text: str, lang: str) -> None:
        self._take(Words("speech", text, self._languages.next(text, lang)))

    def _take(self, words: Words) -> None:
        """Answers: now, together with words not answered yet, or after the running reply."""
        call = self._call
        if call.taken_over_by:
            self._switch(words)
            self.desk.caller_said(words)
        elif call.state is not State.ANSWERING:
            self._start(words)
        elif self._answering.may_merge and call.history.current.input == words.source:
            self._switch(words)
            self._answering.merge(words.text)
        else:
            self._waiting.add(words)  # with its language: the running reply is still spoken in its own

    def _start(self, words: Words) -> None:
        call, limits = self._call, self._call.agent.limits
        if len(call.history.turns) >= limits.max_turns or call.tokens >= limits.max_tokens:
            self._answering.give_up(words)
            call.leave, call.leave_reason = Leave.LIMIT, "turns" if call.tokens < limits.max_tokens else "tokens"
            return
        self._switch(words)
        self._answering.start(words.source, words.text)

    def _switch(self, words: Words) -> None:
        if words.switch is not None:
            self._call.switch_language(*words.switch)

    def _on_dtmf(self, fact: m.Dtmf) -> None:
        if self._call.state is not State.ENDING and fact.digit in KEYS:
            self._silence.broken()
            self._keys.pressed(fact.digit)

    # ---- what was heard ----

    def _on_info(self, fact: m.Info) -> None:
        call = self._call
        call.speakers.turn(fact.name, fact.value, call.now_s)
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
                self._answering.began(calling=fact.calling)
            case f.ReplyFinished():
                self._answering.whole(fact.finished)
            case f.ReplyFailed():
                self._answering.fail(fact.code)

    def _on_timer(self, fact: f.TimerFired) -> None:
        """What each timer of the call means; one of a moment that has passed means nothing."""
        call = self._call
        match fact.name:
            case "first_text" | "stall":
                self._answering.deadline_passed(fact.name)
            case bridge.TIMER:
                self._answering.bridge.due()
            case keys.TIMER:
                self._keys.end_of_entry()
            case partials.TIMER:
                self._final_is_missing()
            case silence.TIMER:
                self._silence.looked_at()
            case opening.TIME_TIMER if call.leave is None:
                call.leave, call.leave_reason = Leave.LIMIT, "seconds"
            case "ending" if call.state is State.ENDING:
                self._leaving.end()
            case "close" if call.state is State.ENDED:
                call.out.append(f.CloseSocket())

    def _final_is_missing(self) -> None:
        partial = self._partials.overdue()
        if partial is not None and self._call.state not in {State.ENDING, State.ENDED}:
            self._said(partial.text, partial.lang)

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
            self._answering.line_lost(clean=fact.clean)
        while self._waiting:
            self._answering.give_up(self._waiting.take())
        self._hearing.finish()
        ended = call.state is State.ENDED
        call.state = State.ENDED
        if fact.clean or ended:
            reason = call.leave.value if ended and call.leave else "completed"
            duration_s = round(call.now_s - self._opening.started_s, 3)
            turns = call.history.turns[-1].number if call.history.turns else 0
            call.write(r.CallEnded(call_sid=call.call_sid, reason=reason, duration_s=duration_s, turns=turns))
