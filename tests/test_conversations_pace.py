"""How fast the index reads: as fast as Twilio lets it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from conversations_api.pace import MOST_READS, ReadWindow
from conversations_api.upstream import Call, Patience, open_client
from shared.config import load_settings
from tests.conversations_kit import environment, refuse


async def test_a_window_opens_with_every_round_and_halves_when_twilio_refuses() -> None:
    window = ReadWindow(first=4, most=6)
    for _ in range(40):
        async with window:
            pass
    assert window.size == 6
    window.limited()
    window.limited()  # the same moment
    assert window.size == 3


async def test_no_more_run_at_once_than_the_window_is_wide() -> None:
    window, running, most = ReadWindow(first=3, most=3), 0, 0
    leave, full = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        nonlocal running, most
        async with window:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
            await leave.wait()
            running -= 1

    tasks = [asyncio.create_task(read()) for _ in range(9)]
    await full.wait()
    tasks[8].cancel()
    leave.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (most, running) == (3, 0)


async def test_reads_back_off_to_what_twilio_allows_and_all_arrive(tmp_path: Path) -> None:
    """A Twilio that lets five requests run at once."""
    running, refused, answered, widest = 0, 0, 0, 0

    async def answer(_: web.Request) -> web.StreamResponse:
        nonlocal running, refused, answered, widest
        running += 1
        widest = max(widest, running)
        try:
            await asyncio.sleep(0.005)
            if running > 5:
                refused += 1
                return refuse(429, 20429)
            answered += 1
            return web.json_response({})
        finally:
            running -= 1

    app = web.Application()
    app.router.add_get("/{tail:.*}", answer)
    async with TestServer(app) as server:
        account = load_settings("conversations_api", environment(tmp_path, str(server.make_url("")))).twilio
        assert account is not None
        window = ReadWindow(first=MOST_READS)
        patience = Patience(first_delay_s=0.02, longest_delay_s=0.2, attempts=12)
        async with open_client(account, patience, limited=window.limited) as client:

            async def read() -> None:
                async with window:
                    await client.send(Call("GET", "v1/Conversations"))

            await asyncio.gather(*(read() for _ in range(150)))
    assert answered == 150
    assert 0 < refused < 150
    assert widest > 5
    assert window.size < MOST_READS
