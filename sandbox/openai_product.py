"""The OpenAI-compatible model: chat completions from the script or the scripted agent, and its models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from aiohttp import web

from sandbox.agent.conversation import ChatMessage, ToolOffer, read_conversation
from sandbox.agent.scripted import Reply, ToolUse, answer
from sandbox.completions import Completion, Event, encode_event
from sandbox.product import CUT_AFTER_BYTES, Handler, Product, Refusal, drop_connection, has_bearer, json_answer
from shared.config import OpenAISettings

PREFIX = "/openai/v1"
MODELS = ("sandbox-agent",)
RATE_LIMITED, UNAUTHORIZED = 429, 401


class Pacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast the model speaks, in milliseconds: until the first token, then between tokens."""

    first_token_ms: float = 120
    token_ms: float = 15

    def __post_init__(self) -> None:
        if self.first_token_ms < 0 or self.token_ms < 0:
            raise ValueError("first_token_ms and token_ms cannot be negative")


class ScriptedTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call in a scripted answer; `arguments` may be an object, or text to be sent as it is."""

    name: str
    arguments: dict[str, Any] | str = {}


class ScriptedAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer that is given before the agent is asked: text, tools, and its own pacing."""

    text: str = ""
    tool_calls: list[ScriptedTool] = []
    first_token_ms: float | None = None
    token_ms: float | None = None

    def reply(self) -> Reply:
        return Reply(self.text, tuple(ToolUse(tool.name, _arguments(tool)) for tool in self.tool_calls))

    def pacing(self, usual: Pacing) -> Pacing:
        first, token = self.first_token_ms, self.token_ms
        return Pacing(usual.first_token_ms if first is None else first, usual.token_ms if token is None else token)


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """The part of a chat completion request that the sandbox looks at."""

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[ToolOffer] = []


def openai_error(status: int, message: str, kind: str, code: str | None, param: str | None = None) -> Refusal:
    """A refusal in OpenAI's JSON shape."""
    return Refusal(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def unknown_url(request: web.Request) -> Refusal:
    message = f"Unknown request URL: {request.method} {request.path}."
    return openai_error(404, message, "invalid_request_error", "unknown_url")


def openai_product(settings: OpenAISettings) -> Product:
    """The model endpoint, whose only key is the configured one."""

    def authenticate(request: web.Request) -> None:
        if not has_bearer(request, settings.api_key):
            raise openai_error(
                UNAUTHORIZED, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"
            )

    return Product("openai", authenticate, _failure)


def _failure(status: int) -> Refusal:
    message = f"The sandbox was told to answer {status}"
    if status == RATE_LIMITED:
        return openai_error(status, f"Rate limit reached. {message}", "requests", "rate_limit_exceeded")
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return openai_error(status, message, kind, None)


class ModelApi:
    """Answers from the queue of scripted answers first, then from the agent."""

    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        self.script: list[ScriptedAnswer] = []

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "POST", f"{PREFIX}/chat/completions", self.complete
        yield "GET", f"{PREFIX}/models", self.list_models
        yield "GET", f"{PREFIX}/models/{{model}}", self.fetch_model

    async def list_models(self, _: web.Request) -> web.Response:
        return json_answer({"object": "list", "data": [_model(name) for name in MODELS]})

    async def fetch_model(self, request: web.Request) -> web.Response:
        return json_answer(_model(request.match_info["model"]))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = await _read_request(request)
        pacing, reply = self.pacing, None
        if self.script:
            scripted = self.script.pop(0)
            pacing, reply = scripted.pacing(self.pacing), scripted.reply()
        if reply is None:
            reply = answer(read_conversation(asked.messages, asked.tools))
        completion = Completion(asked.model, reply, _prompt_words(asked))
        if not asked.stream:
            await asyncio.sleep((pacing.first_token_ms + pacing.token_ms * completion.tokens) / 1000)
            return json_answer(completion.whole())
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        return await _stream(request, completion.events(with_usage=with_usage), pacing)


async def _read_request(request: web.Request) -> ChatRequest:
    try:
        return msgspec.json.decode(await request.read(), type=ChatRequest)
    except msgspec.MsgspecError as error:
        raise openai_error(400, f"We could not parse the body: {error}", "invalid_request_error", None) from error


async def _stream(request: web.Request, events: Iterator[Event], pacing: Pacing) -> web.StreamResponse:
    """Sends the events at their pace; a client that hangs up ends it, and a cut drops the connection."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
    await response.prepare(request)
    left = request.get(CUT_AFTER_BYTES)
    async for data in _paced(events, pacing):
        if left is not None and len(data) >= left:
            await response.write(data[:left])
            drop_connection(request)
            return response
        left = None if left is None else left - len(data)
        try:
            await response.write(data)
        except ConnectionError:
            return response  # barge-in: the client closed the stream
    await response.write_eof()
    return response


async def _paced(events: Iterator[Event], pacing: Pacing) -> AsyncIterator[bytes]:
    """The events when they are due: counted from the beginning, so that delays do not add up."""
    loop = asyncio.get_running_loop()
    due_s = loop.time() + pacing.first_token_ms / 1000
    for event in events:
        wait_s = due_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        yield encode_event(event)
        due_s += pacing.token_ms / 1000 * event.is_token


def _prompt_words(asked: ChatRequest) -> int:
    return sum(len(message.text.split()) for message in asked.messages)


def _arguments(tool: ScriptedTool) -> str:
    if isinstance(tool.arguments, str):
        return tool.arguments
    return msgspec.json.encode(tool.arguments).decode()


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(time.time()), "owned_by": "sandbox"}
