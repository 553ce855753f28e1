"""How a simulated call went, turn by turn, as JSON shows it."""

from __future__ import annotations

from typing import Any

import msgspec


class ToolSeen(msgspec.Struct, frozen=True):
    """A tool that the agent called, as the relay tells it."""

    name: str
    arguments: str = ""
    result: str = ""
    outcome: str = ""

    @property
    def parsed(self) -> dict[str, Any]:
        """The arguments; empty when they are no object."""
        try:
            return msgspec.json.decode(self.arguments or "{}", type=dict[str, Any])
        except msgspec.MsgspecError:
            return {}


class Step(msgspec.Struct, kw_only=True):
    """One turn: what the caller did, what the agent sent and what of it was heard, and what was not as expected.

    `first_text_ms` is real time from the caller's last words to the first text, None without an answer.
    `late`: the agent had finished before the caller could talk over it: the machine's fault and not the agent's.
    """

    act: str
    caller: str = ""
    agent: str = ""
    heard: str = ""
    first_text_ms: float | None = None
    language: str = ""
    interrupted: bool = False
    late: bool = False
    tools: list[ToolSeen] = []
    failures: list[str] = []


class CallOutcome(msgspec.Struct, kw_only=True):
    """One run of a scenario. `ended_by` is caller, agent, failed, or refused when it never came about.

    `placed_again` counts earlier calls of the same run that failed where the caller was late.
    """

    scenario: str
    seed: int
    number: int = 0
    call_sid: str = ""
    caller: str = ""
    steps: list[Step] = []
    failures: list[str] = []
    duration_s: float = 0.0
    ended_by: str = ""
    resumed: int = 0
    languages: list[str] = []
    transcript_sid: str | None = None
    placed_again: int = 0

    @property
    def passed(self) -> bool:
        return not self.failures and not any(step.failures for step in self.steps)

    @property
    def late(self) -> bool:
        """Whether it failed in a turn that the caller was late for; nothing follows from such a call."""
        return any(step.late and step.failures for step in self.steps)

    @property
    def all_failures(self) -> list[str]:
        """Every failure with the number of its turn, from 1."""
        steps = [f"turn {n}: {text}" for n, step in enumerate(self.steps, 1) for text in step.failures]
        return [*self.failures, *steps]

    @property
    def latencies_ms(self) -> list[float]:
        return [step.first_text_ms for step in self.steps if step.first_text_ms is not None]

    @property
    def interruptions(self) -> int:
        return sum(step.interrupted for step in self.steps)
