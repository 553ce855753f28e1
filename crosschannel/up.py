"""`crosschannel up`: all services on this machine, against the sandbox or against real accounts."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from crosschannel.demo import child_environment, environment, is_demo, settings_of
from crosschannel.launch.child import stop_with_parent
from crosschannel.launch.launcher import Launcher
from crosschannel.launch.lines import Lines
from crosschannel.launch.ports import conflicts, sole_launcher
from crosschannel.services import ALL, PLATFORM, Service
from crosschannel.week.first_start import show_a_week
from shared.config import ConfigError, Settings

ROOT = Path(__file__).resolve().parent.parent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to build the console, and when to end; everything else is set in the environment."""
    parser.add_argument("--no-console", action="store_true", help="serve the console as it is, without a build")
    parser.add_argument("--empty", action="store_true", help="without the demo's recorded week")
    parser.add_argument("--until-parent-ends", action="store_true", help="also stop when the calling program ends")


def run(args: argparse.Namespace) -> int:
    """0 after Ctrl-C or SIGTERM, 1 when a port is taken or nothing is left running. Raises ConfigError."""
    env = environment()
    services = ALL if is_demo(env) else PLATFORM
    settings = _checked(services, env)
    if args.until_parent_ends:
        stop_with_parent()
    if not args.empty:
        show_a_week(env, settings)
    console = None if args.no_console else ROOT
    return asyncio.run(_run(services, settings, child_environment(env), console))


async def _run(
    services: tuple[Service, ...], settings: Settings, env: dict[str, str], console: Path | None
) -> int:
    taken = await conflicts(services, settings)
    if taken:
        for sentence in taken:
            print(f"crosschannel up: {sentence}", file=sys.stderr)
        return 1
    # Lines must come as they are written, not when a pipe's buffer is full.
    env |= {"PYTHONUNBUFFERED": "1"}
    with sole_launcher(settings.data_dir) as alone:
        if alone:
            return await Launcher(services, settings, env, console, Lines.to_stdout()).run()
    place = f"another one already runs on {settings.data_dir}"
    print(f"crosschannel up: {place}: stop it, or set DATA_DIR to another folder", file=sys.stderr)
    return 1


def _checked(services: tuple[Service, ...], env: dict[str, str]) -> Settings:
    """The settings, after every service's have been read. Raises one ConfigError with all their faults."""
    faults: list[str] = []
    for service in services:
        try:
            settings_of(service.name, env)
        except ConfigError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    if faults:
        raise ConfigError(faults, "`crosschannel doctor` says more about each.")
    return settings_of("crosschannel", env)
