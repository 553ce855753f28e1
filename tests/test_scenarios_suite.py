"""The shipped scenarios against all services, as a developer runs them; and the command's ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from crosschannel.__main__ import main
from crosschannel.scenario_runs.fleet import Order, planned
from crosschannel.scenario_runs.summary import latency, summarize
from sandbox.scenarios.outcome import CallOutcome, Step
from sandbox.scenarios.reader import read_text
from tests.platform_kit import Platform, running_platform, wait_for

SHIPPED = Path(__file__).resolve().parent.parent / "scenarios"


def run(env: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crosschannel", "scenarios", *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=110)


@pytest.mark.timeout(120)
def test_the_shipped_scenarios_pass_and_a_wrong_one_fails(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform:
        _pass_the_shipped(platform)
        _fail_a_wrong_one(platform)
        _call_somebody(platform)


def _pass_the_shipped(platform: Platform) -> None:
    files = platform.root / "run.json", platform.root / "run.html"
    options = ["--parallel", "12", "--json", str(files[0]), "--html", str(files[1])]
    done = run(platform.env, platform.root, "run", str(SHIPPED), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(files[0].read_text())
    assert written["summary"]["passed"] == written["summary"]["calls"] >= 20
    assert set(written["summary"]["languages"]) == {"en-US", "pt-BR", "es-US"}
    assert written["summary"]["interruptions"] >= 2
    assert all(call["transcript_sid"] for call in written["calls"])
    assert "calls passed" in done.stdout
    calls = written["summary"]["calls"]
    assert f"{calls}/{calls} calls" in done.stderr
    _check_page(files[1].read_text())


def _fail_a_wrong_one(platform: Platform) -> None:
    wrong = platform.root / "wrong.yaml"
    wrong.write_text(
        "turns:\n  - user: Where is my order 1001?\n    expect:\n"
        "      - {tool: order_status, args: {order_number: '1002'}}\n"
    )
    done = run(platform.env, platform.root, "run", str(wrong), "--no-transcripts")
    assert done.returncode == 1
    assert "it was called with" in done.stdout


def _call_somebody(platform: Platform) -> None:
    """An operator places a call: the relay asks Twilio, a simulated person answers, and it runs to its end."""
    number = "+15555550101"
    script = {"turns": [{"user": "When are you open?", "expect": [{"text_contains": "nine"}]}, {"hangup": True}]}
    send(platform, "PUT", "sandbox", f"/control/callees/{number}", {"script": script, "ring_s": 0.1, "speed": 20})
    placed = send(platform, "POST", "relay_server", "/api/calls", {"to": number, "parameters": {"reason": "test"}})
    sid = placed["callSid"]

    def record_of(kind: str) -> dict[str, Any] | None:
        own = (one for one in platform.records("calls") if one.get("call_sid") == sid and one["type"] == kind)
        return next(own, None)

    ended = wait_for(lambda: record_of("call_ended"), 30)
    started = record_of("call_started")
    assert started is not None
    assert (started["direction"], started["called"], ended["turns"]) == ("outbound", number, 1)
    progress = wait_for(lambda: _over(platform, sid), 10)
    assert progress["failures"] == []
    assert (progress["status"], progress["passed"], progress["direction"]) == ("completed", True, "outbound-api")


def _over(platform: Platform, sid: str) -> dict[str, Any] | None:
    progress: dict[str, Any] = platform.get("sandbox", f"/control/calls/{sid}")
    return progress if progress["passed"] is not None else None


def send(platform: Platform, method: str, service: str, path: str, body: object) -> Any:
    """An operator's change."""
    headers = {"Authorization": f"Bearer {platform.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(  # noqa: S310 - loopback
        platform.url(service) + path, json.dumps(body).encode(), headers, method=method
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
        return json.loads(response.read())


def _check_page(text: str) -> None:
    """Self-contained, with a table beside every picture and a name for each."""
    seen: list[tuple[str, dict[str, str | None]]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            seen.append((tag, dict(attrs)))

    Parser().feed(text)
    addresses = [value for _, attrs in seen for name, value in attrs.items() if name in ("src", "href")]
    pictures = [attrs for tag, attrs in seen if tag == "svg"]
    assert addresses == []
    assert len(pictures) >= 3
    assert all(attrs.get("role") == "img" and attrs.get("aria-label") for attrs in pictures)
    assert len([tag for tag, _ in seen if tag == "table"]) == len(pictures) + 1


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SHIPPED.parent)}
    bad = tmp_path / "bad.yaml"
    bad.write_text("turns:\n  - usr: hi\n")
    assert run(env, tmp_path, "check", str(SHIPPED)).returncode == 0
    done = run(env, tmp_path, "run", str(bad))
    assert (done.returncode, f"{bad}:2" in done.stderr) == (2, True)
    assert run(env, tmp_path, "run", str(SHIPPED), "--only", "nothing-has-this").returncode == 2


def test_wrong_arguments_and_a_platform_that_is_not_there_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("TWILIO_", "OPENAI_", "SEGMENT_"))]:
        monkeypatch.delenv(name)
    for name, port in (("RELAY_PORT", "1"), ("SANDBOX_PORT", "2")):
        monkeypatch.setenv(name, port)
    for option, value in (("--calls", "x"), ("--speed", "0"), ("--json", str(tmp_path / "no" / "run.json"))):
        with pytest.raises(SystemExit) as refused:
            main(["scenarios", "run", str(SHIPPED), option, value])
        assert (refused.value.code, repr(value) in capsys.readouterr().err) == (2, True), option
    assert main(["scenarios", "run", str(SHIPPED / "es")]) == 3
    told = capsys.readouterr()
    assert (told.out, told.err.count("Nothing answers")) == ("", 1)


def test_runs_take_turns_and_seeds_go_up() -> None:
    shared = [read_text("name: a\npersona: lost\nseed: 5"), read_text("name: b\nturns: [{user: hi}]")]
    alone = read_text("name: c\nrepeat: 2\nturns: [{user: hi}]\nbefore: {model: {first_token_ms: 9}}")
    runs = planned([*shared, alone], Order(calls=6, seed=10))
    assert [(run.scenario.name, run.seed) for run in runs] == [
        ("c", 10),
        ("c", 11),
        ("a", 15),
        ("b", 10),
        ("a", 16),
        ("b", 11),
    ]


def test_a_scenario_may_fail_as_often_as_its_flake_rate_says() -> None:
    scenario = read_text("name: a\nflake_rate: 0.25\nrepeat: 4\nturns: [{user: hi}]")
    good = CallOutcome(scenario="a", seed=0, steps=[Step(act="user", first_text_ms=100)])
    bad = CallOutcome(scenario="a", seed=0, failures=["no"])
    assert summarize([scenario], [good, good, good, bad], 1, 1, 1).ok
    assert not summarize([scenario], [good, good, bad, bad], 1, 1, 1).ok
    assert not summarize([scenario], [], 1, 1, 1).ok


def test_percentiles_are_of_the_nearest_rank() -> None:
    found = latency([float(n) for n in range(1, 101)])
    assert (found.n, found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms) == (100, 50, 95, 99, 100)
    assert latency([]).p50_ms is None
