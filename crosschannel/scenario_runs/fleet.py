"""Scenarios run against the platform: those that need the sandbox for themselves first, the others together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crosschannel.scenario_runs.stage import Stage
from sandbox.scenarios.grammar import Scenario
from sandbox.scenarios.outcome import CallOutcome
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings

LATE_CALLS = 2  # so often a call is placed again


@dataclass(frozen=True, slots=True)
class Order:
    """How to run: `calls` in all (None: each scenario as often as it says), so many at once, and what is added to
    the scenarios' seeds."""

    calls: int | None = None
    parallel: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One call to make."""

    scenario: Scenario
    number: int
    seed: int


def planned(scenarios: Sequence[Scenario], order: Order) -> list[Run]:
    """The calls in the order in which they begin. With `calls` the shared scenarios take turns; those that run
    alone run as often as they say, since they change what all others see."""
    alone = [scenario for scenario in scenarios if scenario.runs_alone]
    shared = [scenario for scenario in scenarios if not scenario.runs_alone]
    runs = list(_each(alone, order))
    if order.calls is None or not shared:
        return [*runs, *_each(shared, order)]
    for number in range(max(0, order.calls - len(runs))):
        scenario = shared[number % len(shared)]
        round_ = number // len(shared)
        runs.append(Run(scenario, round_, scenario.seed + order.seed + round_))
    return runs


def _each(scenarios: Sequence[Scenario], order: Order) -> Iterator[Run]:
    for scenario in scenarios:
        for number in range(scenario.repeat):
            yield Run(scenario, number, scenario.seed + order.seed + number)


async def run_all(
    runs: Sequence[Run], order: Order, around: Surroundings, stage: Stage, told: Callable[[CallOutcome], None]
) -> list[CallOutcome]:
    """The outcomes in the order of `runs`; `told` hears of each as it comes in."""
    outcomes: list[CallOutcome | None] = [None] * len(runs)
    room = asyncio.Semaphore(order.parallel)

    async def one(index: int) -> None:
        run = runs[index]
        async with room:
            outcome = await _call(run, around)
        outcomes[index] = outcome
        told(outcome)

    for index, run in enumerate(runs):
        if run.scenario.runs_alone:
            async with stage.set_for(run.scenario.before):
                await one(index)
    async with asyncio.TaskGroup() as tasks:
        for index, run in enumerate(runs):
            if not run.scenario.runs_alone:
                tasks.create_task(one(index))
    return [outcome for outcome in outcomes if outcome is not None]


async def _call(run: Run, around: Surroundings) -> CallOutcome:
    """One call, placed again when the machine was too busy for its caller to talk over the agent in time."""
    for again in range(LATE_CALLS + 1):
        outcome = await ScenarioCall(Casting.of(run.scenario, run.seed), around, run.number).run()
        outcome.placed_again = again
        if not outcome.late:
            break
    return outcome
