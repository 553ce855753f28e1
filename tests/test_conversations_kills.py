"""kill -9 in the middle of a bulk job and of the first filling: what was done stays, the rest is done after."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conversations_kit import BEARER, DATE, environment, sid

CONVERSATIONS = 30
SERVICE = sid("IS")
pytestmark = pytest.mark.timeout(90)


class Twilio:
    """Conversations with one message each; it lets a number of requests through and holds back the others."""

    def __init__(self) -> None:
        self.rows = {sid("CH", n): self._row(n) for n in range(1, CONVERSATIONS + 1)}
        self.contents: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.held_from = CONVERSATIONS
        self.hold = asyncio.Event()

    @staticmethod
    def _row(number: int) -> dict[str, Any]:
        dates = {"date_created": DATE, "date_updated": DATE}
        key = sid("CH", number)
        return {"sid": key, "chat_service_sid": SERVICE, "friendly_name": f"c{number}", "state": "active", **dates}

    def app(self) -> web.Application:
        app = web.Application()
        base = "/conversations/v1"
        app.router.add_get(f"{base}/Configuration", self.configuration)
        app.router.add_get(f"{base}/Services", self.services)
        app.router.add_get(f"{base}/Services/{{service}}/Conversations", self.listed)
        app.router.add_get(f"{base}/Services/{{service}}/Conversations/{{key}}/Participants", self.nobody)
        app.router.add_get(f"{base}/Services/{{service}}/Conversations/{{key}}/Messages", self.messages)
        app.router.add_post(f"{base}/Services/{{service}}/Conversations/{{key}}", self.change)
        return app

    async def configuration(self, _: web.Request) -> web.Response:
        return web.json_response({"default_chat_service_sid": SERVICE})

    async def services(self, _: web.Request) -> web.Response:
        return page("services", [{"sid": SERVICE}])

    async def listed(self, _: web.Request) -> web.Response:
        return page("conversations", list(self.rows.values()))

    async def nobody(self, _: web.Request) -> web.Response:
        return page("participants", [])

    async def messages(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if len(self.contents) >= self.held_from:
            await self.hold.wait()
        self.contents[key] += 1
        number = int(key[2:], 16)
        message = {"sid": sid("IM", number), "conversation_sid": key, "index": 0, "body": f"word{number}"}
        return page("messages", [message | {"author": "x", "date_created": DATE, "date_updated": DATE}])

    async def change(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        if len(self.writes) >= self.held_from:
            await self.hold.wait()
        self.writes[key] += 1
        self.rows[key] |= {"state": "inactive"}
        return web.json_response(self.rows[key])


def page(key: str, rows: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"meta": {"key": key, "next_page_url": None}, key: rows})


@asynccontextmanager
async def running(data_dir: Path, twilio: str, port: int) -> AsyncIterator[Callable[..., Any]]:
    """The service as a process that ends by kill -9, and a way to ask it."""
    env = {**os.environ, **environment(data_dir, twilio, CONVERSATIONS_PORT=str(port))}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "conversations_api", env=env)

    async def ask(method: str, path: str, body: object = None) -> Any:
        url = f"http://127.0.0.1:{port}{path}"
        async with aiohttp.request(method, url, headers=BEARER, json=body) as response:
            assert response.status < 300, await response.text()
            return await response.json()

    try:
        await reached(lambda: ask("GET", "/api/index"), lambda _: True)
        yield ask
    finally:
        process.kill()
        await process.wait()


async def reached(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What `look` sees once it is good."""
    async with asyncio.timeout(40):
        while True:
            try:
                found = await look()
                if good(found):
                    return found
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


async def test_both_go_on_where_they_were(tmp_path: Path, free_port: Callable[[], int]) -> None:
    twilio = Twilio()
    async with TestServer(twilio.app()) as server:
        where = (tmp_path / "data", str(server.make_url("")))
        twilio.held_from = 10
        async with running(*where, free_port()) as ask:
            await reached(lambda: ask("GET", "/api/index"), lambda seen: seen["progress"]["done"] >= 5)
        kept = {key for key, count in twilio.contents.items() if count}
        twilio.held_from = CONVERSATIONS
        twilio.hold.set()
        port = free_port()
        async with running(*where, port) as ask:
            ready = await reached(lambda: ask("GET", "/api/index"), lambda seen: seen["state"] == "ready")
            assert (ready["conversations"], ready["messages"]) == (CONVERSATIONS, CONVERSATIONS)
            # What was stored before the kill was not read again; what was only under way was.
            assert sum(twilio.contents.values()) < CONVERSATIONS + len(kept)
            assert (await ask("GET", "/api/search?q=word30"))["total"] == 1

            twilio.hold.clear()
            twilio.held_from = 10
            order = {"action": "update", "sids": list(twilio.rows), "change": {"state": "inactive"}}
            job = await ask("POST", "/api/bulk", order)
            await reached(lambda: ask("GET", f"/api/bulk/{job['id']}"), lambda seen: seen["done"] >= 8)
        twilio.held_from = CONVERSATIONS
        twilio.hold.set()
        async with running(*where, free_port()) as ask:
            done = await reached(
                lambda: ask("GET", f"/api/bulk/{job['id']}"), lambda seen: seen["state"] == "done"
            )
    assert (done["done"], done["failed"]) == (CONVERSATIONS, 0)
    assert {row["state"] for row in twilio.rows.values()} == {"inactive"}
    # Settled before the kill: sent once. Sent and not settled: once more, at most.
    assert sum(1 for count in twilio.writes.values() if count == 1) >= 8
    assert max(twilio.writes.values()) <= 2
