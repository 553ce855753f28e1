"""Many calls and rude ones: what a call took is given back, and one caller's flood does not drown the others."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import relay_server.call as call
from relay_server.call import OUTBOX_COMMANDS, Call
from relay_server.call_book import ENDED_KEPT
from relay_server.parts import BOOK, FEED, LIVE, RECOVERY
from tests.relay_kit import Relay, running_relay

CALLS = int(os.environ.get("RELAY_LOAD_CALLS", "200"))
AT_ONCE = 20
KEYS = 10_000


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def short_call(relay: Relay, number: int) -> None:
    async with relay.call(f"CA{number}") as caller:
        await caller.ask("hi")
        await caller.socket.close()


async def many(relay: Relay, first: int, count: int) -> None:
    for start in range(first, first + count, AT_ONCE):
        await asyncio.gather(*(short_call(relay, start + n) for n in range(AT_ONCE)))
        relay.model.asked.clear()


async def test_calls_give_back_what_they_took(relay: Relay, eventually_async: Any) -> None:
    assert relay.app is not None
    await many(relay, 0, 2 * AT_ONCE)  # what is made once
    await eventually_async(lambda: not relay.live)
    gc.collect()
    tasks, files, calls = len(asyncio.all_tasks()), open_files(), count_of(Call)
    resident = resident_bytes()
    await many(relay, 10_000, CALLS)
    await eventually_async(lambda: not relay.live)
    gc.collect()
    assert len(asyncio.all_tasks()) <= tasks + 2
    assert open_files() <= files + AT_ONCE
    assert count_of(Call) <= calls
    grown = resident_bytes() - resident
    print(f"{CALLS} calls: {grown / 1024:.0f} kB more resident, {len(asyncio.all_tasks()) - tasks} more tasks")
    assert grown < 24 * 1024 * 1024  # the feed's ring and the recovery of ended calls have their own bounds
    assert relay.app[LIVE] == {}
    assert len(relay.app[BOOK].list()) <= ENDED_KEPT
    assert relay.app[RECOVERY].overdue(1e12) == []


def count_of(kind: type[Any]) -> int:
    return sum(type(found) is kind for found in gc.get_objects())


async def test_a_flood_of_keys_neither_ends_the_call_nor_slows_another(relay: Relay) -> None:
    async with relay.call("CA1") as rude, relay.call("CA2") as other:
        sent = 0
        answered_at: list[int] = []

        async def flood() -> None:
            nonlocal sent
            for sent in range(1, KEYS + 1):
                await rude.send(type="dtmf", digit=str(1 + sent % 9))
                await asyncio.sleep(0)  # client and relay share this loop

        async def drain() -> None:
            async for _ in rude.socket:  # ends with the socket: `receive` on a closed one would spin for ever
                pass

        reading = asyncio.create_task(drain())
        flooding = asyncio.create_task(flood())
        for _ in range(5):
            assert await other.ask("hi") == "Hello."
            answered_at.append(sent)
        assert answered_at[0] < KEYS, "the other caller was answered only after the flood"
        await flooding
        reading.cancel()
        assert relay.app is not None
        assert await other.ask("still there?") == "Hello."
        assert "CA1" in relay.app[LIVE]


async def test_a_frame_that_is_too_large_costs_that_call_only(relay: Relay, eventually_async: Any) -> None:
    async with relay.call("CA1") as rude, relay.call("CA2") as other:
        await rude.prompt("x" * 300_000)
        assert await other.ask("hi") == "Hello."
        assert relay.app is not None
        app = relay.app
        await eventually_async(lambda: "CA1" not in app[LIVE])
        assert app[RECOVERY].is_open("CA1")  # it may come back
        assert await other.ask("hi") == "Hello."


async def test_a_caller_that_sends_and_does_not_read_is_not_collected_in_memory(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    async def never(self: Call, command: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Call, "_send", never)
    monkeypatch.setattr(call, "STUCK_S", 0.5)
    monkeypatch.setattr(call, "FRAMES_AT_ONCE", 1e9)  # the guard in front of this one
    assert relay.app is not None
    async with relay.call("CA1") as rude:
        await rude.prompt("hi")
        await eventually_async(lambda: relay.model.asked)
        found = relay.app[LIVE]["CA1"]
        for _ in range(3000):
            await rude.send(type="dtmf", digit="1")
            assert len(found._outbox) < 2 * OUTBOX_COMMANDS
        await eventually_async(lambda: not relay.live)
    assert len(relay.app[FEED]._ring) <= 5000
