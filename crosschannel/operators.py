"""`crosschannel operators`: who may operate the platform."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from crosschannel.demo import environment, settings_of
from crosschannel.launch.banner import sign_in_link
from shared.config import Settings
from shared.operators import Operators, Role


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """add NAME --role ROLE, list, link, revoke NAME."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="make an operator and print the token, once")
    add.add_argument("name")
    add.add_argument("--role", choices=[role.name.lower() for role in Role], default="viewer")
    actions.add_parser("list", help="names and roles")
    actions.add_parser("link", help="the owner's sign-in link to the console")
    revoke = actions.add_parser("revoke", help="end an operator's token and sessions everywhere")
    revoke.add_argument("name")


def run(args: argparse.Namespace) -> int:
    """0, or 1 with one line when the name is taken or unknown. Raises ConfigError."""
    settings = settings_of("crosschannel", environment())
    if args.action == "link":
        print(sign_in_link(settings))
        return 0
    with _operators(settings) as operators:
        if args.action == "add":
            return _add(operators, args.name, Role[args.role.upper()])
        if args.action == "revoke":
            return _revoke(operators, args.name)
        return _list(operators)


@contextmanager
def _operators(settings: Settings) -> Iterator[Operators]:
    operators = Operators(settings.data_dir, settings.session_secret, settings.operator_token)
    try:
        yield operators
    finally:
        operators.close()


def _add(operators: Operators, name: str, role: Role) -> int:
    try:
        token = operators.add(name, role)
    except ValueError as error:
        print(f"crosschannel operators: {error}", file=sys.stderr)
        return 1
    print(f"{name} ({role.name.lower()}) signs in with this token, which is not shown again:\n{token}")
    return 0


def _list(operators: Operators) -> int:
    rows = operators.list()
    print("owner (admin) signs in with OPERATOR_TOKEN; `crosschannel up` prints the link")
    for row in rows:
        made = datetime.fromtimestamp(row.created_s, UTC).strftime("%Y-%m-%d")
        print(f"{row.name} ({row.role.name.lower()}) since {made}")
    return 0


def _revoke(operators: Operators, name: str) -> int:
    if operators.revoke(name):
        print(f"{name} is revoked: the token and all sessions have ended")
        return 0
    print(f"crosschannel operators: there is no operator {name!r}", file=sys.stderr)
    return 1
