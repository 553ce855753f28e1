"""`make bench`: the relay beside a bare server and, where it is installed, Twilio's own SDK, in one run.

The server under test has one core, callers and model the other. Compare ratios within a run, not milliseconds of
different days. BENCH_TAC_PYTHON names an interpreter that has twilio-agent-connect.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench.peers import running, tac_python

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

PEERS = ("floor", "relay", *(("tac",) if tac_python() else ()))
ROUNDS = 3
Say = Callable[[str], None]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    def out(text: str) -> None:
        with capsys.disabled():
            print(text)

    return out


def line(name: str, found: dict[str, Any]) -> str:
    first = " ".join(f"{quantile} {value:.1f}" for quantile, value in found["first_ms"].items())
    return (
        f"{name:6} {found['calls']:5} calls, {found['speaking']} speak: "
        f"{found['cpu_ms_per_turn']:.2f} CPU ms a turn, core {found['core_pct']:.0f} %, "
        f"first {first} ms, lag p99 {found['lag_ms']['p99']:.1f} ms, "
        f"{found['frames_per_turn']} frames a turn, {found['idle_kb_per_call']:.0f} kB idle and "
        f"{found['active_kb_per_call']:.0f} kB active a call, {found['errors']} errors"
    )


def test_cpu_of_a_turn_beside_the_floor_and_twilios_sdk(
    tmp_path: Path, free_port: Callable[[], int], say: Say
) -> None:
    used: dict[str, list[float]] = {name: [] for name in PEERS}
    say(f"\nfifty calls, 60 tokens 20 ms apart, {ROUNDS} rounds; first: less the model's own time")
    for number, name in itertools.product(range(ROUNDS), PEERS):  # in turns: the machine's mood hits all alike
        with running(name, tmp_path / str(number), free_port(), free_port()) as peer:
            peer.load(calls=10, speaking=10, turns=2)
            found = peer.load(calls=50, speaking=50, turns=5)
        say(line(name, found))
        assert found["errors"] == 0
        used[name].append(found["cpu_ms_per_turn"])
    middle = {name: sorted(values)[len(values) // 2] for name, values in used.items()}
    for name in PEERS:
        say(f"{name}: {middle[name]:.2f} CPU ms a turn, {middle[name] / middle['floor']:.2f} times the floor")
    if "tac" in middle:
        say(f"the relay takes {middle['relay'] / middle['tac']:.2f} times what Twilio's SDK takes")
    assert (
        middle["relay"] < 2.5 * middle["floor"]
    )  # the goal is 1.6; machines differ, and this must not be a lottery


@pytest.mark.parametrize("calls", [200, 400])
def test_first_words_with_many_calls(tmp_path: Path, free_port: Callable[[], int], say: Say, calls: int) -> None:
    say("")
    for name in ("floor", "relay"):
        with running(name, tmp_path, free_port(), free_port()) as peer:
            peer.load(calls=10, speaking=10, turns=2)
            found = peer.load(calls=calls, speaking=calls, turns=4)
        say(line(name, found))
        assert found["errors"] == 0


def test_a_thousand_connected_calls_of_which_a_tenth_speak(
    tmp_path: Path, free_port: Callable[[], int], say: Say
) -> None:
    with running("relay", tmp_path, free_port(), free_port()) as peer:
        peer.load(calls=10, speaking=10, turns=2)
        found = peer.load(calls=1000, speaking=100, turns=5)
    say("\n" + line("relay", found))
    assert found["errors"] == 0
    assert found["active_kb_per_call"] < 120  # the goal is 60
