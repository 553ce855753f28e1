"""Answering one turn: the model's text goes out word by word, its tools run, its failures are spoken for."""

from __future__ import annotations

from typing import Literal

import msgspec

from dialogue.model import Finished, ToolCall
from dialogue.tools import END_CALL, SWITCH_LANGUAGE, TRANSFER, ToolError, read_arguments, wanted_language
from relay_server.call_state import CallState, Leave, State
from relay_server.facts import CancelModel, RunTool, StartModel, ToolFinished
from relay_server.messages import TextOut
from relay_server.speech import WordStream
from relay_server.tool_round import ToolRound, distinct
from relay_server.turns import Cycle, LiveTurn
from relay_server.waiting import Words
from shared.records import CallError, TurnInput, TurnOutcome

MAX_FAILURES = 3
REASON_CHARACTERS = 200


class Answering:
    """The reply side of a call. Parts of an older request than `generation` are stale and change nothing."""

    def __init__(self, call: CallState) -> None:
        self._call = call
        self.generation = 0
        self.failures = 0
        self._words = WordStream()
        self._tools: ToolRound | None = None
        self._streaming = False
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
        call = self._call
        number = call.history.next_number
        turn = LiveTurn(number, source, text, call.language.code, call.now_s, model=call.model)
        call.history.turns.append(turn)
        call.write_turn()
        self.ask()

    def give_up(self, words: Words) -> None:
        """Journals words that came too late to be answered."""
        call = self._call
        turn = LiveTurn(call.history.next_number, words.source, words.text, call.language.code, call.now_s)
        turn.outcome = "superseded"
        call.history.turns.append(turn)
        call.write_turn()

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
        turn.language = call.language.code
        turn.mark("model_request_ms", call.now_s)
        messages = call.history.messages(call.agent, call.language, call.traits) + call.desk.messages()
        turn.cycles.append(Cycle(call.ledger.sent))
        self._words = WordStream()
        self._streaming = False
        self._last_part_s = call.now_s
        call.out.append(StartModel(self.generation, messages, call.agent.name))
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
        if self._call.history.current.cycle.text:
            self._close_cycle()
        self._call.history.current.interrupted = True
        self.finish("interrupted")

    # ---- what the model streams ----

    def is_stale(self, generation: int) -> bool:
        return generation != self.generation or self._call.state is not State.ANSWERING or self.tools_running

    def began(self) -> None:
        """The provider has answered; nothing was said yet."""
        self._call.history.current.mark("first_byte_ms", self._call.now_s)

    def text(self, text: str) -> None:
        turn = self._call.history.current
        if not self._streaming:
            self._streaming = True
            self._call.timer("stall", self._call.agent.conversation.stall_deadline_s)
        turn.mark("first_byte_ms", self._call.now_s)
        self._last_part_s = self._call.now_s
        self.say(self._words.feed(text))

    def whole(self, finished: Finished) -> None:
        """The reply is complete: spoken, or a call of tools."""
        turn = self._call.history.current
        self.say(self._words.flush())
        turn.add_usage(finished.usage)
        if finished.tool_calls:
            self._run_tools(turn, finished.tool_calls)
        elif not turn.cycle.text.strip():
            self.fail("empty")
        else:
            self.failures = 0
            self._close_cycle()
            self.finish("completed")

    def fail(self, code: str) -> None:
        """The model has let the caller down: what was said stands, else an apology; the third time a person."""
        call, turn = self._call, self._call.history.current
        call.out.append(CancelModel(self.generation))
        self.failures += 1
        call.write(CallError(call_sid=call.call_sid, code=f"model_{code}", detail=f"turn {turn.number}"))
        if self.failures >= MAX_FAILURES:
            call.leave, call.leave_reason = Leave.HANDOFF, "the model does not answer"
        elif not turn.cycle.text.strip():  # after a tool's preamble too: silence would follow
            self.say(call.language.apology, of_model=False)
        if turn.cycle.text:
            self._close_cycle()
        self.finish("failed")

    def deadline_passed(self, name: Literal["first_text", "stall"]) -> None:
        """A deadline's timer has fired: fails the reply unless it moved on meanwhile."""
        call = self._call
        if call.state is not State.ANSWERING or self.tools_running:
            return
        limits = call.agent.conversation
        waiting = not call.history.current.cycle.text
        limit_s = limits.first_text_deadline_s if name == "first_text" else limits.stall_deadline_s
        left_s = self._last_part_s + limit_s - call.now_s
        if name == "first_text" and not waiting:
            return
        if left_s > 0.01:
            call.timer(name, left_s)
        else:
            self.fail("timeout" if waiting else "stalled")

    def say(self, text: str, *, of_model: bool = True) -> None:
        """Sends text to be spoken and enters it into the ledger; the model's own can still be taken back."""
        if not text:
            return
        call, turn = self._call, self._call.history.current
        turn.cycle.text += text
        turn.mark("first_text_ms", call.now_s)
        call.ledger.send(text, call.now_s)
        call.send(TextOut(text), self.generation if of_model else None)

    def _close_cycle(self) -> None:
        """The one `last` of a talk cycle, as an empty token."""
        self._call.send(TextOut("", last=True))

    # ---- tools ----

    def _run_tools(self, turn: LiveTurn, calls: tuple[ToolCall, ...]) -> None:
        rounds = sum(bool(cycle.tool_calls) for cycle in turn.cycles)
        if rounds >= self._call.agent.conversation.max_tool_rounds:
            self.fail("too_many_tools")
            return
        if turn.cycle.text:
            self._close_cycle()
        calls = distinct(turn, calls)
        self._tools = ToolRound(self._call.call_sid, turn, calls)
        for tool in calls:
            self._call.write(self._tools.started(tool))
            self._start_tool(tool)

    def _start_tool(self, tool: ToolCall) -> None:
        try:
            own = self._own_tool(tool)
        except ToolError as error:
            problem = msgspec.json.encode({"error": str(error)}).decode()
            self.tool_finished(ToolFinished(tool.id, problem, "error", 0.0))
            return
        if own:
            self.tool_finished(ToolFinished(tool.id, '{"ok":true}', "ok", 0.0))
        else:
            self._call.out.append(self._run(tool))

    def _run(self, tool: ToolCall) -> RunTool:
        call = self._call
        key = f"{call.call_sid}:{call.history.current.number}:{tool.id}"
        return RunTool(tool, call.call_sid, key=key, persona=call.agent.name)

    def _own_tool(self, tool: ToolCall) -> bool:
        """Carries out a tool that acts on the call itself; False for one of the agent file. Raises ToolError."""
        arguments = read_arguments(tool.arguments)
        if tool.name == END_CALL:
            self._call.leave = Leave.END
        elif tool.name == TRANSFER:
            self._call.leave = Leave.HANDOFF
            self._call.leave_reason = str(arguments.get("reason", ""))[:REASON_CHARACTERS]
        elif tool.name == SWITCH_LANGUAGE:
            self._call.switch_language(wanted_language(self._call.agent, arguments), "tool")
        else:
            return False
        return True

    def tool_finished(self, fact: ToolFinished) -> None:
        """Notes a tool's result; after the last of them the turn goes on."""
        if self._tools is None:
            return
        record = self._tools.finished(fact.tool_call_id, fact.result, fact.outcome, fact.duration_ms)
        if record is None:
            return
        self._call.write(record)
        if not self._tools.running:
            self._after_tools()

    def _after_tools(self) -> None:
        """Leaving needs no further words of the model; otherwise it is asked what follows from the results."""
        if self._call.leave is not None:
            self.finish("completed")
        else:
            self._tools = None
            self.ask()
