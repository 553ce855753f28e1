"""`crosschannel analytics`: the measures of a period as a table with sparklines, or as a picture."""

from __future__ import annotations

import argparse
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from crosschannel.analytics_picture import NoPlotting, draw
from crosschannel.demo import environment, settings_of
from shared.config import Settings
from shared.journal import JournalLocked
from shared.problem import Problem

TIMEOUT_S = 60.0
GROUPS = ("hour", "day", "week", "month", "quarter", "year")
LABELS = {"hour": "%Y-%m-%d %H:%M", "day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m", "year": "%Y"}
# by the heading of a column, the name of its measure
COLUMNS = {
    "calls": "calls",
    "AHT s": "handled.mean_s",
    "CSAT": "csat.mean",
    "top2 %": "csat.top2_pct",
    "CES": "ces.mean",
    "net sent.": "sentiment.net",
    "risk": "legal_risk.mean",
    "contained %": "containment.pct",
    "escal. %": "escalation_performed.pct",
    "speech p95": "latency.first_speech_ms.p95",
}
BLOCKS = "▁▂▃▄▅▆▇█"
EXIT_USAGE = 2
FILTERS = ("language", "channel", "agent", "direction", "segment")


class NotAnswered(Exception):
    """The question was refused, with a sentence that says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--group week --tz America/Sao_Paulo [--from DATE] [--to DATE] [filters] [--plot FILE.png]."""
    parser.add_argument("--group", choices=GROUPS, default="day", help="how long a row is (default: day)")
    parser.add_argument("--tz", default="UTC", metavar="ZONE", help="IANA time zone, such as America/Sao_Paulo")
    parser.add_argument("--from", dest="from_", metavar="DATE", help="first day")
    parser.add_argument("--to", metavar="DATE", help="the day after the last")
    for name in FILTERS:
        parser.add_argument(f"--{name}", help=f"only calls of this {name}")
    parser.add_argument("--service-sid", help="only calls of this Intelligence or Conversations service")
    parser.add_argument(
        "--measure", default="csat.mean", metavar="NAME", help="what --plot draws, such as ces.mean"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw a picture instead of a table")


def run(args: argparse.Namespace) -> int:
    """0, or 2 with one line when the question cannot be answered. Raises ConfigError."""
    settings = settings_of("crosschannel", environment())
    try:
        answer = asked(settings, _query(args))
        if args.plot is not None:
            draw(answer, args.measure, args.plot)
            print(f"{args.plot} shows {args.measure} by {args.group}")
            return 0
    except (NotAnswered, NoPlotting) as error:
        print(f"crosschannel analytics: {error}", file=sys.stderr)
        return EXIT_USAGE
    print("\n".join(table(answer)))
    return 0


def asked(settings: Settings, query: Mapping[str, str]) -> dict[str, Any]:
    """The answer of the running service; when none runs, worked out here from the journals. Raises NotAnswered."""
    url = f"{settings.urls.analytics}/api/aggregates?{urlencode(query)}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {settings.operator_token}"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - an http address of ours
            found: dict[str, Any] = msgspec.json.decode(response.read())
            return found
    except urllib.error.HTTPError as error:
        with error:
            raise NotAnswered(_detail(error.read()) or f"the service answered {error.code}") from error
    except (OSError, HTTPException, msgspec.DecodeError):
        return _worked_out(settings, query)


def _worked_out(settings: Settings, query: Mapping[str, str]) -> dict[str, Any]:
    from shared.records import utc_now
    from signal_analytics.load import CallTable
    from signal_analytics.query import parse_aggregates
    from signal_analytics.report import aggregates

    try:
        asked_for = parse_aggregates(query, utc_now())
        opened = CallTable(settings.data_dir)
    except Problem as problem:
        raise NotAnswered(problem.detail) from problem
    except JournalLocked as error:
        raise NotAnswered("signal_analytics has the table open and does not answer") from error
    try:
        opened.refresh()
        answer = opened.query(lambda db: aggregates(db, asked_for.question, asked_for.zone))
    finally:
        opened.close()
    return {"bucket": asked_for.bucket, "tz": asked_for.zone.key, **answer}


def _query(args: argparse.Namespace) -> dict[str, str]:
    named = {"from": args.from_, "to": args.to, "serviceSid": args.service_sid}
    named |= {name: getattr(args, name) for name in FILTERS}
    return {"bucket": args.group, "tz": args.tz, **{name: value for name, value in named.items() if value}}


def table(answer: Mapping[str, Any]) -> list[str]:
    """The lines of a table: a row per bucket, the whole period, and a sparkline under every column."""
    buckets = answer["buckets"]
    columns = {name: [value_of(bucket, measure) for bucket in buckets] for name, measure in COLUMNS.items()}
    rows = [["", *COLUMNS]]
    rows += [
        [label(answer["bucket"], bucket["start"]), *(_cell(columns[name][number]) for name in COLUMNS)]
        for number, bucket in enumerate(buckets)
    ]
    rows.append(["all", *(_cell(value_of(answer["total"], measure)) for measure in COLUMNS.values())])
    rows.append(["", *(sparkline(columns[name]) for name in COLUMNS)])
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def value_of(measures: Mapping[str, Any], name: str) -> float | None:
    """The number of that name, None where there is none."""
    found: Any = measures
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return None if found is None or isinstance(found, dict) else float(found)


def label(bucket: str, start: str) -> str:
    """A bucket by its beginning: a day, an ISO week, a month, a quarter."""
    local = datetime.fromisoformat(start)
    if bucket == "quarter":
        return f"{local.year}-Q{(local.month + 2) // 3}"
    return local.strftime(LABELS[bucket])


def sparkline(values: Sequence[float | None]) -> str:
    """A block per value between the least and the greatest; a space where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    steps = len(BLOCKS) - 1
    return "".join(" " if value is None else BLOCKS[round((value - low) / span * steps)] for value in values)


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return (
        f"{value:.0f}"
        if (value == int(value) and abs(value) >= 10) or value == 0
        else f"{value:.2f}".rstrip("0").rstrip(".")
    )


def _detail(body: bytes) -> str:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(found.get("detail", "")) if isinstance(found, dict) else ""
