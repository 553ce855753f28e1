"""`crosschannel run SERVICE`: one service in the foreground, in the same environment as under `up`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from crosschannel.demo import child_environment, environment, is_demo, settings_of
from crosschannel.services import BY_NAME, SANDBOX
from crosschannel.week.first_start import show_a_week


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The service's name."""
    parser.add_argument("service", choices=sorted(BY_NAME), help="which service to run")


def run(args: argparse.Namespace) -> int:
    """Becomes the service; gives back 0 only when there is nothing to run: the sandbox beside real accounts.

    Raises ConfigError.
    """
    env = environment()
    if args.service != SANDBOX.name or is_demo(env):
        show_a_week(env, settings_of("crosschannel", env))
        _become(args.service, child_environment(env))
    print("sandbox: the credentials of real accounts are set, so there is nothing to stand in for")
    return 0


def _become(service: str, env: dict[str, str]) -> NoReturn:
    """The same process from here on, so that signals and the exit code are the service's own."""
    os.execve(sys.executable, [sys.executable, "-m", service], env)  # noqa: S606 - no shell is the point
