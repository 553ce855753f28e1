"""The command line `crosschannel`: each command is a module that is imported only when it is chosen."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

# command: (module with add_arguments and run, one line of help)
COMMANDS = {
    "up": ("crosschannel.up", "start all services, with the sandbox when there are no accounts"),
    "run": ("crosschannel.run", "run one service in the foreground (what a container does)"),
    "scenarios": ("crosschannel.scenarios", "run simulated callers by the dozen and judge the agent"),
    "replay": ("crosschannel.replay", "play a recorded call against today's code and show what has changed"),
    "call": ("crosschannel.call", "place a simulated call and talk with the agent"),
    "doctor": ("crosschannel.doctor", "check the configuration and this machine, and say what to do"),
    "erase": ("crosschannel.erase", "remove a caller from everything that is kept, and prove it"),
    "analytics": ("crosschannel.analytics", "print the measures of a period, or draw them"),
    "reindex": ("crosschannel.reindex", "fill the conversations' search index anew, or compare it with Twilio"),
    "operators": ("crosschannel.operators", "add, list and revoke who may operate the platform"),
    "sandbox": ("crosschannel.sandbox_commands", "fill or empty the sandbox's account"),
    "version": ("crosschannel.version", "print the version"),
}


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the command: 2 for a configuration or arguments that cannot be used."""
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    args = _parser(chosen).parse_args(arguments)
    return _run(_load(args.command), args)


def _run(command: Command, args: argparse.Namespace) -> int:
    from shared.environment import ConfigError

    try:
        return command.run(args)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `crosschannel … | head`: the reader has seen enough
        sys.stderr.close()
        return 1


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    """All commands by name; only the chosen one's module is imported to add its arguments."""
    parser = argparse.ArgumentParser(prog="crosschannel", description="Cross-channel AI agents on Twilio.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, help_line) in COMMANDS.items():
        command = commands.add_parser(name, help=help_line, description=help_line)
        if name == chosen:
            _load(name).add_arguments(command)
    return parser


def _load(name: str) -> Command:
    return cast(Command, importlib.import_module(COMMANDS[name][0]))


if __name__ == "__main__":
    sys.exit(main())
