"""The turns of one call: what was said, generated, sent and heard, as the model and the journal see it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from dialogue.model import Message, ToolCall
from shared.records import ToolUse, Turn, TurnInput, TurnOutcome, new_id, utc_now


@dataclass(slots=True)
class Cycle:
    """One stretch of speech: its text, where it stands in the ledger, and the tools it led to."""

    start: int
    text: str = ""
    heard: int | None = None  # characters heard; None while that is open
    tool_calls: tuple[ToolCall, ...] = ()
    results: dict[str, str] = field(default_factory=dict)

    @property
    def heard_text(self) -> str:
        return self.text if self.heard is None else self.text[: self.heard]

    def settle(self, cursor: int, *, final: bool) -> bool:
        """Notes what was heard once the cursor has passed the last word (or `final`); True when that is news."""
        whole = cursor - self.start >= len(self.text.rstrip())
        if self.heard is not None or not (final or whole or not self.text):
            return False
        self.heard = len(self.text) if whole else max(0, cursor - self.start)
        return True


@dataclass(slots=True)
class LiveTurn:
    """A turn while it happens; times are seconds on the session's clock."""

    number: int
    input: TurnInput
    caller_text: str
    language: str
    started_s: float
    cycles: list[Cycle] = field(default_factory=list)
    outcome: TurnOutcome = "open"
    interrupted: bool = False
    heard_source: str = ""
    tools: list[ToolUse] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    model: str = ""
    persona: str = ""
    speech: dict[str, float] = field(default_factory=dict)
    answer_start: int = 0  # where in the reply the model's last answer begins, behind what tools needed
    journalled: str = ""  # what was heard as far as the journal knows, and since when
    journalled_s: float = float("-inf")

    @property
    def reply_text(self) -> str:
        return "".join(cycle.text for cycle in self.cycles)

    @property
    def heard_text(self) -> str:
        return "".join(cycle.heard_text for cycle in self.cycles if cycle.heard is not None)

    def heard_so_far(self, cursor: int) -> str:
        """What was heard up to the ledger's cursor, also of speech that still plays."""
        texts = (
            cycle.heard_text if cycle.heard is not None else cycle.text[: max(0, cursor - cycle.start)]
            for cycle in self.cycles
        )
        return "".join(texts)

    @property
    def cycle(self) -> Cycle:
        """The stretch that is being spoken or generated."""
        return self.cycles[-1]

    def begin_stretch(self, offset: int) -> None:
        """Makes sure that what is said next has a place: behind the present words if nothing stands between."""
        if not self.cycle.text:
            self.cycle.start, self.cycle.heard = offset, None
        elif self.cycle.heard is not None or self.cycle.start + len(self.cycle.text) != offset:
            self.cycles.append(Cycle(offset))

    @property
    def settled(self) -> bool:
        return all(cycle.heard is not None for cycle in self.cycles)

    def mark(self, name: str, now_s: float) -> None:
        """Notes a latency in milliseconds since the turn began; the first time counts."""
        if name not in self.latency:
            self.latency[name] = round((now_s - self.started_s) * 1000, 1)

    def add_usage(self, usage: dict[str, int]) -> None:
        for name, tokens in usage.items():
            self.usage[name] = self.usage.get(name, 0) + tokens

    def messages(self) -> list[Message]:
        """The turn as the model remembers it: what the caller said, tools and results, and what was heard."""
        spoken = self.caller_text if self.input == "speech" else f"[{self.input}] {self.caller_text}"
        found: list[Message] = [{"role": "user", "content": spoken}] if self.caller_text else []
        for cycle in self.cycles:
            if cycle.tool_calls:
                found.append(_tool_message(cycle))
                found += [
                    {"role": "tool", "tool_call_id": call.id, "content": cycle.results.get(call.id, "unknown")}
                    for call in cycle.tool_calls
                ]
            elif cycle.heard_text:
                found.append({"role": "assistant", "content": cycle.heard_text})
        return found

    def record(self, call_sid: str, *, settled: bool = False) -> Turn:
        """The turn as it stands now, for the journal; `settled` says that no more of it will be heard."""
        return Turn(
            call_sid=call_sid,
            turn=self.number,
            input=self.input,
            caller_text=self.caller_text,
            reply_text=self.reply_text,
            heard_text=self.heard_text,
            heard_source=self.heard_source if settled else "",
            interrupted=self.interrupted,
            outcome=self.outcome,
            language=self.language,
            persona=self.persona,
            tools=list(self.tools),
            latency=dict(self.latency),
            model=self.model,
            usage=dict(self.usage),
            speech=dict(self.speech),
            answer_start=self.answer_start,
        )


def closed_turn(record: Turn) -> Turn:
    """The correction of a turn that was left open: whoever answered it is gone."""
    source = "played" if record.heard_source == "playing" else record.heard_source
    return msgspec.structs.replace(
        record,
        id=new_id(),
        at=utc_now(),
        seq=0,
        outcome="interrupted",
        interrupted=True,
        heard_source=source,
    )


def restored_turn(record: Turn) -> LiveTurn:
    """A turn out of the journal, for the history of a call that comes back."""
    heard = record.heard_text if record.heard_source else record.reply_text
    if record.outcome == "open" and not record.heard_source:  # said, as far as anyone knows
        heard = record.reply_text[: record.answer_start]
    cycles = []
    if record.tools:
        calls = tuple(ToolCall(tool.tool_call_id, tool.name, tool.arguments) for tool in record.tools)
        results = {tool.tool_call_id: tool.result for tool in record.tools}
        before, heard = heard[: record.answer_start], heard[record.answer_start :]
        cycles.append(Cycle(0, text=before, heard=len(before), tool_calls=calls, results=results))
    cycles.append(Cycle(0, text=heard, heard=len(heard)))
    return LiveTurn(
        number=record.turn,
        input=record.input,
        caller_text=record.caller_text,
        language=record.language,
        started_s=0.0,
        cycles=cycles,
        outcome=record.outcome,
        interrupted=record.interrupted,
        tools=list(record.tools),
        model=record.model,
        persona=record.persona,
        usage=dict(record.usage),
        answer_start=record.answer_start,
    )


def _tool_message(cycle: Cycle) -> Message:
    return {
        "role": "assistant",
        "content": cycle.heard_text or None,
        "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in cycle.tool_calls
        ],
    }
