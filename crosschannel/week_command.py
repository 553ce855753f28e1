"""`crosschannel week record|info`: the demo week that a first `make up` shows."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from crosschannel.private_services import NotStarted
from crosschannel.week.load import FILE
from crosschannel.week.record import Recording, record
from crosschannel.week.tape import read

PACKAGED = Path(__file__).resolve().parent / "week" / FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    recording = actions.add_parser(
        "record", help="run the simulated callers through the real services, and pack it"
    )
    usual = Recording()
    recording.add_argument("--calls", type=int, default=usual.calls, help=f"default {usual.calls}")
    recording.add_argument(
        "--chats", type=int, default=usual.chats, help=f"written conversations, default {usual.chats}"
    )
    recording.add_argument("--seed", type=int, default=usual.seed, help=f"default {usual.seed}")
    recording.add_argument("--parallel", type=int, default=usual.parallel, help=f"calls at once, {usual.parallel}")
    recording.add_argument("--speed", type=float, default=usual.speed, help="times as fast as life (default 1)")
    recording.add_argument("--out", type=Path, default=PACKAGED, help="where to write (default: into the package)")
    info = actions.add_parser("info", help="say what a recorded week holds")
    info.add_argument("--file", type=Path, default=PACKAGED)


def run(args: argparse.Namespace) -> int:
    """0, or 3 when a service did not start."""
    if args.action == "info":
        head, items = read(args.file.read_bytes())
        print(
            f"{head.calls} calls and {head.chats} conversations, recorded {head.recorded_at:%Y-%m-%d}, "
            f"seed {head.seed}, {sum(1 for _ in items)} items, {args.file.stat().st_size // 1000} kB"
        )
        return 0
    wanted = Recording(args.calls, args.chats, args.seed, args.parallel, args.speed)
    try:
        head = asyncio.run(record(wanted, args.out, lambda text: print(text, file=sys.stderr)))
    except NotStarted as error:
        print(error, file=sys.stderr)
        return 3
    print(f"{args.out}: {head.calls} calls, {head.chats} conversations, {args.out.stat().st_size // 1000} kB")
    return 0
