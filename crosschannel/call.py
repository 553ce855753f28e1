"""`crosschannel call`: a simulated phone call to the agent, typed or scripted."""

from __future__ import annotations

import argparse
import asyncio
import sys

import aiohttp

from crosschannel.call_result import CallResult
from crosschannel.call_screen import JsonScreen, Screen, TextScreen
from crosschannel.call_talk import Dial, Say, Step, are_keys, interactive, scripted
from crosschannel.demo import environment
from sandbox.call_identity import Numbers, UndeclaredLanguage
from sandbox.call_report import NotReported, report_call
from sandbox.callers import default_caller
from sandbox.line import CouldNotConnect, Line, line_settings
from sandbox.phone import PhoneCall
from shared.config import Settings, load_settings

DEFAULT_CALLED = "+15555550100"
ANSWERED, UNANSWERED, BAD_ARGUMENTS, NOT_CONNECTED = 0, 1, 2, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Without --say and --dtmf the call is interactive."""
    parser.add_argument(
        "--lang", metavar="TAG", help="the caller's language, such as pt-BR (default: the agent's)"
    )
    parser.add_argument(
        "--say",
        dest="steps",
        action="append",
        type=_words,
        metavar="TEXT",
        help="say this; give it once for every turn",
    )
    parser.add_argument(
        "--dtmf", dest="steps", action="append", type=_keys, metavar="KEYS", help="press these keys (0-9 * #)"
    )
    parser.add_argument(
        "--from", dest="caller", metavar="NUMBER", help="the caller's number (default: by language)"
    )
    parser.add_argument("--speed", type=_above_zero, default=1.0, help="how fast speech plays (default 1)")
    parser.add_argument(
        "--timeout", type=_above_zero, default=30.0, help="seconds to wait for an answer (default 30)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end and nothing else")


def run(args: argparse.Namespace) -> int:
    """0 when every turn was answered, 1 when not, 2 for an undeclared language, 3 when the call did not connect.

    Raises ConfigError.
    """
    settings = load_settings("crosschannel", environment())
    echo = bool(args.steps) or not sys.stdin.isatty()
    screen: Screen = JsonScreen() if args.json else TextScreen(sys.stdout, echo=echo)
    return asyncio.run(_call(args, settings, screen))


async def _call(args: argparse.Namespace, settings: Settings, screen: Screen) -> int:
    try:
        async with aiohttp.ClientSession() as session:
            call = _phone_call(args, settings, session, screen)
            return await _place(args, settings, session, screen, call)
    except UndeclaredLanguage as error:
        screen.error(f"{error}.")
        return BAD_ARGUMENTS
    except CouldNotConnect as error:
        screen.error(str(error))
        return NOT_CONNECTED


def _phone_call(
    args: argparse.Namespace, settings: Settings, session: aiohttp.ClientSession, screen: Screen
) -> PhoneCall:
    called = settings.twilio.phone_number if settings.twilio else None
    return PhoneCall(
        Line(session, line_settings(settings)),
        Numbers(args.caller or default_caller(args.lang), called or DEFAULT_CALLED),
        language=args.lang,
        speed=args.speed,
        tell=screen.happened,
    )


async def _place(
    args: argparse.Namespace, settings: Settings, session: aiohttp.ClientSession, screen: Screen, call: PhoneCall
) -> int:
    await call.start()
    steps: list[Step] = args.steps or []
    is_scripted = bool(steps) or args.json
    try:
        turns = await (scripted(call, screen, steps, args.timeout) if is_scripted else interactive(call, screen))
    finally:  # after Ctrl-C too: the call took place
        await call.hang_up()
        transcript_sid = await _report(settings, session, screen, call)
    result = CallResult.of(call.report(), turns, transcript_sid)
    screen.summary(result)
    return ANSWERED if result.all_answered or not is_scripted else UNANSWERED


async def _report(
    settings: Settings, session: aiohttp.ClientSession, screen: Screen, call: PhoneCall
) -> str | None:
    """The transcript's sid; None when there is no sandbox, which is told and nothing worse."""
    if settings.twilio is None or call.never_connected:
        return None
    try:
        return await report_call(session, settings.urls.sandbox, settings.twilio, call.report())
    except NotReported as error:
        screen.note(str(error))
        return None


def _words(text: str) -> Say:
    if not text.strip():
        raise argparse.ArgumentTypeError("has no words: nothing would be heard")
    return Say(text)


def _keys(text: str) -> Dial:
    if not are_keys(text):
        raise argparse.ArgumentTypeError(f"{text!r} has a key that phones do not have")
    return Dial(text)


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return value
