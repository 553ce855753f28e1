"""A scenario: who calls, what they do turn by turn, and what is expected of the agent.

The words are those of the scenario files that voice-agent evaluation tools use (`turns`, `user`, `expect`,
`event`, `text_contains`, `within_ms`), so that theirs translate line by line.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from sandbox.faults import Fault
from sandbox.model_script import ScriptedAnswer
from sandbox.network import Network
from sandbox.pacing import PacingOrder

KEYS = "0123456789*#"
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0)]
Event = Literal["response", "spoken", "tool", "language", "transfer", "interrupted", "resumed", "ended"]


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that must happen in the turn.

    `response`: text that the agent sends; `spoken`: text that is heard; `tool`: a tool called, with at least these
    `args`; `language`: the caller is transcribed in this language from now on; `ended`: the call is over, `by`
    agent, caller or failed; `resumed`: a session after a lost one. `within_ms` is real time from the caller's last
    act to the event (to the first text of a response). `event` may be left out where another field says it.
    """

    event: Event | None = None
    text_contains: str | list[str] = []
    text_lacks: str | list[str] = []
    tool: str = ""
    args: dict[str, Any] = {}
    language: str = ""
    by: Literal["agent", "caller", "failed", ""] = ""
    within_ms: Milliseconds | None = None

    def __post_init__(self) -> None:
        if self.args and not self.tool:
            raise ValueError("args belong to a tool: name it with `tool`")
        if self.kind == "tool" and not self.tool:
            raise ValueError("the event `tool` needs the tool's name in `tool`")
        if self.kind == "tool" and self.within_ms is not None:
            raise ValueError("within_ms cannot be judged for a tool: put it on the response that follows")
        if self.kind == "language" and not self.language:
            raise ValueError("the event `language` needs a tag such as pt-BR in `language`")

    @property
    def kind(self) -> Event:
        """What is waited for."""
        if self.event is not None:
            return self.event
        if self.tool:
            return "tool"
        return "language" if self.language and not self.text_contains else "response"

    @property
    def wanted(self) -> list[str]:
        return [self.text_contains] if isinstance(self.text_contains, str) else self.text_contains

    @property
    def unwanted(self) -> list[str]:
        return [self.text_lacks] if isinstance(self.text_lacks, str) else self.text_lacks


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A moment in the agent's speech: a while after its nth sentence has begun, in milliseconds of the call."""

    sentence: Annotated[int, msgspec.Meta(ge=1)] = 1
    after_ms: Milliseconds = 300


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One act of the caller, and what must follow. Without an act the caller listens.

    `interrupt` and `hangup` may name a moment in the agent's speech; with `user` they are done with these words, a
    hang-up in the middle of them. `silence` is real seconds, as the agent's own timers are, and ends as soon as
    its expectations are met. `after_ms` is a pause before the act, in milliseconds of the call.
    """

    user: str | None = None
    dtmf: str | None = None
    silence: Seconds | None = None
    interrupt: Moment | Literal[True] | None = None
    hangup: Moment | Literal[True] | None = None
    drop: Literal[True] | None = None
    after_ms: Milliseconds = 0
    expect: list[Expectation] = []

    def __post_init__(self) -> None:
        acts = [
            name for name in ("dtmf", "silence", "interrupt", "hangup", "drop") if getattr(self, name) is not None
        ]
        if len(acts) > 1 or (self.user is not None and acts and acts[0] not in ("interrupt", "hangup")):
            raise ValueError("a turn has one act: user, dtmf, silence, interrupt, hangup or drop")
        if self.user is not None and not self.user.strip():
            raise ValueError("user has no words: nothing would be heard")
        if self.dtmf is not None and (not self.dtmf or any(key not in KEYS for key in self.dtmf)):
            raise ValueError("dtmf may have the keys 0 to 9, * and # only")

    @property
    def moment(self) -> Moment | None:
        """When in the agent's speech the act happens; None for one that lets the agent finish."""
        found = self.interrupt if self.interrupt is not None else self.hangup
        if found is True:
            return Moment() if self.interrupt else None
        return found

    @property
    def act(self) -> str:
        """The act in one word."""
        for name in ("interrupt", "hangup", "dtmf", "silence", "drop", "user"):
            if getattr(self, name) is not None:
                return name
        return "listen"


class Caller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who calls: a number (default: a customer of that language), a language (default: the agent's), a network."""

    number: str = ""
    language: str = ""
    network: Network = Network()


class Before(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sandbox is told before the call. Such a scenario runs alone, as these concern everybody."""

    faults: list[Fault] = []
    model: PacingOrder | None = None
    answers: list[ScriptedAnswer] = []

    @property
    def is_empty(self) -> bool:
        return not (self.faults or self.model or self.answers)


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scenario: either `turns`, or a `persona` that makes up its turns from the `seed`.

    It is run `repeat` times, and passes when at most `flake_rate` (0 to 1) of the runs fail. `timeout_s` is how
    long one turn may take, real time.
    """

    name: str = ""
    description: str = ""
    tags: list[str] = []
    caller: Caller = Caller()
    persona: str = ""
    seed: int = 0
    turns: list[Turn] = []
    before: Before = Before()
    repeat: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    flake_rate: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    timeout_s: Seconds = 20.0

    def __post_init__(self) -> None:
        if bool(self.turns) == bool(self.persona):
            raise ValueError("a scenario has either `turns` or a `persona`")

    @property
    def runs_alone(self) -> bool:
        return not self.before.is_empty
