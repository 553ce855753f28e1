"""`make bench`: webhooks a second, a burst, the start after kill -9 with a gigabyte of journals, resolving."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from intelligence_webhooks import payload
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.ledger import Ledger
from intelligence_webhooks.resolver import Resolver
from intelligence_webhooks.store import open_store
from intelligence_webhooks.twilio_reads import TwilioReads
from shared.journal_reader import JournalReader
from shared.records import IntelEvent, IntelResult, encode
from tests.conftest import MakeSettings
from tests.intelligence_kit import ACCOUNT_SID, AUTH_TOKEN, Upstream, fixture_bytes, sid, v2_body

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
LOAD = Path(__file__).with_name("webhook_load.py")
WEBHOOKS = 15_000
BURST = 5_000
GIGABYTE = 1_000_000_000
SEGMENT_BYTES = 64 * 1024 * 1024
TRANSCRIPTS = 500


@contextmanager
def service(data_dir: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The running service and how many seconds its start took."""
    env = {
        **os.environ,
        "DATA_DIR": str(data_dir),
        "INTELLIGENCE_PORT": str(port),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_BASE_URL": "http://127.0.0.1:9",
        "OPERATOR_TOKEN": "bench",
    }
    began_s = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "intelligence_webhooks"], env=env, stderr=subprocess.DEVNULL)
    try:
        while not is_ready(port):
            assert process.poll() is None
            assert time.monotonic() < began_s + 60
            time.sleep(0.01)
        yield process, time.monotonic() - began_s
    finally:
        process.kill()
        process.wait()


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load(port: int, count: int, connections: int, rate: float, first: int = 0) -> dict[str, Any]:
    command = [sys.executable, str(LOAD), f"http://127.0.0.1:{port}", AUTH_TOKEN]
    numbers = [str(count), str(connections), str(rate), str(first)]
    done = subprocess.run([*command, *numbers], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def stored(data_dir: Path) -> int:
    reader, count = JournalReader(data_dir, "intel_events"), 0
    while lines := reader.read():
        count += len(lines)
    return count


def test_webhooks_a_second_and_a_burst(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    port, data_dir = free_port(), tmp_path / "data"
    with service(data_dir, port) as (process, _):
        load(port, 1000, 32, 0)  # caches fill
        used_s = cpu_s(process.pid)
        steady = load(port, WEBHOOKS, 64, 0, first=10_000)
        used_s = cpu_s(process.pid) - used_s
        burst = load(port, BURST, 256, BURST, first=100_000)
    with capsys.disabled():
        print(f"\nwebhooks, closed loop of 64:  {steady['per_second']:.0f}/s, p50 {steady['p50_ms']:.0f} ms, "
              f"p99 {steady['p99_ms']:.0f} ms, {used_s / WEBHOOKS * 1000:.2f} ms of CPU each")  # fmt: skip
        print(f"burst of {BURST} in a second:   drained in {burst['took_s']:.1f} s, p99 {burst['p99_ms']:.0f} ms, "
              f"answers {burst['statuses']}")  # fmt: skip
    assert steady["statuses"] == {"204": WEBHOOKS}
    assert burst["statuses"]["204"] == BURST
    assert stored(data_dir) == 1000 + WEBHOOKS + BURST


def write_gigabyte(data_dir: Path) -> int:
    """Sealed segments of large v3 events and their results, as a year of them would be; how many events."""
    body = fixture_bytes("webhook_v3").decode()
    body = body + " " * (8000 - len(body.encode()))
    events, results, size, number = [], [], 0, 0
    folder = 0
    while size < GIGABYTE:
        conversation = f"conv_{number}"
        event = IntelEvent(
            event_key=f"v3:{number}", body=body, headers={}, kind="v3", conversation_sid=conversation
        )
        answer = IntelResult(source="v3", conversation_sid=conversation, event_id=event.id, csat=4)
        events.append(encode(event))
        results.append(encode(answer))
        size += len(events[-1]) + len(results[-1])
        number += 1
        if len(events) * 8500 > SEGMENT_BYTES:
            folder += 1
            seal(data_dir, "intel_events", folder, events)
            seal(data_dir, "intel_results", folder, results)
    return number - len(events)


def seal(data_dir: Path, stream: str, number: int, lines: list[bytes]) -> None:
    path = data_dir / "sealed" / stream / f"2026-01-01-{number}.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")
    lines.clear()


def test_start_after_a_kill_with_a_gigabyte_of_journals(
    tmp_path: Path, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = tmp_path / "data"
    count = write_gigabyte(data_dir)
    began_s = time.monotonic()
    ledger = Ledger(data_dir)
    ledger.catch_up()
    assert ledger.totals().received == count
    ledger.close()
    anew_s = time.monotonic() - began_s
    port = free_port()
    with service(data_dir, port) as (process, _):
        load(port, 2000, 32, 0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with service(data_dir, port) as (_, took_s):
        pass
    size = sum(path.stat().st_size for path in data_dir.rglob("*.ndjson"))
    with capsys.disabled():
        print(f"\nstart after kill -9, {size / 1e9:.2f} GB of journals: ready in {took_s:.2f} s "
              f"(ledger made anew from all of it: {anew_s:.0f} s)")  # fmt: skip


async def test_transcripts_resolved_a_second(
    tmp_path: Path, make_settings: MakeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream = Upstream()
    for number in range(TRANSCRIPTS):
        upstream.put(number)
    async with TestServer(upstream.application()) as server:
        store = open_store(
            make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL=str(server.make_url("")))
        )
        async with TwilioReads(store.account) as reads:
            began_s = time.monotonic()
            task = asyncio.create_task(Resolver(store, reads).run())
            for number in range(TRANSCRIPTS):
                body = v2_body(number)
                delivery = Delivery(body, {"content-type": "application/json"})
                await store.intake.begin(payload.parse(body), delivery).arrive()
            while store.ledger.totals().results < TRANSCRIPTS:
                assert time.monotonic() < began_s + 120
                await asyncio.sleep(0.05)
            took_s = time.monotonic() - began_s
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        store.close()
    with capsys.disabled():
        reads = len(upstream.seen) // TRANSCRIPTS
        print(
            f"\nresolved: {TRANSCRIPTS / took_s:.0f} transcripts/s, {reads} reads each, upstream in this process"
        )
    assert store.settings is not None
    assert sid("GT", 0) in {path.rsplit("/", 1)[-1] for path in upstream.seen if path.count("/") == 4}
