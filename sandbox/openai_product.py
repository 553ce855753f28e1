"""The OpenAI-compatible model: chat completions and responses from the script or the scripted agent."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from sandbox.agent.conversation import ChatMessage, ToolOffer, read_conversation
from sandbox.agent.scripted import Reply, answer
from sandbox.completions import Completion
from sandbox.faults import Fault
from sandbox.model_requests import ChatRequest, ResponsesRequest, TextFormat
from sandbox.model_script import ScriptQueue, UnexpectedRequest
from sandbox.model_stream import stream_events
from sandbox.pacing import Pacing
from sandbox.product import FAULT, Handler, Product, Refusal, has_bearer, json_answer
from sandbox.responses_format import ResponseDocument
from shared.config import OpenAISettings

PREFIX = "/openai/v1"
MODELS = ("sandbox-agent",)
RATE_LIMITED, UNAUTHORIZED = 429, 401
REMEMBERED = 1000
NO_FAULT = Fault("openai")
T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class _Turn:
    """What will be answered, how fast, and what is to go wrong."""

    reply: Reply
    pacing: Pacing
    prompt_tokens: int
    seed: str
    fault: Fault

    async def think(self, tokens: int) -> None:
        """Takes the time that a whole answer takes."""
        fault_s = self.fault.first_token_ms / 1000
        await asyncio.sleep(self.pacing.first_s(self.seed) + fault_s + self.pacing.token_ms * tokens / 1000)


class ModelApi:
    """Answers from the queue of scripted answers first, then from the agent."""

    def __init__(self, pacing: Pacing) -> None:
        self.pacing = pacing
        self.script = ScriptQueue()
        self._remembered: OrderedDict[str, tuple[list[ChatMessage], dict[str, Any]]] = OrderedDict()

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "POST", f"{PREFIX}/chat/completions", self.complete
        yield "POST", f"{PREFIX}/responses", self.respond
        yield "GET", f"{PREFIX}/responses/{{response}}", self.fetch_response
        yield "GET", f"{PREFIX}/models", self.list_models
        yield "GET", f"{PREFIX}/models/{{model}}", self.fetch_model

    async def list_models(self, _: web.Request) -> web.Response:
        return json_answer({"object": "list", "data": [_model(name) for name in MODELS]})

    async def fetch_model(self, request: web.Request) -> web.Response:
        return json_answer(_model(request.match_info["model"]))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = await _read(request, ChatRequest)
        turn = self._turn(request, asked.messages, asked.tools, asked.response_format)
        completion = Completion(asked.model, turn.reply, turn.prompt_tokens)
        if not asked.stream:
            await turn.think(completion.tokens)
            return json_answer(completion.whole())
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        events = completion.events(with_usage=with_usage)
        return await stream_events(request, events, turn.pacing, turn.seed, turn.fault)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        asked = await _read(request, ResponsesRequest)
        messages = self._history(asked) + asked.messages()
        instructions = [ChatMessage("system", asked.instructions)] if asked.instructions else []
        wanted = None if asked.text is None else asked.text.format
        turn = self._turn(request, [*instructions, *messages], asked.offers(), wanted)
        tools = msgspec.json.decode(await request.read()).get("tools", [])
        document = ResponseDocument(asked.model, turn.reply, turn.prompt_tokens, asked.repeated(tools))
        if asked.store is not False:
            self._remember(document, messages)
        if not asked.stream:
            await turn.think(document.tokens)
            return json_answer(document.whole())
        return await stream_events(request, document.events(), turn.pacing, turn.seed, turn.fault)

    async def fetch_response(self, request: web.Request) -> web.Response:
        sid = request.match_info["response"]
        if sid not in self._remembered:
            raise openai_error(404, f"Response with id '{sid}' not found.", "invalid_request_error", None)
        return json_answer(self._remembered[sid][1])

    def forget(self) -> None:
        """Forgets scripted answers and earlier responses."""
        self.script.clear()
        self._remembered.clear()

    # ---- inside ----

    def _turn(
        self,
        request: web.Request,
        messages: Sequence[ChatMessage],
        offers: Sequence[ToolOffer],
        wanted: TextFormat | None,
    ) -> _Turn:
        fault = request.get(FAULT, NO_FAULT)
        last = messages[-1].text if messages else ""
        try:
            scripted = self.script.take(last)
        except UnexpectedRequest as error:
            raise openai_error(400, str(error), "invalid_request_error", "unexpected_request") from error
        if scripted is None and wanted is not None and wanted.type != "text":
            # The agent speaks; a caller that parses its answer would fail over a sentence somewhere else.
            message = f"The sandbox's agent answers in text only: script the answer to a {wanted.type} request."
            raise openai_error(400, message, "invalid_request_error", "unsupported_format", "response_format")
        pacing = self.pacing if scripted is None else scripted.pacing(self.pacing)
        reply = answer(read_conversation(messages, offers)) if scripted is None else scripted.reply()
        words = sum(len(message.text.split()) for message in messages)
        return _Turn(Reply() if fault.empty else reply, pacing, words, last, fault)

    def _history(self, asked: ResponsesRequest) -> list[ChatMessage]:
        before = asked.previous_response_id
        if before is None:
            return []
        if before not in self._remembered:
            message = f"Previous response with id '{before}' not found."
            raise openai_error(
                400, message, "invalid_request_error", "previous_response_not_found", "previous_response_id"
            )
        return list(self._remembered[before][0])

    def _remember(self, document: ResponseDocument, messages: list[ChatMessage]) -> None:
        """Keeps the conversation behind a response for one that goes on from it; the oldest are forgotten."""
        items = msgspec.convert({"model": "", "input": document.output}, ResponsesRequest)
        self._remembered[document.id] = ([*messages, *items.messages()], document.whole())
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)


async def _read(request: web.Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.read(), type=type_)
    except msgspec.MsgspecError as error:
        raise openai_error(400, f"We could not parse the body: {error}", "invalid_request_error", None) from error


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": int(time.time()), "owned_by": "sandbox"}
