"""`make bench`: what the Conversations door adds, how fast the index answers, how far events lag."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from conversations_api.index_documents import Change, iso
from conversations_api.index_schema import FILE
from conversations_api.index_search import Selection, activities, find
from conversations_api.index_writer import apply
from conversations_api.search_index import SearchIndex, set_fact
from shared.operators import Operators, Role
from tests.conversations_kit import BEARER, OPERATOR_TOKEN, environment, sid

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]
UPSTREAM = Path(__file__).with_name("conversations_upstream.py")
RATE = 300
SECONDS = 8
CONVERSATIONS = int((os.environ.get("CI") and 1000) or 100_000)
MESSAGES_EACH = 10
BROWSERS = 200
OPERATORS = 60
WORDS = [
    f"{a}{b}{c}" for a in ("ka", "lo", "mi", "ne", "pu", "ra") for b in ("st", "nd", "r", "l") for c in "aeiou"
]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def start(module: list[str], **env: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *module], env={**os.environ, **env}, stdout=subprocess.DEVNULL)


def operators(data_dir: Path) -> list[dict[str, str]]:
    """The headers of enough operators for a minute of the fastest reading."""
    known = Operators(data_dir, "kit-session-secret", OPERATOR_TOKEN)
    tokens = [known.add(f"reader{number}", Role.VIEWER) for number in range(OPERATORS)]
    known.close()
    return [{"Authorization": f"Bearer {token}"} for token in tokens]


async def answering(http: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def paced(http: aiohttp.ClientSession, url: str, tokens: list[dict[str, str]]) -> list[float]:
    """Milliseconds per request at a steady rate, operators by turns: one alone may ask 20 times a second."""
    found: list[float] = []

    async def one(number: int, starts_at: float) -> None:
        await asyncio.sleep(max(0.0, starts_at - time.perf_counter()))
        begun = time.perf_counter()
        async with http.get(url, headers=tokens[number % len(tokens)]) as response:
            await response.read()
            assert response.status == 200
        found.append((time.perf_counter() - begun) * 1000)

    begin = time.perf_counter() + 0.2
    await asyncio.gather(*(one(number, begin + number / RATE) for number in range(RATE * SECONDS)))
    return found


async def as_fast_as_it_goes(http: aiohttp.ClientSession, url: str, tokens: list[dict[str, str]]) -> float:
    """Answers per second to 32 who ask again at once."""
    ends_at, count = time.perf_counter() + SECONDS, 0

    async def worker() -> None:
        nonlocal count
        while time.perf_counter() < ends_at:
            async with http.get(url, headers=tokens[count % len(tokens)]) as response:
                await response.read()
                assert response.status == 200
            count += 1

    begun = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(32)))
    return count / (time.perf_counter() - begun)


async def listen(http: aiohttp.ClientSession, url: str, seen: list[float], ready: asyncio.Semaphore) -> None:
    async with http.get(url, headers=BEARER, timeout=aiohttp.ClientTimeout(total=None)) as response:
        ready.release()
        async for line in response.content:
            if line.startswith(b"data: ") and b"onConversationAdded" in line:
                seen.append(time.perf_counter())  # noqa: PERF401 - the time it came


async def test_the_door(tmp_path: Path, free_port: Callable[[], int]) -> None:
    twilio, ours = free_port(), free_port()
    env = environment(tmp_path, f"http://127.0.0.1:{twilio}", CONVERSATIONS_PORT=str(ours))
    tokens = operators(tmp_path)
    processes = [start([str(UPSTREAM), str(twilio)])]
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            direct = f"http://127.0.0.1:{twilio}/conversations/v1/Conversations/{sid('CH')}"
            await answering(http, direct)
            processes.append(start(["-m", "conversations_api"], **env))
            base = f"http://127.0.0.1:{ours}"
            await answering(http, f"{base}/readyz")
            through = f"{base}/api/conversations/{sid('CH')}"
            await paced(http, through, tokens)
            theirs, with_us = await paced(http, direct, [{}]), await paced(http, through, tokens)
            added = [percentile(with_us, share) - percentile(theirs, share) for share in (0.5, 0.99)]
            print(f"\nadded at {RATE}/s: p50 {added[0]:.2f} ms, p99 {added[1]:.2f} ms")
            print(f"  alone p50 {statistics.median(theirs):.2f} ms, p99 {percentile(theirs, 0.99):.2f} ms")
            print(f"reads: {await as_fast_as_it_goes(http, through, tokens):.0f}/s of one process")
            await measure_events(http, base)
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def measure_events(http: aiohttp.ClientSession, base: str) -> None:
    """How long after a write every one of many listeners knows."""
    seen: list[float] = []
    ready = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(listen(http, f"{base}/api/events", seen, ready)) for _ in range(BROWSERS)]
    for _ in tasks:
        await ready.acquire()
    lags: list[float] = []
    for number in range(20):
        seen.clear()
        body = msgspec.json.encode({"friendlyName": f"n{number}"})
        headers = {**BEARER, "Content-Type": "application/json"}
        async with http.post(f"{base}/api/conversations", data=body, headers=headers) as response:
            assert response.status == 201
        written = time.perf_counter()
        async with asyncio.timeout(5):
            while len(seen) < BROWSERS:  # noqa: ASYNC110 - listeners append as they hear
                await asyncio.sleep(0.005)
        lags += [(at - written) * 1000 for at in seen]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print(
        f"SSE to {BROWSERS}: median {statistics.median(lags):.0f} ms, slowest {max(lags):.0f} ms after the write"
    )


def fill(db: Any, dice: random.Random, first: int, last: int) -> None:
    for number in range(first, last):
        key, at = sid("CH", number + 1), 1_700_000_000_000 + number * 60_000
        document = {"friendlyName": f"{dice.choice(WORDS)} {number}", "dateCreated": iso(at), "state": "active"}
        changes = [Change("conversation", key, sid("IS"), key, document, 1.0)]
        person = {"messagingBinding": {"type": "sms", "address": f"+1500{number:07d}"}, "dateCreated": iso(at)}
        changes.append(Change("participant", sid("MB", number + 1), sid("IS"), key, person, 1.0))
        for index in range(MESSAGES_EACH):
            body = " ".join(dice.choices(WORDS, k=12))
            message = {"index": index, "author": "x", "body": body, "dateCreated": iso(at + index * 1000)}
            changes.append(Change("message", sid("IM", number * 100 + index), sid("IS"), key, message, 1.0))
        apply(db, changes)


async def test_the_index(tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311 - words, not secrets
    index = SearchIndex(tmp_path)
    begun = time.perf_counter()
    for first in range(0, CONVERSATIONS, 1000):
        await index.write(lambda db, first=first: fill(db, dice, first, first + 1000))
    await index.write(lambda db: set_fact(db, "done", True))
    print(f"\nindex of {CONVERSATIONS} conversations and {CONVERSATIONS * MESSAGES_EACH} messages")
    size_mb = (tmp_path / FILE).stat().st_size / 1e6
    print(f"  filled in {time.perf_counter() - begun:.0f} s, {size_mb:.0f} MB")
    kinds: dict[str, Callable[[], tuple[Selection, str]]] = {
        "one word": lambda: (Selection(sid("IS"), (dice.choice(WORDS),)), "-lastActivity"),
        "two words": lambda: (Selection(sid("IS"), tuple(dice.sample(WORDS, 2))), "-lastActivity"),
        "unfinished word": lambda: (Selection(sid("IS"), (dice.choice(WORDS)[:3],)), "-lastActivity"),
        "number": lambda: (Selection(sid("IS"), (f"{dice.randrange(CONVERSATIONS):07d}",)), "-lastActivity"),
        "word by name": lambda: (Selection(sid("IS"), (dice.choice(WORDS),)), "name"),
        "no word": lambda: (Selection(sid("IS"), state="active"), "-lastActivity"),
    }  # fmt: skip
    everything: list[float] = []
    for name, make in kinds.items():
        times = []
        for _ in range(60):
            selection, sort = make()
            started = time.perf_counter()
            found = await index.read(
                lambda db, s=selection, o=sort: (f := find(db, s, o, 50), activities(db, f.rows))
            )
            times.append((time.perf_counter() - started) * 1000)
        everything += times
        total = found[0].total
        figures = f"p50 {statistics.median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms"
        print(f"  {name}: {figures} (the last found {total})")
    print(f"  all together: p95 {percentile(everything, 0.95):.1f} ms")
    index.close()
