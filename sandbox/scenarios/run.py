"""One run of a scenario: a call placed, played and reported."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec

from sandbox.call_identity import Numbers, UndeclaredLanguage
from sandbox.callers import caller_of
from sandbox.line import CouldNotConnect, Line
from sandbox.outgoing import Outgoing
from sandbox.phone import PhoneCall
from sandbox.phone_events import CallEvent
from sandbox.reported_call import ReportedCall
from sandbox.scenarios.ear import Ear
from sandbox.scenarios.grammar import Scenario
from sandbox.scenarios.outcome import CallOutcome, Step, ToolSeen
from sandbox.scenarios.personas import PersonaTurns, personas
from sandbox.scenarios.play import Player, ScriptTurns, ToolsOf, Turns, no_tools

LANGUAGES = ("en-US", "pt-BR", "es-US")
TOOLS_WITHIN_S = 5.0
Report = Callable[[ReportedCall], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where scenarios are run: the line, the number that is called, and how fast the time of a call goes."""

    line: Line
    called: str
    speed: float = 1.0
    tools_of: ToolsOf = no_tools
    report: Report | None = None


@dataclass(slots=True)
class Casting:
    """Who plays a scenario: turns, language and number, drawn from the seed where the scenario leaves it open."""

    turns: Turns
    language: str | None
    number: str
    scenario: Scenario
    seed: int

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> Casting:
        rng = random.Random(f"{scenario.name}:{seed}")  # noqa: S311 - repeatable is the point
        language = scenario.caller.language or None
        if scenario.persona:
            language = language or rng.choice(LANGUAGES)
            turns: Turns = PersonaTurns(personas()[scenario.persona], seed, language)
        else:
            turns = ScriptTurns(scenario.turns)
        return cls(turns, language, scenario.caller.number or caller_of(language, rng), scenario, seed)


@dataclass(slots=True)
class ScenarioCall:
    """A call that plays a scenario. `outcome` grows while it runs."""

    casting: Casting
    around: Surroundings
    number: int = 0
    outgoing: Outgoing | None = None
    tell: Callable[[CallEvent], None] = lambda _: None
    watch: Callable[[str], None] = lambda _: None
    ear: Ear = field(default_factory=Ear)
    outcome: CallOutcome = field(init=False)
    call: PhoneCall = field(init=False)

    def __post_init__(self) -> None:
        casting = self.casting
        scenario = casting.scenario
        persona = personas().get(scenario.persona)
        network = scenario.caller.network
        if persona is not None and network.is_good:
            network = persona.network
        called = Numbers(casting.number, self.around.called)
        self.call = PhoneCall(
            self.around.line,
            called if self.outgoing is None else Numbers(self.around.called, casting.number),
            language=casting.language,
            speed=self.around.speed,
            tell=self._happened,
            watch=self.watch,
            paced=True,
            network=network,
            outgoing=self.outgoing,
        )
        self.outcome = CallOutcome(
            scenario=scenario.name,
            seed=casting.seed,
            number=self.number,
            call_sid=self.call.call_sid,
            caller=casting.number,
        )

    async def run(self) -> CallOutcome:
        """The whole call with its report. A call that does not come about is an outcome too."""
        outcome, scenario = self.outcome, self.casting.scenario
        player = Player(
            self.call, self.ear, self.casting.turns, scenario.timeout_s, self.around.tools_of, self._step_is_over
        )
        try:
            await self.call.start()
            if not self.call.never_connected or not self.call.ended.is_set():
                await player.play()
            elif self.outgoing is None:
                outcome.failures.append("the call was refused before anybody spoke")
        except (CouldNotConnect, UndeclaredLanguage) as error:
            outcome.failures.append(str(error))
        finally:
            await self._hang_up()
        outcome.ended_by = "refused" if self.call.never_connected else self.call.ended_by
        outcome.resumed, outcome.languages = self.ear.resumed, self.ear.languages
        report = self.call.report()
        outcome.duration_s = report.duration_s
        if self.around.report is not None and not self.call.never_connected:
            outcome.transcript_sid = await self.around.report(report)
        return outcome

    async def _hang_up(self) -> None:
        try:
            await self.call.hang_up()
        except (CouldNotConnect, UndeclaredLanguage):
            return  # told already

    def _happened(self, event: CallEvent) -> None:
        self.ear.happened(event)
        self.tell(event)

    def _step_is_over(self, step: Step) -> None:
        self.outcome.steps.append(step)


def relay_tools(session: aiohttp.ClientSession, relay_url: str, token: str) -> ToolsOf:
    """The tools of a call in the order in which they were called, as the relay shows them to an operator."""
    headers = {"Authorization": f"Bearer {token}"}
    timeout = aiohttp.ClientTimeout(total=TOOLS_WITHIN_S)

    async def tools_of(call_sid: str) -> list[ToolSeen] | None:
        url = f"{relay_url}/api/calls/{call_sid}"
        try:
            async with session.get(url, headers=headers, timeout=timeout) as response:
                if response.status != 200:
                    return None
                shown = msgspec.json.decode(await response.read(), type=_Shown)
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
            return None
        return [tool for turn in shown.transcript for tool in turn.tools]

    return tools_of


class _ShownTurn(msgspec.Struct):
    tools: list[ToolSeen] = []


class _Shown(msgspec.Struct):
    transcript: list[_ShownTurn] = []
