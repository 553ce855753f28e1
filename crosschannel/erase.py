"""`crosschannel erase`: removes a caller from everything the platform keeps, and proves it by a second search."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.client import HTTPException

import msgspec

from crosschannel.demo import environment, settings_of
from shared.config import Settings
from shared.erase_route import EraseReport
from shared.person import person

# Rewriting gigabytes takes its time; a service that is down is found out at once.
TIMEOUT_S = 600.0
EXIT_LEFT = 1
EXIT_USAGE = 2


class NoAnswer(Exception):
    """A service could not be asked, or refused."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--caller +15551234567 [--search] [--yes]."""
    parser.add_argument("--caller", required=True, metavar="+15551234567", help="the number in E.164")
    parser.add_argument("--search", action="store_true", help="only say what is kept about the number")
    parser.add_argument("--yes", action="store_true", help="do not ask before erasing")


def run(args: argparse.Namespace) -> int:
    """0 when nothing is left, 1 when something is or a service did not answer, 2 for a number that is none."""
    settings = settings_of("crosschannel", environment())
    try:
        person(args.caller)
        found = ask_all(settings, args.caller, search=True)
        print("Kept about this number:")
        _print_counts(found, "left")
        if args.search:
            return 0
        if not args.yes and not _confirmed():
            return EXIT_USAGE
        done = ask_all(settings, args.caller, search=False)
        print("Removed:")
        for what in ("removed", "masked", "derived"):
            _print_counts(done, what)
        left = ask_all(settings, args.caller, search=True)
    except ValueError as error:
        print(f"crosschannel erase: {error}", file=sys.stderr)
        return EXIT_USAGE
    except NoAnswer as error:
        print(f"crosschannel erase: {error}", file=sys.stderr)
        return EXIT_LEFT
    print("A second search finds:")
    return EXIT_LEFT if _print_counts(left, "left") else 0


def ask_all(settings: Settings, caller: str, *, search: bool) -> dict[str, EraseReport]:
    """Each owning service's report. Raises NoAnswer; erasing again is safe."""
    return {name: _ask(settings, name, url, caller, search) for name, url in owners(settings)}


def owners(settings: Settings) -> Iterator[tuple[str, str]]:
    """The services that keep something, and where they are; those with journals before those that derive."""
    urls = settings.urls
    yield "intelligence_webhooks", urls.intelligence
    yield "conversations_api", urls.conversations
    yield "relay_server", urls.relay
    yield "signal_analytics", urls.analytics


def _ask(settings: Settings, name: str, url: str, caller: str, search: bool) -> EraseReport:
    body = msgspec.json.encode({"caller": caller, "search": search})
    headers = {"Authorization": f"Bearer {settings.operator_token}", "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        request = urllib.request.Request(f"{url}/erase", body, headers)  # noqa: S310 - http(s), by configuration
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return msgspec.json.decode(response.read(), type=EraseReport)
    except urllib.error.HTTPError as error:
        raise NoAnswer(f"{name} answered {error.code}: {_detail(error.read())}") from error
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        raise NoAnswer(f"{name} does not answer at {url} ({error}); start the platform and ask again") from error


class _Problem(msgspec.Struct):
    title: str = ""
    detail: str = ""


def _detail(body: bytes) -> str:
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        return "no problem document"
    return problem.detail or problem.title


def _print_counts(reports: Mapping[str, EraseReport], what: str) -> int:
    """Prints what the reports count under this name; the sum."""
    total = 0
    for service, report in reports.items():
        counts: dict[str, int] = getattr(report, what)
        for place, count in sorted(counts.items()):
            print(f"  {service:<22} {place:<34} {count:>6} {'' if what == 'left' else what}".rstrip())
            total += count
    if what in {"left", "removed"} and not total:
        print("  nothing" if what == "removed" else "  0")
    return total


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("crosschannel erase: say --yes to erase without being asked", file=sys.stderr)
        return False
    return input("Erase for good? Type yes: ").strip().lower() == "yes"
