"""`crosschannel scenarios run DIR`: simulated callers by the dozen, judged."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import msgspec

from crosschannel.arguments import count, new_file, speed
from crosschannel.demo import environment
from crosschannel.scenario_runs.fleet import Order, planned, run_all
from crosschannel.scenario_runs.page import page
from crosschannel.scenario_runs.screen import Progress, table
from crosschannel.scenario_runs.stage import NoStage, Stage
from crosschannel.scenario_runs.summary import Summary, summarize
from sandbox.call_report import NotReported, report_call
from sandbox.line import CouldNotConnect, Line, line_settings
from sandbox.reported_call import ReportedCall
from sandbox.scenarios.grammar import Scenario
from sandbox.scenarios.outcome import CallOutcome
from sandbox.scenarios.reader import BadScenario, NoScenarios, read_folder
from sandbox.scenarios.run import Surroundings, relay_tools
from shared.config import Settings, TwilioAccount, load_settings

PASSED, FAILED, BAD_ARGUMENTS, NOT_CONNECTED = 0, 1, 2, 3
DEFAULT_CALLED = "+15555550100"
ACCELERATED = 20.0
MOST_PARALLEL = 2000


class Written(msgspec.Struct):
    """The JSON file of a run."""

    at: datetime
    summary: Summary
    calls: list[CallOutcome]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="read the scenarios and say what is wrong with them, without a call")
    check.add_argument("place", type=Path, metavar="DIR", help="a folder of scenarios, or one file")
    run = actions.add_parser("run", help="place the calls, judge them, print a table")
    run.add_argument("place", type=Path, metavar="DIR", help="a folder of scenarios, or one file")
    run.add_argument("--calls", type=count, metavar="N", help="calls in all (default: each scenario's `repeat`)")
    run.add_argument("--parallel", type=count, default=10, metavar="N", help="calls at once (default 10)")
    run.add_argument("--seed", type=int, default=0, help="added to the seeds of the scenarios (default 0)")
    run.add_argument("--only", metavar="WORD", help="only scenarios with this tag, or this in their name")
    tempo = run.add_mutually_exclusive_group()
    tempo.add_argument("--real-time", action="store_true", help="as slow as life, with the speech of both sides")
    tempo.add_argument("--speed", type=speed, default=ACCELERATED, help="times as fast as life (default 20)")
    run.add_argument("--json", type=new_file, metavar="FILE", help="write every call and the summary")
    run.add_argument("--html", type=new_file, metavar="FILE", help="write a report with charts")
    run.add_argument("--no-transcripts", action="store_true", help="do not report the calls to Intelligence")


def run(args: argparse.Namespace) -> int:
    """0 when every scenario passed, 1 when not, 2 for scenarios that cannot be read, 3 when nothing answers.

    Raises ConfigError.
    """
    try:
        scenarios = _chosen(read_folder(args.place), getattr(args, "only", None))
    except BadScenario as error:
        print(error, file=sys.stderr)
        return BAD_ARGUMENTS
    if args.action == "check":
        print(f"{len(scenarios)} scenarios can be read.")
        return PASSED
    settings = load_settings("crosschannel", environment())
    try:
        return asyncio.run(_run(args, scenarios, settings))
    except (CouldNotConnect, NoStage) as error:
        print(error, file=sys.stderr)
        return NOT_CONNECTED


def _chosen(scenarios: list[Scenario], word: str | None) -> list[Scenario]:
    tagged = [one for one in scenarios if word is None or word in one.tags]
    chosen = tagged or [one for one in scenarios if word is not None and word in one.name]
    if not chosen:
        raise NoScenarios(f"no scenario has the tag {word!r} or this in its name")
    return chosen


async def _run(args: argparse.Namespace, scenarios: Sequence[Scenario], settings: Settings) -> int:
    line = line_settings(settings)
    account = settings.twilio
    if account is None:
        raise CouldNotConnect("There is no Twilio account to call with. Run `make up`, or fill .env.")
    order = Order(args.calls, min(args.parallel, MOST_PARALLEL), args.seed)
    pace = 1.0 if args.real_time else args.speed
    runs = planned(scenarios, order)
    progress = Progress(sys.stderr, len(runs))
    began_s = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        around = Surroundings(
            line=Line(session, line),
            called=account.phone_number or DEFAULT_CALLED,
            speed=pace,
            tools_of=relay_tools(session, settings.urls.relay, settings.operator_token),
            report=None if args.no_transcripts else _Reporter(session, settings.urls.sandbox, account).report,
        )
        stage = Stage(session, settings.urls.sandbox, account)
        outcomes = await run_all(runs, order, around, stage, progress.told)
    summary = summarize(scenarios, outcomes, time.monotonic() - began_s, order.parallel, pace)
    _write(args, summary, outcomes)
    if outcomes and all(outcome.ended_by == "refused" for outcome in outcomes):
        raise CouldNotConnect("\n".join(dict.fromkeys(text for one in outcomes for text in one.all_failures)))
    print(table(summary, colours=sys.stdout.isatty()))
    return PASSED if summary.ok else FAILED


class _Reporter:
    """Reports calls to the sandbox's Intelligence; says once when there is none."""

    def __init__(self, session: aiohttp.ClientSession, url: str, account: TwilioAccount) -> None:
        self._session = session
        self._url = url
        self._account = account
        self._complained = False

    async def report(self, call: ReportedCall) -> str | None:
        try:
            return await report_call(self._session, self._url, self._account, call)
        except NotReported as error:
            if not self._complained:
                print(f"\n{error}", file=sys.stderr)
            self._complained = True
            return None


def _write(args: argparse.Namespace, summary: Summary, outcomes: list[CallOutcome]) -> None:
    """The files that were asked for."""
    now = datetime.now(UTC)
    if args.json is not None:
        text = msgspec.json.format(msgspec.json.encode(Written(now, summary, outcomes)))
        args.json.write_bytes(text + b"\n")
    if args.html is not None:
        args.html.write_text(page(summary, outcomes, f"Scenarios, {now:%Y-%m-%d %H:%M} UTC"), encoding="utf-8")
