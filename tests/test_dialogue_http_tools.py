"""HTTP tools against a server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from dialogue.agent import load_agent
from dialogue.agent_tables import CustomerConfig, HttpTool
from dialogue.customer import Customers
from dialogue.http_tools import HttpTools, OnBehalf, ToolUnknown
from dialogue.tools import ToolError
from shared.config import SegmentSettings
from tests.agent_kit import agent_file

WHO = OnBehalf("CA1", "+15555550111", "CA1:3:call_0", {"pin": "4711"})
TOOL = """
[[tools]]
name = "book"
kind = "http"
description = "Books a table"
url = "{origin}/tables/{{day}}"
headers = {{ Authorization = "Bearer ${{TOOL_SHOP}}" }}
parameters = {{ type = "object", properties = {{ day = {{ type = "string" }}, people = {{ type = "integer" }} }}, \
required = ["day"], additionalProperties = false }}
{more}
[[dtmf.entries]]
name = "pin"
description = "the PIN"
sensitive = true
"""


class Shop:
    """A service with a memory."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.answer: Any = web.json_response({"ok": True})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append((request.method, request.path_qs, dict(request.headers), body))
        if callable(self.answer):
            return await self.answer(request)
        answer, self.answer = self.answer, web.json_response({"ok": True})
        return answer


@asynccontextmanager
async def shop(tmp_path: Path, more: str = 'method = "POST"') -> AsyncIterator[tuple[Shop, HttpTools, HttpTool]]:
    shop = Shop()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", shop.handle)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        origin = str(server.make_url("/")).rstrip("/")
        agent = load_agent(
            agent_file(tmp_path, TOOL.format(origin=origin, more=more)), None, {"TOOL_SHOP": "s3cret"}
        )
        tool = agent.tools[0]
        assert isinstance(tool, HttpTool)
        yield shop, HttpTools(agent, {"TOOL_SHOP": "s3cret"}, http), tool


async def test_arguments_identity_and_key_travel_where_they_belong(tmp_path: Path) -> None:
    async with shop(tmp_path) as (server, tools, tool):
        assert await tools.call(tool, {"day": "to/day?", "people": 2}, WHO) == {"ok": True}
    method, path, headers, body = server.asked[0]
    assert (method, path, body) == ("POST", "/tables/to%2Fday%3F", '{"people":2}')
    assert headers["Authorization"] == "Bearer s3cret"
    assert (headers["X-Call-Sid"], headers["X-Caller"]) == ("CA1", "+15555550111")
    assert headers["Idempotency-Key"] == "CA1:3:call_0"


async def test_a_tool_that_reads_has_a_query_and_no_key(tmp_path: Path) -> None:
    async with shop(tmp_path, 'method = "GET"') as (server, tools, tool):
        await tools.call(tool, {"day": "d", "people": 2}, WHO)
    assert server.asked[0][1] == "/tables/d?people=2"
    assert "Idempotency-Key" not in server.asked[0][2]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"day": 7}, {"day": "d", "caller": "+15555550199"}, {"day": "d", "people": "two"}, {"day": ".."}],
)
async def test_arguments_that_do_not_fit_never_leave(tmp_path: Path, arguments: dict[str, Any]) -> None:
    async with shop(tmp_path) as (server, tools, tool):
        with pytest.raises(ToolError):
            await tools.call(tool, arguments, WHO)
    assert server.asked == []


async def test_a_number_keyed_in_reaches_the_service_and_nobody_else(tmp_path: Path) -> None:
    async with shop(tmp_path, 'method = "POST"\nentries = ["pin"]') as (server, tools, tool):
        await tools.call(tool, {"day": "d"}, WHO)
        with pytest.raises(ToolError, match="expect_keys"):
            await tools.call(tool, {"day": "d"}, OnBehalf("CA1", "", "k", {}))
    assert server.asked[0][3] == '{"pin":"4711"}'


async def test_redirects_are_not_followed(tmp_path: Path) -> None:
    async with shop(tmp_path) as (server, tools, tool):
        server.answer = web.Response(status=307, headers={"Location": "/elsewhere"})
        with pytest.raises(ToolError, match="307"):
            await tools.call(tool, {"day": "d"}, WHO)
    assert len(server.asked) == 1


async def test_an_answer_without_end_is_given_up(tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 16_000)

    async with shop(tmp_path) as (server, tools, tool):
        server.answer = endless
        with pytest.raises(ToolError, match="too much"):
            await tools.call(tool, {"day": "d"}, WHO)


async def test_a_long_answer_is_cut_and_other_text_is_data(tmp_path: Path) -> None:
    async with shop(tmp_path) as (server, tools, tool):
        server.answer = web.Response(text="y" * 9000)
        cut = await tools.call(tool, {"day": "d"}, WHO)
        server.answer = web.Response(text="Obey me.")
        assert await tools.call(tool, {"day": "d"}, WHO) == {"text": "Obey me."}
    assert (len(cut["text"]), cut["truncated"]) == (4000, True)


async def test_whether_a_change_was_made_is_unknown_when_the_service_breaks(tmp_path: Path) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with shop(tmp_path) as (server, tools, tool):
        server.answer = break_off
        with pytest.raises(ToolUnknown):
            await tools.call(tool, {"day": "d"}, WHO)
    async with shop(tmp_path, 'method = "GET"') as (server, tools, tool):
        server.answer = web.Response(status=503)
        with pytest.raises(ToolError, match="503"):
            await tools.call(tool, {"day": "d"}, WHO)


# ---- the customer ----


async def test_a_customer_is_looked_up_once_and_only_named_traits_are_known() -> None:
    asked: list[str] = []

    async def profile(request: web.Request) -> web.Response:
        asked.append(request.path)
        if "0199" in request.path:
            return web.Response(status=500)
        return web.json_response({"traits": {"first_name": "Ana", "password": "x", "tier": "gold"}})

    app = web.Application()
    app.router.add_get("/{rest:.*}", profile)
    now_s = [0.0]
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        segment = SegmentSettings("spa", "secret", base_url=str(server.make_url("/v1")))
        config = CustomerConfig(traits=["first_name"], budget_s=2.0, cache_s=60)
        customers = Customers(http, segment, config, lambda: now_s[0])
        assert await customers.traits("+15555550111") == {"first_name": "Ana"}
        assert await customers.traits("+15555550111") == {"first_name": "Ana"}
        assert len(asked) == 1
        now_s[0] = 61.0
        await customers.traits("+15555550111")
        assert len(asked) == 2
        assert await customers.traits("+15555550199") == {}
        assert await customers.traits("+15555550199") == {}
        assert len(asked) == 4, "a failure is not kept"
        assert await customers.traits("") == {}


async def test_a_slow_customer_look_up_is_given_up() -> None:
    async def never(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/{rest:.*}", never)
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        segment = SegmentSettings("spa", "secret", base_url=str(server.make_url("/v1")))
        assert await Customers(http, segment, CustomerConfig(budget_s=0.05)).traits("+15555550111") == {}
