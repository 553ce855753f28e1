"""A scenario played on a call: turn by turn, with what followed each."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sandbox.phone import PhoneCall
from sandbox.scenarios.ear import Ear, Facts
from sandbox.scenarios.grammar import Moment, Turn
from sandbox.scenarios.judge import failures
from sandbox.scenarios.outcome import Step, ToolSeen
from sandbox.speech_rate import chars_per_s

SETTLE_S, QUICK_SETTLE_S = 0.6, 0.25
PATIENCE_S = 4.0
LOOK_AGAIN_S = 0.15
PARTS = 4
ToolsOf = Callable[[str], Awaitable[list[ToolSeen] | None]]


class Turns(Protocol):
    """Where a caller's turns come from; with `all_matter` an early end of the call is a failure."""

    all_matter: bool

    def upcoming(self) -> Turn | None:
        """A turn that is known already and does not wait for the agent to finish."""

    def next(self, agent_said: str) -> Turn | None:
        """The next turn; None at the end."""


class ScriptTurns:
    """The turns of a script, as they stand there."""

    all_matter = True

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._left = list(turns)

    def upcoming(self) -> Turn | None:
        return self._left[0] if self._left and self._left[0].moment is not None else None

    def next(self, agent_said: str) -> Turn | None:  # noqa: ARG002 - a script does not listen
        return self._left.pop(0) if self._left else None


async def no_tools(_: str) -> list[ToolSeen] | None:
    """For an application whose tools cannot be seen."""
    return None


@dataclass(slots=True)
class Player:
    """Plays turns on a connected call whose events `ear` hears; `heard_of` is told of each step."""

    call: PhoneCall
    ear: Ear
    turns: Turns
    timeout_s: float = 20.0
    tools_of: ToolsOf = no_tools
    heard_of: Callable[[Step], None] = lambda _: None
    _tools_before: int = 0

    async def play(self) -> list[Step]:
        """All turns to the end, or to the end of the call. The first ones may only listen to the greeting."""
        steps: list[Step] = []
        said = await self._greeting()
        while (turn := self.turns.next(said)) is not None:
            if self.call.ended.is_set() and turn.act != "listen":
                if self.turns.all_matter and turn.act != "hangup":
                    words = turn.user or turn.dtmf or ""
                    steps.append(Step(act=turn.act, caller=words, failures=["the call was over before this"]))
                    self.heard_of(steps[-1])
                break
            step = await self._take(turn)
            steps.append(step)
            self.heard_of(step)
            said = step.agent
        return steps

    async def _greeting(self) -> str:
        """Listens until the agent has greeted, unless the first turn talks over that."""
        if self.turns.upcoming() is None:
            await self.call.agent_is_done(self.timeout_s, self._settle_s)
        return self.ear.facts.text

    async def _take(self, turn: Turn) -> Step:
        """One act, what follows it, and the judgement."""
        await self.call.clock.sleep(turn.after_ms / 1000)
        if turn.act != "listen" and any(expected.kind == "tool" for expected in turn.expect):
            self._tools_before = len(await self.tools_of(self.call.call_sid) or [])
        step = Step(act=turn.act, caller=turn.user or turn.dtmf or "", language=self.call.language)
        if turn.act == "listen":
            facts = self.ear.facts  # what has happened since the act before, such as the greeting
        else:
            facts = await self._act(turn, step)
        if turn.act != "hangup":
            await self._follow(turn, facts, step)
        step.agent, step.heard = facts.text.strip(), facts.heard.strip()
        step.first_text_ms = None if facts.first_text_ms is None else round(facts.first_text_ms, 1)
        step.interrupted = facts.interrupted_ms is not None
        step.language = self.call.language or step.language
        return step

    async def _act(self, turn: Turn, step: Step) -> Facts:
        """Does what the turn says. Facts begin with the act, so that an interruption counts to its own turn."""
        if turn.moment is not None:
            reached = await self._reach(turn.moment)
            step.late = reached == "late"
            if reached == "never" and (self.turns.all_matter or not self.call.ended.is_set()):
                step.failures.append(f"the agent's sentence {turn.moment.sentence} never came")
        facts, call = self.ear.begin_turn(), self.call
        match turn.act:
            case "user":
                await self._heard(call.say(turn.user or ""), step)
            case "interrupt" if turn.user:
                await self._heard(call.say(turn.user), step)
            case "interrupt":
                await self._heard(call.interrupt(), step)
            case "dtmf":
                await self._heard(call.press(turn.dtmf or ""), step)
            case "drop":
                await call.drop()
            case "hangup":
                await self._hang_up(turn.user)
        if turn.act in ("user", "interrupt", "dtmf"):
            facts.began_s = time.monotonic()  # within_ms counts from the end of what was said
        return facts

    async def _heard(self, act: Awaitable[bool], step: Step) -> None:
        if not await act and not self.call.ended.is_set():
            step.failures.append("this did not reach the agent")

    async def _hang_up(self, words: str | None) -> None:
        """Puts the phone down, with words in the middle of them."""
        if words is not None:
            part, pieces = words.split(), []
            half = part[: max(1, len(part) // 2)]
            if await self.call.begin_speaking(half[0]):
                for word in half:
                    pieces.append(word)
                    await self.call.clock.sleep(len(word) / chars_per_s(self.call.language))
                    await self.call.speak_on(" ".join(pieces))
        await self.call.hang_up()

    async def _reach(self, moment: Moment) -> Literal["in time", "late", "never"]:
        """Waits for the moment in the agent's speech.

        It is late when the agent had finished before the caller could begin, as on a busy machine; it never comes
        when the time is up or the call ends before it.
        """
        deadline_s = time.monotonic() + self.timeout_s
        while time.monotonic() < deadline_s and not self.call.ended.is_set():
            if self.ear.speaks_since_s is not None and self.ear.sentences_heard >= moment.sentence - 1:
                await self.call.clock.sleep(moment.after_ms / 1000)
                return "in time" if self.ear.speaks_since_s is not None else "late"
            if self.ear.sentences_over >= moment.sentence:
                return "late"
            if not await self.call.something_happens(max(0.01, deadline_s - time.monotonic())):
                break
        return "never"

    async def _follow(self, turn: Turn, facts: Facts, step: Step) -> None:
        """Waits for the agent, then for what is expected and not there yet, and judges."""
        if turn.act == "silence":
            await self._be_silent(turn, facts, step)
        elif self.turns.upcoming() is None:
            # Keys may be collected in silence, so nobody waits long for an answer to them.
            patience_s = min(PATIENCE_S, self.timeout_s) if turn.act == "dtmf" else self.timeout_s
            done = await self.call.agent_is_done(patience_s, self._settle_s)
            # An agent that ends or transfers the call has answered too.
            unanswered = not done and not self.call.ended.is_set() and facts.first_text_ms is None
            if unanswered and turn.act != "dtmf" and not turn.expect:
                step.failures.append(f"no answer within {self.timeout_s:g} s")
        await self._judge(turn, facts, step, PATIENCE_S)

    async def _be_silent(self, turn: Turn, facts: Facts, step: Step) -> None:
        """Says nothing for so long, or until everything expected has happened."""
        deadline_s = time.monotonic() + (turn.silence or 0.0)
        while time.monotonic() < deadline_s and not self.call.ended.is_set():
            if turn.expect and not await self._failures(turn, facts, step):
                return
            await self.call.something_happens(max(0.01, deadline_s - time.monotonic()))

    async def _judge(self, turn: Turn, facts: Facts, step: Step, patience_s: float) -> None:
        """Failures are final when nothing mends them for a while: agents speak, use a tool, and speak again."""
        deadline_s = time.monotonic() + min(patience_s, self.timeout_s)
        while found := await self._failures(turn, facts, step):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or self.call.ended.is_set():
                step.failures += found
                return
            await self.call.something_happens(min(left_s, LOOK_AGAIN_S))

    async def _failures(self, turn: Turn, facts: Facts, step: Step) -> list[str]:
        if any(expected.kind == "tool" for expected in turn.expect):
            step.tools = await self._new_tools()
        return failures(turn.expect, facts, self.call.language, step.tools)

    async def _new_tools(self) -> list[ToolSeen]:
        """The tools called since the turn began, as far as the application shows them."""
        seen = await self.tools_of(self.call.call_sid)
        return [] if seen is None else seen[self._tools_before :]

    @property
    def _settle_s(self) -> float:
        return SETTLE_S if self.call.clock.speed < 2 else QUICK_SETTLE_S
