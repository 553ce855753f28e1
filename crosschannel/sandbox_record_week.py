"""`crosschannel sandbox record-week`: records the demo week that a first `make up` shows."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from crosschannel.arguments import count, new_file, speed
from crosschannel.private_services import NotStarted
from crosschannel.week.load import FILE
from crosschannel.week.record import Recording, record
from crosschannel.week.tape import read

PACKAGED = Path(__file__).resolve().parent / "week" / FILE
NO_RECORDING, NOT_STARTED = 2, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much to record, how fast, and where to."""
    usual = Recording()
    parser.add_argument("--calls", type=count, default=usual.calls, help=f"default {usual.calls}")
    parser.add_argument("--chats", type=count, default=usual.chats, help=f"written conversations, {usual.chats}")
    parser.add_argument("--seed", type=int, default=usual.seed, help=f"default {usual.seed}")
    parser.add_argument("--parallel", type=count, default=usual.parallel, help=f"calls at once, {usual.parallel}")
    parser.add_argument("--speed", type=speed, default=usual.speed, help="times as fast as life (default 1)")
    parser.add_argument(
        "--out", type=new_file, default=PACKAGED, help="where to write (default: into the package)"
    )
    parser.add_argument("--info", action="store_true", help="record nothing, say what the file holds")


def run(args: argparse.Namespace) -> int:
    """0, 2 when there is no recording to tell of, or 3 when a service did not start."""
    if args.info and not args.out.is_file():
        print(f"There is no recording {args.out}.", file=sys.stderr)
        return NO_RECORDING
    if not args.info:
        wanted = Recording(args.calls, args.chats, args.seed, args.parallel, args.speed)
        try:
            asyncio.run(record(wanted, args.out, lambda text: print(text, file=sys.stderr)))
        except NotStarted as error:
            print(error, file=sys.stderr)
            return NOT_STARTED
    head, _ = read(args.out.read_bytes())
    print(
        f"{args.out}: {head.calls} calls and {head.chats} conversations, seed {head.seed}, "
        f"recorded {head.recorded_at:%Y-%m-%d}, {args.out.stat().st_size // 1000} kB"
    )
    return 0
