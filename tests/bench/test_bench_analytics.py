"""The analytics' speed: a start over a gigabyte, a refresh after one line, answers over a million calls.

CPU time stands beside the clock everywhere: on a machine that does other work the clock says little.

CROSSCHANNEL_PICTURES=docs/pictures also draws the curve of the refresh.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from signal_analytics.filters import Filters
from signal_analytics.load import CallTable
from signal_analytics.periods import edges
from signal_analytics.report import aggregates
from signal_analytics.tallies import Question
from tests.analytics_journals import FIRST_DAY, invented

MEGABYTE = 1024 * 1024
SEGMENT_BYTES = 64 * MEGABYTE
COPIED_CALLS = 4_000
# The first hexadecimal digits behind these are what makes a copy another call.
IDENTITIES = re.compile(rb'("(?:id":"[0-9a-f]{16}|call_sid":"CA|transcript_sid":"GT))[0-9a-f]{4}')
UTC_ZONE = ZoneInfo("UTC")
# A process of its own, so that its memory is its own: seconds of CPU and of the clock, and megabytes.
LOAD = """
import resource, sys, time
from pathlib import Path
from signal_analytics.load import CallTable
start, cpu = time.perf_counter(), time.process_time()
table = CallTable(Path(sys.argv[1]))
lines = table.refresh().lines
seconds = time.perf_counter() - start
print(time.process_time() - cpu, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, lines)
"""
PANDAS = """
import resource, sys, time
import pandas
start, cpu = time.perf_counter(), time.process_time()
frame = pandas.read_json(sys.argv[1], lines=True)
seconds = time.perf_counter() - start
print(time.process_time() - cpu, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(frame))
"""


def copies() -> Iterator[dict[str, bytes]]:
    """The lines of the same invented calls again and again, each time as other calls."""
    lines: dict[str, list[bytes]] = {"calls": [], "intel_results": []}
    for stream, line in invented(COPIED_CALLS, words=12):
        lines[stream].append(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    whole = {stream: b"".join(found) for stream, found in lines.items()}
    for number in range(0x10000):
        digits = f"{number:04x}".encode()
        yield {stream: IDENTITIES.sub(rb"\g<1>" + digits, data) for stream, data in whole.items()}


def write_journals(folder: Path, size_bytes: int) -> int:
    """Sealed segments of 64 MB with so many bytes in all; how many it became."""
    written, numbers = 0, {"calls": 1, "intel_results": 1}
    for copy in copies():
        for stream, data in copy.items():
            path = folder / "sealed" / stream / f"2026-05-01-{numbers[stream]}.ndjson"
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with path.open("ab") as file:
                file.write(data)
                numbers[stream] += file.tell() >= SEGMENT_BYTES
            written += len(data)
        if written >= size_bytes:
            break
    return written


def measured_in_a_process(program: str, path: Path) -> tuple[float, float, float, int]:
    """(seconds of CPU, seconds, megabytes, rows) of a program that prints them."""
    found = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    cpu, seconds, megabytes, rows = found.stdout.split()
    return float(cpu), float(seconds), float(megabytes), int(rows)


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_a_start_over_a_gigabyte_of_journals(tmp_path: Path) -> None:
    size = write_journals(tmp_path, 1024 * MEGABYTE)
    cpu, seconds, megabytes, lines = measured_in_a_process(LOAD, tmp_path)
    print(
        f"\ncold start: {size / MEGABYTE:.0f} MB, {lines} lines, "
        f"{cpu:.1f} s CPU, {seconds:.1f} s, {megabytes:.0f} MB resident"
    )


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_against_pandas_on_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "sealed" / "calls" / "2026-05-01-1.ndjson"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for copy in copies():
            file.write(copy["calls"])
            if file.tell() >= 200 * MEGABYTE:
                break
    opened = next(line for _, line in invented(1, seed=99))
    (tmp_path / "calls.ndjson").write_text(json.dumps(opened) + "\n")  # behind a sealed segment is an open one
    our_cpu, ours, our_memory, _ = measured_in_a_process(LOAD, tmp_path)
    their_cpu, theirs, their_memory, _ = measured_in_a_process(PANDAS, path)
    size = path.stat().st_size / MEGABYTE
    print(f"\n{size:.0f} MB: loaded into the table in {our_cpu:.2f} s CPU, {ours:.2f} s ({our_memory:.0f} MB);")
    print(f"pandas.read_json in {their_cpu:.2f} s CPU, {theirs:.2f} s ({their_memory:.0f} MB):")
    print(f"{their_cpu / our_cpu:.1f} times the CPU, {theirs / ours:.1f} times as long")


def result_line(number: int, random: Random) -> bytes:
    at = FIRST_DAY + timedelta(seconds=number * 10)
    stamp = at.isoformat().replace("+00:00", "Z")
    line = {
        "type": "intel_result",
        "v": 1,
        "id": f"{int(at.timestamp() * 1000):012x}7000{number:016x}",
        "at": stamp,
        "seq": number + 1,
        "source": "v2",
        "transcript_sid": f"GT{number:032x}",
        "call_sid": f"CA{number:032x}",
        "service_sid": "GA" + "1" * 32,
        "language": ("en-US", "pt-BR", "es-US")[number % 3],
        "started_at": stamp,
        "duration_s": random.randrange(20, 400),
        "csat": random.randrange(1, 6),
        "ces": random.randrange(1, 8),
        "sentiment": random.choice(("positive", "neutral", "negative", "mixed")),
        "legal_risk": {"score": random.randrange(101), "band": "low", "findings": []},
    }
    return msgspec.json.encode(line) + b"\n"


def milliseconds(work: Callable[[], Any], times: int = 15) -> tuple[float, float, float]:
    """Median and 95th percentile of how long the work takes, and the median of its CPU time."""
    taken, cpu = [], []
    for _ in range(times):
        start, cpu_start = time.perf_counter(), time.process_time()
        work()
        taken.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - cpu_start))
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1], statistics.median(cpu)


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_a_refresh_costs_the_same_with_a_million_results_behind_it(tmp_path: Path) -> None:
    random = Random(3)  # noqa: S311
    number, curve = 0, {}
    table = CallTable(tmp_path)
    path = tmp_path / "intel_results.ndjson"
    for behind in (10_000, 31_623, 100_000, 316_228, 1_000_000):
        with path.open("ab") as file:
            while number < behind:
                file.write(result_line(number, random))
                number += 1
        table.refresh()

        def one_more() -> None:
            nonlocal number
            with path.open("ab") as file:
                file.write(result_line(number, random))
            number += 1
            assert table.refresh().calls == 1

        curve[behind] = milliseconds(one_more)
        median, slow, cpu = curve[behind]
        print(f"\nrefresh after one line, {behind} behind it: {median:.0f} ms (p95 {slow:.0f}, CPU {cpu:.0f})")
    for name, days in (("30 days", 30), ("all of it", 130)):
        end = FIRST_DAY + timedelta(days=120)
        start = end - timedelta(days=days)
        question = Question(
            edges("day", start, end, UTC_ZONE), Filters(start=start, end=end, language=("pt",)), "language"
        )
        found = milliseconds(lambda q=question: table.query(lambda db: aggregates(db, q, UTC_ZONE)), 7)  # type: ignore[misc]
        times = f"{found[0]:.0f} ms (p95 {found[1]:.0f}, CPU {found[2]:.0f})"
        print(f"a new filter by language over {name} of 1,000,000 results: {times}")
    table.close()
    if folder := os.environ.get("CROSSCHANNEL_PICTURES"):
        draw_curve(curve, Path(folder) / "analytics-refresh.png")


def draw_curve(curve: dict[int, tuple[float, float, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.subplots()
    for place, (label, style) in enumerate((("median", "-"), ("p95", ":"), ("CPU, median", "--"))):
        axes.plot(
            list(curve), [found[place] for found in curve.values()], marker="o", linestyle=style, label=label
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.axhline(100, color="#d61f1f", linewidth=0.8, label="goal")
    axes.set_xlabel("results in the table")
    axes.set_ylabel("refresh after one line, ms")
    axes.legend()
    figure.savefig(path, dpi=120)
