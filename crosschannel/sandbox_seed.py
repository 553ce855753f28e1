"""`crosschannel sandbox seed`: conversations for the sandbox's account, whether it runs or not."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TextIO

from crosschannel.demo import environment, is_demo, settings_of
from shared.config import ConfigError, Settings

LARGEST = 1_000_000
WIDTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conversations", type=int, default=500, metavar="N", help="how many (default 500)")
    parser.add_argument("--days", type=int, default=60, metavar="N", help="spread over so many days (default 60)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="another seed, another account (default 1)"
    )


def run(args: argparse.Namespace) -> int:
    """0 when the account was filled. Raises ConfigError for real accounts and impossible numbers."""
    env = environment()
    if not is_demo(env):
        raise ConfigError(["seed fills the sandbox's account only, and this environment has a real one"])
    if not 1 <= args.conversations <= LARGEST or not 1 <= args.days <= 3650:
        raise ConfigError([f"--conversations is 1 to {LARGEST}, --days 1 to 3650"])
    settings = settings_of("sandbox", env)
    began_s = time.monotonic()
    conversations, messages = _fill(settings, args, ProgressBar(sys.stderr, args.conversations))
    print(f"{conversations} conversations with {messages} messages in {time.monotonic() - began_s:.1f} s")
    return 0


def _fill(settings: Settings, args: argparse.Namespace, bar: ProgressBar) -> tuple[int, int]:
    from sandbox.seeding import Plan, open_account, seed

    with open_account(settings) as (world, default_service_sid):
        made = seed(world, default_service_sid, Plan(args.conversations, args.seed, args.days), bar.show)
    return made.conversations, made.messages


class ProgressBar:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, output: TextIO, total: int) -> None:
        self._output = output
        self._total = total

    def show(self, done: int) -> None:
        if self._output.isatty():
            full = WIDTH * done // self._total
            end = "\n" if done >= self._total else ""
            self._output.write(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {done}/{self._total} conversations{end}")
            self._output.flush()
