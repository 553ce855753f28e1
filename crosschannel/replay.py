"""`crosschannel replay CALL_SID|FILE`: a recorded call played again against today's code, and what has changed."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import msgspec

from crosschannel.arguments import existing_file, new_file, share, speed
from crosschannel.demo import environment
from crosschannel.private_services import NotStarted
from crosschannel.replays.caller_side import script_of
from crosschannel.replays.compare import Comparison, compare
from crosschannel.replays.private_relay import private_relay
from crosschannel.replays.pseudonyms import Pseudonyms
from crosschannel.replays.recording import (
    NoRecording,
    Recording,
    journalled,
    read_recording,
    recording_of,
    write_recording,
)
from crosschannel.replays.screen import side_by_side
from dialogue.agent import Agent, load_agent
from sandbox.line import CouldNotConnect, Line, line_settings
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings
from shared.config import Settings, load_settings

SAME, CHANGED, BAD_ARGUMENTS, NOT_CONNECTED = 0, 1, 2, 3
WRITTEN_WITHIN_S, LOOK_EVERY_S = 5.0, 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="CALL_SID|FILE", help="a call in the journals, or an exported recording")
    parser.add_argument("--agent", type=existing_file, metavar="FILE", help="play it against this agent file")
    parser.add_argument("--model", metavar="NAME", help="play it against this model")
    parser.add_argument("--speed", type=speed, default=20.0, help="times as fast as life (default 20)")
    parser.add_argument(
        "--similar",
        type=share,
        default=0.6,
        metavar="SHARE",
        help="how much of the words of a reply must be the same, 0 to 1 (default 0.6)",
    )
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON and nothing else")
    parser.add_argument("--update", action="store_true", help="accept: write what happened now into FILE")
    parser.add_argument("--export", type=new_file, metavar="FILE", help="only write the recording, pseudonymised")
    parser.add_argument(
        "--keep-numbers", action="store_true", help="export: keep numbers other than phone numbers"
    )
    parser.add_argument("--name", action="append", default=[], help="export: a name to replace; may be repeated")


def run(args: argparse.Namespace) -> int:
    """0 when nothing that counts has changed, 1 when something has, 2 for a source that cannot be replayed, 3 when
    no relay could be started or reached. Raises ConfigError."""
    env = environment()
    settings = load_settings("crosschannel", env)
    if args.update and not Path(args.source).is_file():
        print("--update writes into the file that was replayed; make one with --export first.", file=sys.stderr)
        return BAD_ARGUMENTS
    try:
        recording = read_recording(args.source, settings.data_dir)
        if args.export is not None:
            return _export(recording, args, settings)
        agent = None if args.agent is None else args.agent.resolve()
        return asyncio.run(_replay(recording, args, env, settings, agent))
    except NoRecording as error:
        print(error, file=sys.stderr)
        return BAD_ARGUMENTS
    except (NotStarted, CouldNotConnect) as error:
        print(error, file=sys.stderr)
        return NOT_CONNECTED


def _export(recording: Recording, args: argparse.Namespace, settings: Settings) -> int:
    texts = _texts(load_agent(settings.agent_file))
    pseudonyms = Pseudonyms(texts, keep_numbers=args.keep_numbers, names=args.name)
    write_recording(pseudonyms.recording(recording), args.export)
    turns = len(recording.turns)
    print(f"{args.export}: {turns} turns. Read it before you hand it on: names are found by their look.")
    return SAME


def _texts(agent: Agent) -> list[str]:
    """What the agent file says, whose words are no secret."""
    return [text for text in _strings(msgspec.to_builtins(agent)) if text]


def _strings(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case list() | tuple():
            return [text for item in value for text in _strings(item)]
        case dict():
            return [text for item in value.values() for text in _strings(item)]
        case _:
            return []


async def _replay(
    then: Recording, args: argparse.Namespace, env: Mapping[str, str], settings: Settings, agent: Path | None
) -> int:
    async with private_relay(env, settings, agent, args.model) as relay:
        async with aiohttp.ClientSession() as session:
            line = Line(session, line_settings(relay.settings))
            scenario = script_of(then)
            around = Surroundings(line, then.called, args.speed)
            outcome = await ScenarioCall(Casting.of(scenario, 0), around).run()
            if outcome.ended_by == "refused":
                raise CouldNotConnect("; ".join(outcome.failures) or "the call was refused")
        now = await _written(relay.data_dir, outcome.call_sid)
    comparison = compare(then, now, args.similar)
    _show(comparison, as_json=args.json)
    if args.update:
        write_recording(
            msgspec.structs.replace(now, caller=then.caller, call_sid=then.call_sid), Path(args.source)
        )
        return SAME
    return SAME if comparison.same else CHANGED


async def _written(data_dir: Path, call_sid: str) -> Recording:
    """The call as the relay has journalled it, once its end is there. Raises NoRecording."""
    deadline_s = asyncio.get_running_loop().time() + WRITTEN_WITHIN_S
    while True:
        found = recording_of(journalled(data_dir), call_sid)
        if found is not None and found.reason:
            return found
        if asyncio.get_running_loop().time() >= deadline_s:
            raise NoRecording("The relay did not journal the replayed call.")
        await asyncio.sleep(LOOK_EVERY_S)


def _show(comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode({"same": comparison.same, **msgspec.to_builtins(comparison)}).decode())
        return
    width = shutil.get_terminal_size((120, 24)).columns
    print(side_by_side(comparison, width, colours=sys.stdout.isatty()))
