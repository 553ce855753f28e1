"""Calls whose socket is gone and that may come back: from this process or, by the journal, from one that died."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from relay_server.desk_state import DeskState
from relay_server.facts import Resumed
from relay_server.turns import closed_turn
from shared.journal_reader import BadLine, JournalReader
from shared.records import (
    CallEnded,
    CallRecord,
    CallResumed,
    CallStarted,
    KeysEntered,
    LanguageSwitched,
    OperatorAction,
    PersonaChanged,
    ToolRecord,
    ToolUse,
    Turn,
    decode_call,
    utc_now,
)

LOST_AFTER_S = 300.0
MAX_RESUMES = 3
ENDED_KEPT = 200
LONGEST_CALL_S = 24 * 3600.0


@dataclass(slots=True)
class OpenCall:
    """A call without an end, as its records tell it; `gone_s` is when its socket was lost, on our clock."""

    started: CallStarted
    language: str
    latest_at: datetime
    persona: str = ""
    turns: dict[int, Turn] = field(default_factory=dict)
    tools: dict[str, ToolRecord] = field(default_factory=dict)  # of the turn that is open
    resumes: int = 0
    gone_s: float | None = None
    desk: DeskState = field(default_factory=DeskState)
    entries: dict[str, str] = field(default_factory=dict)

    def resumed(self) -> Resumed:
        turns = tuple(self._with_tools(self.turns[number]) for number in sorted(self.turns))
        elapsed_s = (utc_now() - self.started.at).total_seconds()
        elapsed_s = max(0.0, elapsed_s)
        desk, entries = deepcopy(self.desk), dict(self.entries)
        return Resumed(turns, self.resumes, self.language, elapsed_s, self.persona, desk, entries)

    def note(self, record: Turn) -> None:
        """Takes a turn as it stands; what a closed one's tools did is in it."""
        self.turns[record.turn] = record
        if record.outcome != "open":
            self.tools = {key: tool for key, tool in self.tools.items() if tool.turn != record.turn}

    def _with_tools(self, turn: Turn) -> Turn:
        """An open turn with what its tools have done: finished ones are not run again, of others nobody knows."""
        found = [tool for tool in self.tools.values() if tool.turn == turn.turn]
        if turn.outcome != "open" or not found:
            return turn
        return msgspec.structs.replace(turn, tools=[_tool_use(tool) for tool in found])


class Recovery:
    """The calls that are open and the latest that ended, fed with every record: live ones and the journal's."""

    def __init__(self) -> None:
        self._calls: dict[str, OpenCall] = {}
        self._ended: OrderedDict[str, OpenCall] = OrderedDict()

    def all_gone(self, now_s: float) -> list[CallStarted]:
        """The starts of the calls that are open; after a start of the process all of them count as gone."""
        for call in self._calls.values():
            call.gone_s = now_s
        return [call.started for call in self._calls.values()]

    def apply(self, record: CallRecord) -> None:
        if isinstance(record, CallStarted):
            self._ended.pop(record.call_sid, None)
            self._calls[record.call_sid] = OpenCall(record, record.language, record.at)
            return
        if isinstance(record, CallResumed) and record.call_sid in self._ended:
            self._calls[record.call_sid] = self._ended.pop(record.call_sid)
        call = self._calls.get(record.call_sid)
        if call is None:
            return
        call.latest_at = record.at
        match record:
            case Turn():
                call.note(record)
            case ToolRecord():
                call.tools[record.key] = record
            case PersonaChanged():
                call.persona = record.to_persona
            case LanguageSwitched():
                call.language = record.to_language
            case KeysEntered() if not record.sensitive:
                call.entries[record.name] = record.digits
            case OperatorAction():
                call.desk.apply(record.actor, record.action, record.detail)
            case CallResumed():
                call.resumes, call.gone_s = record.resumes, None
            case CallEnded():
                self._ended[record.call_sid] = self._calls.pop(record.call_sid)
                if len(self._ended) > ENDED_KEPT:
                    self._ended.popitem(last=False)
            case _:
                pass

    def lost_socket(self, call_sid: str, now_s: float) -> None:
        """The call's socket is gone without an end."""
        if call_sid in self._calls:
            self._calls[call_sid].gone_s = now_s

    def resume(self, call_sid: str) -> Resumed | None:
        """What a session needs to go on with this call, None when it is new, long over or was never lost."""
        call = self._known(call_sid)
        if call is None or (call.gone_s is None and call_sid in self._calls):
            return None
        return call.resumed()

    def may_resume(self, call_sid: str) -> bool:
        """True for an open call that has not been resumed too often."""
        call = self._calls.get(call_sid)
        return call is not None and call.resumes < MAX_RESUMES

    def language(self, call_sid: str) -> str | None:
        """The language of a call that is open or has just ended."""
        call = self._known(call_sid)
        return call.language if call is not None else None

    def _known(self, call_sid: str) -> OpenCall | None:
        """An open call, or one that ended lately: it comes back after a restart or a failed transfer."""
        ended = self._ended.get(call_sid)
        if ended is not None and (utc_now() - ended.latest_at).total_seconds() <= LOST_AFTER_S:
            return ended
        return self._calls.get(call_sid)

    def is_open(self, call_sid: str) -> bool:
        return call_sid in self._calls

    def ended(self, call_sid: str, reason: str, duration_s: float) -> list[CallRecord]:
        """What ends an open call: a turn nobody will answer is closed, then the end; nothing when it has ended.

        The call lasted at least until its latest record, `duration_s` (of its last session, perhaps) or not.
        """
        call = self._calls.get(call_sid)
        if call is None:
            return []
        turns: list[CallRecord] = [closed_turn(turn) for turn in call.turns.values() if turn.outcome == "open"]
        known_s = (call.latest_at - call.started.at).total_seconds()
        end = CallEnded(
            call_sid=call_sid,
            reason=reason,
            duration_s=max(duration_s, round(known_s, 3)),
            turns=max(call.turns, default=0),
        )
        return [*turns, end]

    def overdue(self, now_s: float) -> list[CallRecord]:
        """What ends (`lost`) the calls that have been gone for too long."""
        gone = [
            call_sid
            for call_sid, call in self._calls.items()
            if call.gone_s is not None and now_s - call.gone_s > LOST_AFTER_S
        ]
        return [record for call_sid in gone for record in self.ended(call_sid, "lost", 0.0)]


def _tool_use(tool: ToolRecord) -> ToolUse:
    known = tool.state == "finished" and tool.outcome in {"ok", "error"}
    return ToolUse(
        tool_call_id=tool.key.split(":", 2)[2],
        name=tool.name,
        arguments=tool.arguments,
        result=tool.result if known else '{"outcome":"unknown"}',
        outcome="unknown" if not known else "ok" if tool.outcome == "ok" else "error",
        duration_ms=tool.duration_ms,
    )


def journalled_calls(data_dir: Path) -> Iterator[CallRecord]:
    """The records of the last day, as far as this version knows them."""
    reader = JournalReader(data_dir, "calls", since_s=time.time() - LONGEST_CALL_S)
    while lines := reader.read():
        for line in lines:
            if isinstance(line, BadLine):
                continue
            try:
                yield decode_call(line.raw)
            except (msgspec.MsgspecError, RecursionError):  # a newer version's record, or none of ours
                continue
