"""Runs the tools of an agent file: within their deadline, on behalf of the caller the server knows."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

import msgspec

from dialogue.agent import Agent
from dialogue.agent_tables import HttpTool
from dialogue.customer import Customers
from dialogue.http_tools import HttpTools, OnBehalf, ToolUnknown
from dialogue.tools import LOOK_UP_CUSTOMER, ToolError, find_tool, look_up, read_arguments
from relay_server.facts import RunTool, ToolFinished
from shared.telemetry import get_logger

UNKNOWN = '{"outcome":"unknown","note":"the tool did not answer in time; it may still do its work"}'

FAILED = '{"outcome":"unknown","note":"the tool failed; it may have done its work"}'
log = get_logger("tools")


class ToolRunner:
    """The tools of one agent, for all its calls."""

    def __init__(self, agent: Agent, http_tools: HttpTools, customers: Customers) -> None:
        self._agent = agent
        self._http_tools = http_tools
        self._customers = customers

    async def run(self, command: RunTool) -> ToolFinished:
        """The tool's result as data for the model; a failure is a result too, and so is silence."""
        started_s = time.monotonic()
        outcome: Literal["ok", "error", "unknown"] = "ok"
        try:
            result = msgspec.json.encode(await self._result(command)).decode()
        except ToolError as error:
            result, outcome = msgspec.json.encode({"error": str(error)}).decode(), "error"
        except (TimeoutError, ToolUnknown):
            result, outcome = UNKNOWN, "unknown"
        except Exception:  # a turn waits for this: whatever a tool's code does, the caller gets an answer
            log.exception("a tool failed", tool=command.call.name, call_sid=command.call_sid)
            result, outcome = FAILED, "unknown"
        duration_ms = round((time.monotonic() - started_s) * 1000, 1)
        return ToolFinished(command.call.id, result, outcome, duration_ms, command.key)

    async def _result(self, command: RunTool) -> Any:
        call = command.call
        arguments = read_arguments(call.arguments)
        if call.name == LOOK_UP_CUSTOMER:
            traits = await self._customers.traits(command.customer)
            return {"known": bool(traits), **traits}
        tool = find_tool(self._agent, command.persona, call.name)
        if not isinstance(tool, HttpTool):
            return look_up(self._agent, tool, arguments)
        who = OnBehalf(command.call_sid, command.caller, command.key, command.entries)
        async with asyncio.timeout(tool.timeout_s):
            return await self._http_tools.call(tool, arguments, who)
