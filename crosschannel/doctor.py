"""`crosschannel doctor`: what is in order, what is not, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator

from colorama import Fore, Style

from crosschannel.checks.configuration import CORRECT, configuration_findings
from crosschannel.checks.intelligence import set_webhook, webhook_findings
from crosschannel.checks.machine import port_findings, tool_findings
from crosschannel.checks.reachability import account_findings
from crosschannel.demo import CREDENTIALS, environment, is_demo
from crosschannel.services import ALL, PLATFORM
from shared.checks import Finding, Level, data_findings, fault
from shared.config import ConfigError

COLOURS = {Level.OK: Fore.GREEN, Level.NOTE: Fore.YELLOW, Level.FAULT: Fore.RED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--set-webhook: also tells Twilio Intelligence to post here."""
    parser.add_argument(
        "--set-webhook", action="store_true", help="set the recommended webhook on the Intelligence service"
    )


def run(args: argparse.Namespace) -> int:
    """0 when a call can be placed, 1 when a finding is in the way."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    faults = 0
    for finding in findings(set_the_webhook=args.set_webhook):
        faults += finding.level is Level.FAULT
        _print(finding, coloured=coloured)
    if faults:
        print(f"\n{faults} {'fault is' if faults == 1 else 'faults are'} in the way of a call.")
        return 1
    print("\nA call can be placed: `make up`, then `crosschannel call`.")
    return 0


def findings(*, set_the_webhook: bool = False) -> Iterator[Finding]:
    """All findings, the configuration's first; without a usable one only those about the machine."""
    try:
        env = environment()
    except ConfigError as error:
        yield from (fault(text, _advice(text)) for text in error.faults)
        yield from tool_findings()
        return
    services = ALL if is_demo(env) else PLATFORM
    settings, found = configuration_findings(services, env)
    yield from found
    if settings is not None:
        yield from asyncio.run(port_findings(services, settings))
        yield from data_findings(settings)
        yield from account_findings(settings)
        yield from [set_webhook(settings)] if set_the_webhook else webhook_findings(settings)
    yield from tool_findings()


def _advice(text: str) -> str:
    """What to do about a fault that is found before there is an environment to read."""
    if text.startswith("DATA_DIR"):
        return "make it a directory that you may write to, or set DATA_DIR to one"
    if text.startswith(CREDENTIALS):
        return "give TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and OPENAI_API_KEY, or none of them for the demo"
    return CORRECT


def _print(finding: Finding, *, coloured: bool) -> None:
    word = f"{finding.level.value:<6}"
    print(
        f"{COLOURS[finding.level]}{word}{Style.RESET_ALL}{finding.what}" if coloured else f"{word}{finding.what}"
    )
    if finding.advice:
        print(f"      -> {finding.advice}")
