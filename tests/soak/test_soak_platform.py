"""`make soak`: services killed over and over under load, and hours of calls with an eye on memory.

SOAK_ROUNDS (200) kills and SOAK_MINUTES (60) of load; smaller values make a quick try.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform_kit import Platform, running_platform, wait_for

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
PARALLEL = 4
VICTIMS = ("relay_server", "intelligence_webhooks", "signal_analytics", "conversations_api")
WORDS = ("hello", "What are your opening hours?", "Where is my order 1001?", "thank you, goodbye")
GROWTH_ALLOWED = 1.15


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with running_platform(tmp_path) as found:
        yield found


def say() -> list[str]:
    return [argument for text in WORDS for argument in ("--say", text)]


def durable(platform: Platform) -> dict[str, list[str]]:
    """The ids on disk, per stream; every line must be whole."""
    return {stream: [record["id"] for record in platform.records(stream)] for stream in ("calls", "intel_results")}


def test_nothing_acknowledged_is_lost_or_doubled_however_often_a_service_is_killed(platform: Platform) -> None:
    dice = random.Random(1)  # noqa: S311 - the order of kills, repeatable
    for round_number in range(ROUNDS):
        victim = dice.choice(VICTIMS)
        call = platform.call(*say())
        time.sleep(dice.uniform(0.5, 3))  # a kill at any moment of the call is the point
        before = durable(platform)
        platform.kill(victim)
        platform.start(victim)
        call.communicate(timeout=120)
        after = durable(platform)
        for stream, ids in before.items():
            assert set(ids) <= set(after[stream]), f"round {round_number}: {victim} lost records of {stream}"
            assert len(after[stream]) == len(set(after[stream])), f"round {round_number}: doubled in {stream}"
        print(f"round {round_number + 1} of {ROUNDS}: {victim} killed, {len(after['calls'])} call records")
    results = [record["call_sid"] for record in platform.records("intel_results")]
    assert len(results) == len(set(results))


def memory_mb(platform: Platform) -> dict[str, float]:
    found = {}
    for service, process in platform.processes.items():
        status = Path(f"/proc/{process.pid}/status").read_text()
        found[service] = int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024
    return found


def test_memory_stays_flat_under_hours_of_calls(platform: Platform) -> None:
    def rounds_until(end_s: float) -> int:
        placed = 0
        while time.monotonic() < end_s:
            calls = [platform.call(*say()) for _ in range(PARALLEL)]
            for call in calls:
                call.communicate(timeout=120)
                assert call.returncode == 0
            placed += len(calls)
        return placed

    seconds = MINUTES * 60
    rounds_until(time.monotonic() + seconds / 4)  # caches and rings fill first
    base = memory_mb(platform)
    placed = rounds_until(time.monotonic() + seconds * 3 / 4)
    end = memory_mb(platform)
    print(f"{placed} calls; memory in MB before and after: {base} {end}")
    wait_for(lambda: platform.get("intelligence_webhooks", "/status")["unresolved"] == 0, 30)
    grown = {name: (base[name], end[name]) for name in base if end[name] > base[name] * GROWTH_ALLOWED + 5}
    assert grown == {}
