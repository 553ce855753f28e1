"""Talking on a simulated call: step by step from a script, or line by line from the keyboard."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from crosschannel.call_result import Turn
from crosschannel.call_screen import Screen
from sandbox.phone import PhoneCall

HELP = """Type what the caller says and press Enter. Talking while the agent speaks interrupts it.
  /dtmf 1#     press keys
  /interrupt   break into the agent's speech without words
  /silence 5   say nothing for 5 seconds
  /drop        lose the connection
  /hangup      put the phone down"""


@dataclass(frozen=True, slots=True)
class Say:
    """A step of the script: the caller says this."""

    text: str


@dataclass(frozen=True, slots=True)
class Dial:
    """A step of the script: the caller presses these keys."""

    keys: str


Step = Say | Dial


def are_keys(text: str) -> bool:
    """Whether a phone has all of these keys, and there is one."""
    return bool(text) and all(key in "0123456789*#" for key in text)


async def scripted(call: PhoneCall, screen: Screen, steps: Sequence[Step], timeout_s: float) -> list[Turn]:
    """Takes the steps one after another, each when the agent has finished. Every step is a turn of the result,
    also those that the agent's hang-up left over."""
    await call.agent_is_done(timeout_s)
    turns = []
    for step in steps:
        turn = screen.begin_turn(step.text if isinstance(step, Say) else step.keys)
        if not call.ended.is_set():
            passed = await (call.say(step.text) if isinstance(step, Say) else call.press(step.keys))
            done = passed and await call.agent_is_done(timeout_s)
            turn.answered = done and (turn.first_text_ms is not None)
        screen.end_turn()
        turns.append(turn)
    return turns


async def interactive(call: PhoneCall, screen: Screen) -> list[Turn]:
    """Passes on what is typed until either side hangs up or the input ends."""
    screen.note("Type what the caller says; /help shows more.")
    turns: list[Turn] = []
    lines = _typed_lines()
    over = asyncio.create_task(call.ended.wait())
    try:
        while not call.ended.is_set():
            line = asyncio.ensure_future(anext(lines, None))
            await asyncio.wait({line, over}, return_when=asyncio.FIRST_COMPLETED)
            if not line.done():
                line.cancel()
                break
            text = line.result()
            if text is None or not await _obey(call, screen, text.strip(), turns):
                break
    finally:
        over.cancel()
    return turns


async def _obey(call: PhoneCall, screen: Screen, line: str, turns: list[Turn]) -> bool:
    """Carries out one typed line; False when the caller hangs up."""
    command, _, argument = line.partition(" ")
    match command:
        case "":
            pass
        case "/hangup" | "/quit" | "/exit":
            return False
        case "/help":
            screen.note(HELP)
        case "/dtmf":
            keys = "".join(argument.split())
            if are_keys(keys):
                turns.append(screen.begin_turn(keys))
                await call.press(keys)
            else:
                screen.note("Phones have the keys 0 to 9, * and #: /dtmf 1#")
        case "/interrupt":
            if not await call.interrupt():
                screen.note("the agent is not speaking, or cannot be interrupted")
        case "/silence":
            await _be_silent(call, screen, argument)
        case "/drop":
            await call.drop()
        case _ if command.startswith("/"):
            screen.note(f"There is no {command}. /help shows what there is.")
        case _:
            turns.append(screen.begin_turn(line))
            await call.say(line)
    return True


async def _be_silent(call: PhoneCall, screen: Screen, argument: str) -> None:
    try:
        duration_s = float(argument or "5")
    except ValueError:
        duration_s = 0.0
    if not 0 < duration_s < float("inf"):  # not a number is no time either: it would never be over
        screen.note("Silence has a number of seconds: /silence 5")
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(duration_s):
            await call.ended.wait()


async def _typed_lines() -> AsyncIterator[str]:
    """Lines of standard input. A thread reads them, as it alone works for terminals, pipes and files; it is a
    daemon, so that an unfinished line does not hold up the end."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop has ended before the input
            for line in sys.stdin:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            loop.call_soon_threadsafe(queue.put_nowait, None)

    threading.Thread(target=read, daemon=True, name="typed lines").start()
    while (line := await queue.get()) is not None:
        yield line
