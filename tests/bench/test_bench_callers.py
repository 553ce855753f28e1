"""Five hundred simulated calls at once at the pace of life, on one core: how busy it is, and how late."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from crosschannel.scenario_runs.summary import latency
from sandbox.line import Line, LineSettings
from sandbox.scenarios.outcome import CallOutcome
from sandbox.scenarios.reader import read_text
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings

CALLS = 500
BEGIN_WITHIN_S = 10.0
PROBE_S = 0.02
SCRIPT = """
timeout_s: 30
turns:
  - {user: "Good morning, where is my order one zero zero one?", expect: [{text_contains: I have heard that}]}
  - {user: "And when are you open on Saturday?", after_ms: 800}
  - {user: "No, wait, I meant Friday", interrupt: {sentence: 2, after_ms: 400}, expect: [{event: interrupted}]}
  - {user: "Thank you, that is all.", after_ms: 500}
  - {hangup: true}
"""


@contextmanager
def echo_relay() -> Iterator[str]:
    """The application on the other core; its address."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("echo_relay.py"))], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(server.pid, {cores[-1]})
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


async def late_ms(samples: list[float]) -> None:
    """How late this process is with what it planned, again and again."""
    while True:
        planned_s = time.perf_counter() + PROBE_S
        await asyncio.sleep(PROBE_S)
        samples.append((time.perf_counter() - planned_s) * 1000)


@pytest.mark.bench
@pytest.mark.timeout(0)
async def test_five_hundred_calls_at_the_pace_of_life() -> None:
    before, all_cores = resource.getrusage(resource.RUSAGE_SELF), os.sched_getaffinity(0)
    samples: list[float] = []
    with echo_relay() as origin:
        os.sched_setaffinity(0, {min(all_cores)})
        probe = asyncio.create_task(late_ms(samples))
        began_s = time.perf_counter()
        try:
            outcomes = await _all_calls(origin)
        finally:
            probe.cancel()
            os.sched_setaffinity(0, all_cores)
    took_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    failures = [text for outcome in outcomes for text in outcome.all_failures]
    talk_s = sum(outcome.duration_s for outcome in outcomes)
    lag, first = latency(samples), latency([ms for outcome in outcomes for ms in outcome.latencies_ms])
    print(
        f"\n{len(outcomes)} calls, {talk_s / len(outcomes):.1f} s each, in {took_s:.1f} s: "
        f"{100 * cpu_s / took_s:.0f} % of one core, {1000 * cpu_s / talk_s:.2f} ms of CPU per second of call; "
        f"late by {lag.p50_ms} ms (p50), {lag.p95_ms} (p95), {lag.p99_ms} (p99), {lag.max_ms} (most); "
        f"first text after {first.p50_ms} ms (p50), {first.p99_ms} (p99); {len(failures)} failures {failures[:3]}"
    )
    assert len(outcomes) == CALLS


async def _all_calls(origin: str) -> list[CallOutcome]:
    scenario = read_text(SCRIPT, name="bench")
    settings = LineSettings("AC" + "b" * 32, "token", origin, origin)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        around = Surroundings(Line(session, settings), "+15555550100")

        async def one(number: int) -> CallOutcome:
            await asyncio.sleep(number * BEGIN_WITHIN_S / CALLS)
            return await ScenarioCall(Casting.of(scenario, number), around, number).run()

        return await asyncio.gather(*(one(number) for number in range(CALLS)))
