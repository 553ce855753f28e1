"""`crosschannel sandbox …`: what can be done with the sandbox's account from the command line."""

from __future__ import annotations

import argparse
import importlib
from typing import Protocol, cast

# command: (module with add_arguments and run, one line of help)
COMMANDS = {
    "seed": ("crosschannel.sandbox_seed", "fill the sandbox's account with conversations in three languages"),
    "record-week": ("crosschannel.sandbox_record_week", "record the demo week that a first `make up` shows"),
    "reset": ("crosschannel.sandbox_reset", "empty the sandbox's account"),
}


class Command(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands, each with its own arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (module, help_line) in COMMANDS.items():
        _load(module).add_arguments(actions.add_parser(name, help=help_line, description=help_line))


def run(args: argparse.Namespace) -> int:
    """The exit code of the chosen subcommand."""
    return _load(COMMANDS[args.action][0]).run(args)


def _load(module: str) -> Command:
    return cast(Command, importlib.import_module(module))
