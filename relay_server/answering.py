"""Answering one turn: the model's text goes out word by word, its tools run, its failures are spoken for."""

from __future__ import annotations

from typing import Literal

import msgspec

from dialogue.model import Finished, ToolCall
from dialogue.tools import ToolError
from relay_server.bridge import Bridge
from relay_server.call_state import CallState, Leave, State
from relay_server.facts import CancelModel, RunTool, StartModel, ToolFinished
from relay_server.keypad import Keypad
from relay_server.messages import TextOut
from relay_server.own_tools import act
from relay_server.speech import Speech
from relay_server.tool_round import ToolRound, distinct
from relay_server.turns import Cycle, LiveTurn
from relay_server.waiting import Words
from shared.records import CallError, TurnInput, TurnOutcome

MAX_FAILURES = 3


class Answering:
    """The reply side of a call. Parts of an older request than `generation` are stale and change nothing."""

    def __init__(self, call: CallState, keypad: Keypad) -> None:
        self._call = call
        self._keypad = keypad
        self.generation = 0
        self.failures = 0
        self._speech = Speech(call.agent.conversation)
        self._tools: ToolRound | None = None
        self._left: ToolRound | None = None  # its turn was cancelled while it ran
        self._streaming = False
        self.spoken = False  # the model itself has said something in this cycle
        self.bridge = Bridge(call, self)
        self._last_part_s = 0.0

    @property
    def tools_running(self) -> bool:
        return self._tools is not None and self._tools.running

    @property
    def may_merge(self) -> bool:
        """True while nothing of the running turn was said or done, so that more words can still join it."""
        turn = self._call.history.current
        return not (turn.reply_text or turn.tools or self.tools_running)

    # ---- a turn's beginning and end ----

    def start(self, source: TurnInput, text: str) -> None:
        """Opens a turn (journalled before the model is asked) and asks."""
        self._call.open_turn(source, text, model=self._call.model)
        self._call.write_turn()
        self.ask()

    def take_up(self, turn: LiveTurn) -> None:
        """Goes on with a turn that a process left open when it died; tools that had finished are not run again."""
        turn.started_s = self._call.now_s
        self.ask()

    def give_up(self, words: Words) -> None:
        """Journals words that came too late to be answered."""
        self._call.open_turn(words.source, words.text, outcome="superseded")
        self._call.write_turn()

    def merge(self, text: str) -> None:
        """Asks again with more of the caller's words; nothing of the first answer was spoken."""
        turn = self._call.history.current
        self._call.out.append(CancelModel(self.generation))
        turn.caller_text = f"{turn.caller_text} {text}"[: self._call.agent.conversation.max_buffer_size]
        turn.cycles.clear()
        turn.latency.clear()
        turn.started_s = self._call.now_s
        self._call.write_turn()
        self.ask()

    def ask(self) -> None:
        """Starts the model on all that has been said and heard."""
        call, turn = self._call, self._call.history.current
        call.state = State.ANSWERING
        self.generation += 1
        turn.language, turn.persona = call.language.code, call.persona
        turn.mark("model_request_ms", call.now_s)
        persona = call.agent.persona(call.persona)
        messages = call.history.messages(call.agent, call.language, call.traits, persona) + call.desk.messages()
        turn.answer_start = len(turn.reply_text)
        turn.cycles.append(Cycle(call.ledger.sent))
        self._speech = Speech(call.agent.conversation)
        self._streaming = self.spoken = False
        self._last_part_s = call.now_s
        call.out.append(StartModel(self.generation, messages, call.persona))
        call.timer("first_text", call.agent.conversation.first_text_deadline_s)

    def finish(self, outcome: TurnOutcome) -> None:
        """Closes the turn; what is still to be heard of it is settled later."""
        call, turn = self._call, self._call.history.current
        self._tools = None
        turn.outcome = outcome
        turn.mark("complete_ms", call.now_s)
        call.state = State.LISTENING
        for cycle in turn.cycles:
            cycle.settle(call.ledger.heard, final=False)
        call.write_turn()
        if turn.settled and turn.reply_text:  # it was heard as fast as it was written
            call.write_settled(turn, "played" if call.ledger.reports else "estimated")

    def cancel(self) -> None:
        """Stops the running reply: the model's connection closes and the talk cycle is closed."""
        self._call.out.append(CancelModel(self.generation, drop=True))
        if self._open_cycle:
            self.close_cycle()
        if self.tools_running:
            self._left = self._tools
        self._call.history.current.interrupted = True
        self.finish("interrupted")

    def line_lost(self, *, clean: bool) -> None:
        """The socket is gone. A turn whose answer nobody has heard stays open: the call may come back to it."""
        call, turn = self._call, self._call.history.current
        call.ledger.finish(call.now_s)
        if clean or len(turn.heard_so_far(call.ledger.heard)) > turn.answer_start:
            self.cancel()
            return
        call.out.append(CancelModel(self.generation, drop=True))
        if turn.reply_text:
            call.write_playing(turn)

    # ---- what the model streams ----

    def is_stale(self, generation: int) -> bool:
        return generation != self.generation or self._call.state is not State.ANSWERING or self.tools_running

    def began(self, *, calling: bool) -> None:
        """The provider has answered; with `calling` the reply begins to call a tool, and no text may come."""
        self._call.history.current.mark("first_byte_ms", self._call.now_s)
        if calling:
            self._part_came()
            self.bridge.build()

    def text(self, text: str) -> None:
        turn = self._call.history.current
        turn.mark("first_byte_ms", self._call.now_s)
        self._part_came()
        self.say(self._speech.feed(text))

    def whole(self, finished: Finished) -> None:
        """The reply is complete: spoken, or a call of tools."""
        call, turn = self._call, self._call.history.current
        self.say(self._speech.flush())
        turn.add_usage(finished.usage)
        turn.model = finished.model or turn.model
        call.tokens += finished.usage.get("total_tokens", 0)
        if self._speech.withheld:  # a guard of last resort: nothing secret is in a prompt
            call.write(CallError(call_sid=call.call_sid, code="policy_secret", detail=f"turn {turn.number}"))
        if finished.tool_calls:
            self._run_tools(turn, finished.tool_calls)
        elif not self.spoken:
            self.fail("empty")
        else:
            self.failures = 0
            self.close_cycle()
            self.finish("completed")

    def fail(self, code: str) -> None:
        """The model has let the caller down: what was said stands, else an apology; the third time a person."""
        call, turn = self._call, self._call.history.current
        call.out.append(CancelModel(self.generation))
        self.failures += 1
        call.write(CallError(call_sid=call.call_sid, code=f"model_{code}", detail=f"turn {turn.number}"))
        if self.failures >= MAX_FAILURES:
            call.leave, call.leave_reason = Leave.HANDOFF, "the model does not answer"
        elif not (self.spoken and self._speech.ends_sentence):  # half a sentence is followed by silence too
            gap = " " if turn.cycle.text and not turn.cycle.text[-1].isspace() else ""
            self.say(gap + call.language.apology, of_model=False)
        if self._open_cycle:
            self.close_cycle()
        self.finish("failed")

    def deadline_passed(self, name: Literal["first_text", "stall"]) -> None:
        """A deadline's timer has fired: fails the reply unless it moved on meanwhile."""
        call = self._call
        if call.state is not State.ANSWERING or self.tools_running:
            return
        limits = call.agent.conversation
        limit_s = limits.first_text_deadline_s if name == "first_text" else limits.stall_deadline_s
        left_s = self._last_part_s + limit_s - call.now_s
        if name == "first_text" and self._streaming:
            return
        if left_s > 0.01:
            call.timer(name, left_s)
        else:
            self.fail("stalled" if self._streaming else "timeout")

    def say(self, text: str, *, of_model: bool = True) -> None:
        """Sends text to be spoken and enters it into the ledger; the model's own can still be taken back."""
        if not text:
            return
        call, turn = self._call, self._call.history.current
        turn.cycle.text += text
        turn.mark("first_text_ms", call.now_s)
        self.spoken = self.spoken or (of_model and not text.isspace())
        if self.tools_running or not self.spoken:  # a filler
            turn.answer_start = len(turn.reply_text)
        call.ledger.send(text, call.now_s)
        call.send(TextOut(text), self.generation if of_model else None)

    @property
    def _open_cycle(self) -> bool:
        """True while text was sent that no `last` has closed."""
        return bool(self._call.history.current.cycle.text) and not self.tools_running

    def _part_came(self) -> None:
        self._last_part_s = self._call.now_s
        if not self._streaming:
            self._streaming = True
            self._call.timer("stall", self._call.agent.conversation.stall_deadline_s)

    def close_cycle(self) -> None:
        """The one `last` of a talk cycle, as an empty token."""
        self._call.send(TextOut("", last=True))

    # ---- tools ----

    def _run_tools(self, turn: LiveTurn, calls: tuple[ToolCall, ...]) -> None:
        call = self._call
        rounds = sum(bool(cycle.tool_calls) for cycle in turn.cycles)
        if rounds >= call.agent.conversation.max_tool_rounds:
            self.fail("too_many_tools")
            return
        if turn.cycle.text:
            self.close_cycle()
        turn.answer_start = len(turn.reply_text)
        if turn.reply_text:  # the call may come back to this turn, and then knows what was said before the tools
            call.write_turn()
        calls = distinct(turn, calls)
        call.tool_calls += len(calls)
        self._tools = ToolRound(call.call_sid, turn, calls)
        if call.tool_calls > call.agent.limits.max_tool_calls:
            call.leave, call.leave_reason = Leave.LIMIT, "tool calls"
        self.bridge.build()
        for tool in calls:
            call.write(self._tools.started(tool))
            self._start_tool(tool, self._tools.key(tool.id))

    def _start_tool(self, tool: ToolCall, key: str) -> None:
        call = self._call
        try:
            if call.leave is Leave.LIMIT:
                raise ToolError("this call may use no more tools")
            own = act(call, self._keypad, tool)
        except ToolError as error:
            problem = msgspec.json.encode({"error": str(error)}).decode()
            self.tool_finished(ToolFinished(tool.id, problem, "error", 0.0))
            return
        if own:
            self.tool_finished(ToolFinished(tool.id, '{"ok":true}', "ok", 0.0))
            return
        command = RunTool(tool, call.call_sid, call.caller, call.customer, key, call.persona, dict(call.entries))
        call.out.append(command)

    def tool_finished(self, fact: ToolFinished) -> None:
        """Notes a tool's result; after the last of them the turn goes on.

        What a cancelled turn's tool did is journalled too, and the model knows it when it is asked next.
        """
        for tools in (self._tools, self._left):
            if tools is not None and tools.expects(fact.tool_call_id, fact.key):
                self._call.write(tools.finished(fact.tool_call_id, fact.result, fact.outcome, fact.duration_ms))
                if tools is self._tools and not tools.running:
                    self._after_tools()
                return

    def _after_tools(self) -> None:
        """Leaving needs no further words of the model; otherwise it is asked what follows from the results."""
        turn = self._call.history.current
        turn.latency["tools_ms"] = round((self._call.now_s - turn.started_s) * 1000, 1)
        if self._call.leave is not None:
            self.finish("completed")
        else:
            self._tools = None
            self.ask()
