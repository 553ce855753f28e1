"""`make bench`: what the Conversations door adds, how fast the index answers, how far events lag."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import sqlite3
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

from conversations_api.index_documents import iso
from conversations_api.index_schema import FILE
from conversations_api.index_search import Selection, activities, find
from conversations_api.index_words import write_words
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
STATES = ["active", "active", "closed"]
FIRST_MS = 1_700_000_000_000
# A language as languages are: the n-th word is said 1/n as often as the first (Zipf). The first stand in nearly
# every conversation, the last in a few.
WORDS = [
    "".join(parts) for parts in itertools.product("bdfklmnprstvz", "aeiou", "bdglmnrstv", "aeiou", ("", "n", "r"))
]
WEIGHTS = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(WORDS))))


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


def fill(db: sqlite3.Connection, dice: random.Random, first: int, last: int) -> None:
    """Straight into the tables: changes one by one would take minutes. The words are written as always."""
    here, nothing = sid("IS"), b"{}"
    for number in range(first, last):
        row, at = number + 1, FIRST_MS + number * 60_000
        name, state = f"{dice.choices(WORDS, cum_weights=WEIGHTS)[0]} {number}", dice.choice(STATES)
        document = msgspec.json.encode({"friendlyName": name, "dateCreated": iso(at), "state": state})
        active, unread = at + MESSAGES_EACH * 1000, int(number % 50 == 0)
        db.execute(
            "INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, 2, ?, ?, ?, 1, 1, 0, 0)",
            (row, sid("CH", row), here, name, state, at, at, active, MESSAGES_EACH, unread, document),
        )
        address = f"+1500{number:07d}"
        person = msgspec.json.encode({"messagingBinding": {"type": "sms", "address": address}})
        db.execute(
            "INSERT INTO participants VALUES (?, ?, NULL, ?, 'sms', NULL, ?, ?, 1)",
            (sid("MB", row), row, address, at, person),
        )
        bodies = [" ".join(dice.choices(WORDS, cum_weights=WEIGHTS, k=12)) for _ in range(MESSAGES_EACH)]
        db.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, 'x', ?, ?, ?, ?, 1)",
            [(row, n, sid("IM", number * 100 + n), b, at + n * 1000, at, nothing) for n, b in enumerate(bodies)],
        )
        write_words(db, row)


def questions(dice: random.Random) -> dict[str, tuple[Callable[[], dict[str, Any]], str]]:
    """What operators ask: parameters of a Selection, and the order."""

    def said() -> str:
        return dice.choices(WORDS, cum_weights=WEIGHTS)[0]

    def common() -> str:
        return dice.choice(WORDS[:20])

    newest = "-lastActivity"
    return {
        "a word as often asked as said": (lambda: {"words": (said(),)}, newest),
        "a common word": (lambda: {"words": (common(),)}, newest),
        "a rare word": (lambda: {"words": (dice.choice(WORDS[1000:]),)}, newest),
        "two words": (lambda: {"words": (said(), said())}, newest),
        "two common words": (lambda: {"words": (common(), common())}, newest),
        "an unfinished word": (lambda: {"words": (said()[: dice.randrange(1, 5)],)}, newest),
        "a number": (lambda: {"words": (f"{dice.randrange(CONVERSATIONS):07d}",)}, newest),
        "a word, by name": (lambda: {"words": (said(),)}, "name"),
        "a common word, by creation": (lambda: {"words": (common(),)}, "created"),
        "a word, closed, by text message": (
            lambda: {"words": (said(),), "state": "closed", "channel": "sms"},
            newest,
        ),
        "a word, of one day": (
            lambda: {"words": (said(),), **_day(dice)},
            newest,
        ),
        "three digits of a number": (lambda: {"address": f"{dice.randrange(1000):03d}"}, newest),
        "unread": (lambda: {"unread": True}, newest),
        "closed, by name": (lambda: {"state": "closed"}, "name"),
        "closed, of one day": (lambda: {"state": "closed", **_day(dice)}, newest),
        "nothing": (dict, newest),
    }


def _day(dice: random.Random) -> dict[str, int]:
    start = FIRST_MS + dice.randrange(CONVERSATIONS) * 60_000
    return {"created_from_ms": start, "created_to_ms": start + 86_400_000}


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
    everything: list[float] = []
    for name, (make, sort) in questions(dice).items():
        times = []
        for _ in range(60):
            selection = Selection(sid("IS"), **make())
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
