"""Scenarios played on a call to a tiny application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from crosschannel.scenario_runs.fleet import Order, planned, run_all
from crosschannel.scenario_runs.screen import table
from crosschannel.scenario_runs.stage import Stage as Control
from crosschannel.scenario_runs.summary import summarize
from sandbox.scenarios.outcome import CallOutcome
from sandbox.scenarios.personas import PersonaTurns, personas
from sandbox.scenarios.reader import read_text
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings
from shared.config import TwilioAccount
from tests.phone_kit import EVENTS, Frame, TinyRelay, open_phone

ATTRIBUTES = f'{EVENTS} partialPrompts="true" dtmfDetection="true"'
THREE = "One is here. Two goes on for a long while without any pause at all until it is done. Three."


@dataclass
class Stage:
    """An application and a way to play scenarios with it."""

    relay: TinyRelay
    around: Surroundings

    async def play(self, text: str, seed: int = 0) -> CallOutcome:
        casting = Casting.of(read_text(text), seed)
        return await asyncio.wait_for(ScenarioCall(casting, self.around).run(), 20)


@asynccontextmanager
async def open_stage(relay: TinyRelay | None = None, speed: float = 40.0) -> AsyncIterator[Stage]:
    relay = relay or TinyRelay(attributes=ATTRIBUTES, greeting="Good day!")
    async with open_phone(relay) as phone:
        yield Stage(relay, Surroundings(phone.line, "+15555550100", speed))


async def test_turns_are_taken_one_after_another_and_judged() -> None:
    async with open_stage() as stage:
        outcome = await stage.play(
            """
            turns:
              - expect: [{text_contains: Good day}]
              - user: hello there
                expect: [{text_contains: You said hello, within_ms: 4000}]
              - user: again
                expect: [{text_contains: something else}]
              - hangup: true
            """
        )
    greeting, hello, again, _ = outcome.steps
    assert (greeting.agent, hello.agent, hello.heard) == (
        "Good day!",
        "You said: hello there.",
        "You said: hello there.",
    )
    assert hello.first_text_ms is not None
    assert again.failures == ["expected 'something else'; the agent answered: 'You said: again.'"]
    assert not outcome.passed
    assert outcome.all_failures[0].startswith("turn 3: ")
    assert (outcome.ended_by, outcome.languages) == ("caller", ["en-US"])
    assert stage.relay.form_of("/voice/ended")["SessionStatus"] == "completed"


async def test_the_second_sentence_is_talked_over() -> None:
    async def lecture(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt" and frame["last"]:
            await relay.speak(socket, THREE if frame["voicePrompt"] == "go" else "Yes?")

    async with open_stage(TinyRelay(behave=lecture, attributes=ATTRIBUTES), speed=5) as stage:
        outcome = await stage.play(
            """
            turns:
              - user: go
              - interrupt: {sentence: 2, after_ms: 800}
                user: stop
                expect: [{event: interrupted}, {text_contains: "yes"}]
            """
        )
    assert outcome.passed, outcome.all_failures
    assert outcome.interruptions == 1
    heard = stage.relay.of_type("interrupt")[0]["utteranceUntilInterrupt"]
    assert heard.startswith(" Two goes on")
    assert "Three" not in outcome.steps[0].heard


async def test_a_sentence_that_never_comes_is_a_failure() -> None:
    async with open_stage() as stage:
        outcome = await stage.play("{timeout_s: 0.5, turns: [{user: hi}, {user: stop, interrupt: {sentence: 9}}]}")
    assert "the agent's sentence 9 never came" in outcome.all_failures[0]


async def test_hanging_up_in_the_middle_of_ones_words_says_only_their_beginning() -> None:
    async with open_stage() as stage:
        outcome = await stage.play("turns: [{user: I wanted to ask you whether you could, hangup: true}]")
    prompts = stage.relay.of_type("prompt")
    assert outcome.passed
    assert prompts
    assert not any(prompt["last"] for prompt in prompts)
    assert "could" not in prompts[-1]["voicePrompt"]


async def test_silence_ends_when_its_expectations_are_met() -> None:
    async def ask(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "setup":
            await asyncio.sleep(1.0)  # the application's own clock, beyond the caller's patience with a greeting
            await relay.speak(socket, "Are you there?")

    async with open_stage(TinyRelay(behave=ask, attributes=ATTRIBUTES)) as stage:
        began_s = time.monotonic()
        outcome = await stage.play("turns: [{silence: 15, expect: [{text_contains: are you there}]}]")
    assert outcome.passed, outcome.all_failures
    assert time.monotonic() - began_s < 10


async def test_keys_and_a_lost_connection() -> None:
    async with open_stage() as stage:
        stage.relay.answers = [stage.relay.twiml()]
        turns = "[{drop: true, expect: [{event: resumed}]}, {user: hi}, {dtmf: '12'}]"
        outcome = await stage.play(f"{{timeout_s: 1, turns: {turns}}}")
    assert [frame["digit"] for frame in stage.relay.of_type("dtmf")] == ["1", "2"]
    assert outcome.resumed == 1


async def test_words_that_come_too_late_are_a_failure() -> None:
    async def leave(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt" and frame["last"]:
            await socket.send_json({"type": "end"})

    async with open_stage(TinyRelay(behave=leave, attributes=ATTRIBUTES)) as stage:
        outcome = await stage.play(
            "turns: [{user: bye, expect: [{event: ended, by: agent}]}, {user: one more thing}]"
        )
    assert outcome.all_failures == ["turn 2: the call was over before this"]


async def test_a_call_that_is_refused_is_an_outcome() -> None:
    busy = TinyRelay(voice_answer="<Response><Say>Busy.</Say><Hangup/></Response>")
    async with open_stage(busy) as stage:
        outcome = await stage.play("turns: [{user: hi}]")
    assert (outcome.ended_by, outcome.passed) == ("refused", False)


async def test_the_same_seed_makes_the_same_call() -> None:
    said = []
    for seed in (3, 3, 4):
        async with open_stage(speed=100) as stage:
            await stage.play("persona: friendly", seed)
            said.append([prompt["voicePrompt"] for prompt in stage.relay.of_type("prompt") if prompt["last"]])
    assert said[0] == said[1]
    assert said[0] != said[2]


def test_a_persona_answers_what_the_agent_asks() -> None:
    for seed in range(20):
        turns = PersonaTurns(personas()["keypad"], seed, "en-US")
        first = turns.next("Good day!")
        if first is not None and first.user is not None and not any(c.isdigit() for c in first.user):
            answer = turns.next("Sure. Could you give me the order number?")
            assert answer is not None
            assert (answer.dtmf or "").endswith("#")
            return
    raise AssertionError("no seed of twenty asked for an order without its number")


def test_every_persona_comes_to_an_end_in_every_language() -> None:
    for persona in personas().values():
        for language in ("en-US", "pt-BR", "es-US"):
            turns = PersonaTurns(persona, 5, language)
            taken = 0
            while turns.next("Shall I put you through to a colleague? What is the order number?") is not None:
                taken += 1
                assert taken < 30, persona.name


async def test_an_agent_that_ends_the_call_has_answered() -> None:
    async def leave(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
        if frame["type"] == "prompt" and frame["last"]:
            await socket.send_json({"type": "end"})

    async with open_stage(TinyRelay(behave=leave, attributes=ATTRIBUTES)) as stage:
        outcome = await stage.play("turns: [{user: a person please}]")
    assert outcome.passed, outcome.all_failures
    assert outcome.ended_by == "agent"


async def test_a_call_whose_caller_is_late_is_placed_again_and_fails_in_the_end() -> None:
    turn = "{user: stop, interrupt: {sentence: 1, after_ms: 60000}, expect: [{event: interrupted}]}"
    late = f"name: late\nturns: [{turn}]"
    heard: list[CallOutcome] = []
    async with open_stage(speed=200) as stage, aiohttp.ClientSession() as session:
        unused = Control(session, "http://127.0.0.1:1", TwilioAccount("AC", "token"))
        runs = planned([read_text(late)], Order())
        (outcome,) = await run_all(runs, Order(), stage.around, unused, heard.append)
    assert (outcome.placed_again, outcome.passed, outcome.steps[0].late) == (2, False, True)
    assert heard == [outcome]
    assert "2 were placed again" in table(summarize([read_text(late)], [outcome], 1, 1, 1), colours=False)
