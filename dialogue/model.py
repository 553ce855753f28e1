"""The model client: one OpenAI client for all calls, replies as a stream of small typed parts.

The SDK keeps authentication, retries, time-outs and the base URL. Its own parsing of chunks costs four to six
times the CPU of the stream itself, so chunks are decoded here.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import msgspec
import openai

from dialogue.sse import EventStream, MalformedStream
from shared.config import OpenAISettings

CONNECT_S = 3.0
READ_S = 20.0
WARM_FOR_S = 25.0
WARM_WITHIN_S = 3.0
LONGEST_WAIT_S = 60.0

Message = dict[str, Any]
ToolSpec = dict[str, Any]


class ModelError(Exception):
    """The model did not answer; `code` is short and safe to journal (rate_limited, unavailable, malformed…)."""

    def __init__(self, code: str, detail: str = "", retry_after_s: float = 0.0) -> None:
        super().__init__(detail or code)
        self.code = code
        self.retry_after_s = retry_after_s  # what the provider asks for, 0 when it asks for nothing


@dataclass(frozen=True, slots=True)
class Responding:
    """The provider has answered; the reply itself is still to come."""


@dataclass(frozen=True, slots=True)
class Calling:
    """The reply begins to call a tool; its arguments are still being written."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A piece of the reply's text, as the model cut it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A complete call of a tool; `arguments` is JSON as the model wrote it and may be malformed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is whole: the tools it calls (none for a spoken reply), the tokens it took, and who wrote it."""

    tool_calls: tuple[ToolCall, ...] = ()
    usage: dict[str, int] = field(default_factory=dict)
    model: str = ""


Part = Responding | Calling | TextPart | Finished


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolDelta(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class ModelClient:
    """One client for the process: its connections are kept alive between calls."""

    def __init__(self, settings: OpenAISettings) -> None:
        self.model = settings.model
        self._client = openai.AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            max_retries=0,  # tried again where the deadline is known: dialogue.models
            timeout=openai.Timeout(READ_S, connect=CONNECT_S),
            http_client=openai.DefaultAioHttpClient(),
        )

        self._warm_until_s = 0.0

    async def close(self) -> None:
        await self._client.close()

    async def warm(self) -> None:
        """Opens a connection unless one was used lately, so that the next request needs no handshake."""
        if time.monotonic() < self._warm_until_s:
            return
        self._warm_until_s = time.monotonic() + WARM_FOR_S
        with contextlib.suppress(openai.OpenAIError, httpx2.HTTPError):
            await self._client.with_options(timeout=WARM_WITHIN_S).models.with_raw_response.list()

    async def stream(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        model: str = "",
        options: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Part, None]:
        """Responding, then text as it arrives, then one Finished. Raises ModelError.

        `options` are further parameters of the request, such as `temperature`.

        Closing the iterator early closes the request, so that the model stops.
        """
        # What is known to be well-formed travels as `extra_body`: as typed parameters the SDK would walk through
        # the whole history on every turn, which was half of a turn's CPU (measured: docs/performance.md).
        body: dict[str, Any] = {"messages": list(messages), "stream_options": {"include_usage": True}}
        body.update(options or {})
        if tools:
            body["tools"] = list(tools)
        reply = _Reply()
        self._warm_until_s = 0.0  # until this request has given its connection back
        try:
            completions = self._client.chat.completions.with_streaming_response
            request = completions.create(model=model or self.model, messages=[], stream=True, extra_body=body)
            async with request as response:
                yield Responding()
                events = EventStream()
                async for chunk in response.iter_bytes():
                    for data in events.feed(chunk):
                        for part in reply.take(data):
                            yield part
        except openai.APIStatusError as error:
            code, wait_s = _status_code(error.status_code), _retry_after(error.response.headers.get("Retry-After"))
            raise ModelError(code, f"HTTP {error.status_code}", wait_s) from error
        except openai.APITimeoutError as error:
            raise ModelError("timeout") from error
        except openai.OpenAIError as error:
            raise ModelError("unavailable", type(error).__name__) from error
        except httpx2.TimeoutException as error:
            raise ModelError("timeout", type(error).__name__) from error
        except httpx2.TransportError as error:  # the SDK passes on what breaks while the body is read
            raise ModelError("cut", type(error).__name__) from error
        except (MalformedStream, msgspec.MsgspecError) as error:
            raise ModelError("malformed", type(error).__name__) from error
        self._warm_until_s = time.monotonic() + WARM_FOR_S
        yield reply.finish(model or self.model)


class _Reply:
    """Gathers what arrives in fragments: tool calls, usage, and whether the stream came to its end."""

    def __init__(self) -> None:
        self._calls: dict[int, tuple[str, str, list[str]]] = {}
        self._usage: dict[str, int] = {}
        self._ended = False

    def take(self, data: bytes) -> list[Part]:
        """What is new in one event's data. Raises ModelError when it is an error object."""
        if data == b"[DONE]":
            self._ended = True
            return []
        chunk = _decode(data)
        if chunk.error is not None:
            raise ModelError("unavailable", "the stream carried an error")
        if chunk.usage is not None:
            self._usage = msgspec.structs.asdict(chunk.usage)
        parts: list[Part] = []
        for choice in chunk.choices:
            self._ended = self._ended or choice.finish_reason is not None
            if choice.delta is not None:
                for delta in choice.delta.tool_calls or ():
                    if not self._calls:
                        parts.append(Calling())
                    self._take_tool(delta)
                if choice.delta.content:
                    parts.append(TextPart(choice.delta.content))
        return parts

    def _take_tool(self, delta: _ToolDelta) -> None:
        call_id, name, arguments = self._calls.get(delta.index, ("", "", []))
        function = delta.function or _Function()
        self._calls[delta.index] = (delta.id or call_id, function.name or name, arguments)
        arguments.append(function.arguments or "")

    def finish(self, model: str) -> Finished:
        """What the stream came to. Raises ModelError when it was cut before its end."""
        if not self._ended:
            raise ModelError("cut", "the stream ended before the reply did")
        calls = (self._calls[index] for index in sorted(self._calls))
        return Finished(tuple(ToolCall(i, name, "".join(parts)) for i, name, parts in calls), self._usage, model)


def _retry_after(header: str | None) -> float:
    """Seconds to wait as a provider asks for, 0 for none and for what is not a number."""
    try:
        value = float(header or 0)
    except ValueError:  # a date: no voice turn can wait for one
        return LONGEST_WAIT_S
    return min(max(value, 0.0), LONGEST_WAIT_S) if math.isfinite(value) else LONGEST_WAIT_S


def _status_code(status: int) -> str:
    if status == 429:
        return "rate_limited"
    if status in {401, 403}:
        return "refused"
    return "unavailable" if status >= 500 else "rejected"
