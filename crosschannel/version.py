"""`crosschannel version`."""

from __future__ import annotations

import argparse
from importlib.metadata import version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""
    _ = parser


def run(args: argparse.Namespace) -> int:
    """Prints the installed version; exit code 0."""
    _ = args
    print(f"crosschannel {version('crosschannel')}")
    return 0
