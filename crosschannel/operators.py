"""`crosschannel operators`: who may operate the platform."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from crosschannel.demo import environment, settings_of
from crosschannel.launch.banner import sign_in_link
from shared.config import ConfigError, Settings
from shared.journal import Journal, JournalError
from shared.operators import Operators, Role
from shared.records import AuditRecord


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
            code = _add(operators, args.name, Role[args.role.upper()])
        elif args.action == "revoke":
            code = _revoke(operators, args.name)
        else:
            return _list(operators)
    _audit(settings, f"operator_{args.action}", args.name, "ok" if code == 0 else "refused")
    return code


def _audit(settings: Settings, action: str, target: str, outcome: str) -> None:
    """Writes who changed the operators: the user of this machine, in a series of the command line's own.

    Raises ConfigError when it cannot be written; the change has been made then.
    """
    record = AuditRecord(actor=f"{getpass.getuser()} on this machine", role="admin", action=action, target=target)
    record.outcome = outcome
    try:
        journal = Journal.open(settings.data_dir, "audit", "crosschannel")
        try:
            journal.append(record).result()
        finally:
            journal.close()
    except (JournalError, OSError) as error:
        raise ConfigError([f"{action} of {target} was carried out but not audited: {error}"]) from error


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
