"""The tools that one reply called: which still run, and what is journalled of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from dialogue.model import ToolCall
from relay_server.turns import LiveTurn
from shared.records import ToolRecord, ToolUse

Outcome = Literal["ok", "error", "unknown"]


def distinct(turn: LiveTurn, calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """The calls with ids that are unique in their turn: not every endpoint gives them one each, or any."""
    known = {use.tool_call_id for use in turn.tools}
    found = []
    for call in calls:
        call_id = call.id or "call"
        while call_id in known:
            call_id += "_"
        known.add(call_id)
        found.append(replace(call, id=call_id))
    return tuple(found)


class ToolRound:
    """Collects the results of a reply's tool calls into its turn."""

    def __init__(self, call_sid: str, turn: LiveTurn, calls: tuple[ToolCall, ...]) -> None:
        self._call_sid = call_sid
        self._turn = turn
        self._running = {call.id: call for call in calls}
        self._cycle = turn.cycle  # a filler may begin another one while the tools run
        self._cycle.tool_calls = calls

    @property
    def running(self) -> bool:
        return bool(self._running)

    def expects(self, call_id: str, key: str) -> bool:
        """True when this call is running; ids are not unique over turns at every endpoint, keys are."""
        return call_id in self._running and key in {"", self.key(call_id)}

    def key(self, call_id: str) -> str:
        """The same for a call however often it is carried out."""
        return f"{self._call_sid}:{self._turn.number}:{call_id}"

    def started(self, call: ToolCall) -> ToolRecord:
        """The record that a tool starts; its key is the same every time, so that a tool can be idempotent."""
        return ToolRecord(
            call_sid=self._call_sid,
            turn=self._turn.number,
            key=self.key(call.id),
            name=call.name,
            state="started",
            arguments=call.arguments,
        )

    def finished(self, call_id: str, result: str, outcome: Outcome, duration_ms: float) -> ToolRecord:
        """Notes the result of a call that is running."""
        call = self._running.pop(call_id)
        self._cycle.results[call_id] = result
        self._turn.tools.append(
            ToolUse(
                tool_call_id=call_id,
                name=call.name,
                arguments=call.arguments,
                result=result,
                outcome=outcome,
                duration_ms=duration_ms,
            )
        )
        record = self.started(call)
        record.state, record.result, record.outcome = "finished", result, outcome
        record.duration_ms = duration_ms
        return record
