"""The steps of the set-up and the command line that chooses them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from crosschannel.bootstrap import browser, console
from crosschannel.bootstrap.command import SetupError, fail
from crosschannel.bootstrap.environment import Environment

ROOT = Path(__file__).resolve().parent.parent.parent


def main(arguments: Sequence[str]) -> int:
    """The exit code of the chosen steps: 0, 1 with one line, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    _end_children_on_sigterm()
    try:
        run_steps(options)
    except SetupError as error:
        return fail(error)
    except OSError as error:  # a full or read-only disk, above all
        return fail(SetupError(f"{error.filename or 'the set-up'}: {error.strerror}"))
    except KeyboardInterrupt:
        print("set-up interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0


def run_steps(options: argparse.Namespace) -> None:
    """Carries out the steps in their order. Raises SetupError at the first that fails."""
    environment = Environment(ROOT)
    if not options.no_environment:
        environment.ensure("dev" if options.dev else "runtime")
    if options.browser:
        browser.ensure()
    if options.console:
        console.build(environment)
    if options.npm:
        console.npm(environment, options.npm)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m crosschannel.bootstrap",
        description="Sets up .venv from requirements.lock and builds the console; quick when nothing changed.",
    )
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    parser.add_argument("--console", action="store_true", help="build the web console into web/dist")
    parser.add_argument("--browser", action="store_true", help="find or install Chromium for the browser tests")
    parser.add_argument("--no-environment", action="store_true", help="leave .venv as it is")
    parser.add_argument("--npm", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="run npm in web/")
    return parser


def _end_children_on_sigterm() -> None:
    """As leader of its own process group (under `crosschannel up`), SIGTERM ends npm and all it started."""
    if os.getpgrp() == os.getpid():
        signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
