"""Tools behind an address: arguments checked, identity and keys added by the server, answers bounded.

The address is the agent author's; what the model writes only fills in its arguments, so it can neither choose a
host nor speak for another caller. Redirects are not followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import jsonschema_rs
import msgspec
from yarl import URL

from dialogue.agent import Agent
from dialogue.agent_checks import PLACEHOLDER, URL_ARGUMENT
from dialogue.agent_tables import HttpTool
from dialogue.tools import ToolError
from shared.bodies import BodyTooLarge, read_whole

ANSWER_BYTES = 64 * 1024
RESULT_CHARACTERS = 4000
CONTROL = dict.fromkeys((*range(32), 127), " ")


class ToolUnknown(Exception):
    """Whether the tool has done its work is not known: it must not be told as a failure."""


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """For whom a tool is called. The server knows this; the model never says it."""

    call_sid: str
    caller: str
    key: str
    entries: Mapping[str, str]


class HttpTools:
    """The HTTP tools of an agent, ready to be called; header values are filled in once from the environment."""

    def __init__(self, agent: Agent, environ: Mapping[str, str], http: aiohttp.ClientSession) -> None:
        tools = [tool for tool in agent.tools if isinstance(tool, HttpTool)]
        self._http = http
        self._validators = {tool.name: jsonschema_rs.validator_for(tool.parameters) for tool in tools}
        self._headers = {
            tool.name: {
                name: PLACEHOLDER.sub(lambda m: environ[m[1]], value) for name, value in tool.headers.items()
            }
            for tool in tools
        }

    async def call(self, tool: HttpTool, arguments: Mapping[str, Any], who: OnBehalf) -> Any:
        """The answer as data. Raises ToolError for bad arguments and refusals, ToolUnknown when nobody can tell.

        The deadline is the caller's affair: cancelled in time, the outcome is unknown.
        """
        self._check(tool, arguments)
        given = {**arguments, **self._entries(tool, who)}
        url, rest = _placed(tool, given)
        in_query = tool.method in {"GET", "DELETE"}
        try:
            async with self._http.request(
                tool.method,
                URL(url, encoded=True),  # as it was quoted here, and not interpreted once more
                params={name: _query_text(value) for name, value in rest.items()} if in_query else None,
                data=None if in_query else msgspec.json.encode(rest),
                headers=self._own_headers(tool, who),
                allow_redirects=False,
            ) as response:
                body = await read_whole(response.content, ANSWER_BYTES)
                status = response.status
        except BodyTooLarge:
            raise ToolError("the service answered with too much") from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise ToolError("the service cannot be reached") from error
        except (aiohttp.ClientError, ValueError) as error:
            if tool.changes_something:  # it may have been done before the line broke
                raise ToolUnknown from error
            raise ToolError("the service did not answer") from error
        if status >= 500 and tool.changes_something:
            raise ToolUnknown
        if not 200 <= status < 300:
            raise ToolError(f"the service answered with status {status}")
        return _as_data(body)

    def _check(self, tool: HttpTool, arguments: Mapping[str, Any]) -> None:
        try:
            self._validators[tool.name].validate(dict(arguments))
        except jsonschema_rs.ValidationError as error:
            where = ".".join(map(str, error.instance_path)) or "the arguments"
            raise ToolError(f"{where}: {error.message}"[:300]) from error

    def _entries(self, tool: HttpTool, who: OnBehalf) -> dict[str, str]:
        missing = [name for name in tool.entries if name not in who.entries]
        if missing:
            raise ToolError(f"the caller has not keyed in {missing[0]} yet: ask for it and call expect_keys")
        return {name: who.entries[name] for name in tool.entries}

    def _own_headers(self, tool: HttpTool, who: OnBehalf) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self._headers[tool.name]}
        headers["X-Call-Sid"] = who.call_sid.translate(CONTROL)
        headers["X-Caller"] = who.caller.translate(CONTROL)
        if tool.changes_something:
            headers["Idempotency-Key"] = who.key.translate(CONTROL)
        return headers


def _placed(tool: HttpTool, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The address with its arguments filled in, and the arguments that are left. Raises ToolError."""
    names = set(URL_ARGUMENT.findall(tool.url))
    for name in names:
        value = given.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value in {"", ".", ".."}:
            raise ToolError(f"the argument {name} is missing")
    url = URL_ARGUMENT.sub(lambda m: quote(str(given[m[1]]), safe=""), tool.url)
    return url, {name: value for name, value in given.items() if name not in names}


def _query_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _as_data(body: bytes) -> Any:
    """JSON as it is, other text as text; either is cut to what a prompt can bear."""
    text = body.decode("utf-8", "replace")
    if len(text) > RESULT_CHARACTERS:
        return {"text": text[:RESULT_CHARACTERS], "truncated": True}
    try:
        return msgspec.json.decode(body) if body.strip() else {"ok": True}
    except (msgspec.DecodeError, RecursionError):
        return {"text": text}
