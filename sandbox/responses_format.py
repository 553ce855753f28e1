"""A reply in the format of OpenAI's Responses API: as one object, or as its typed events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sandbox.agent.scripted import Reply, ToolUse
from sandbox.completions import FRAGMENT, count_tokens, text_pieces


@dataclass(frozen=True, slots=True)
class ResponseEvent:
    """One event of the stream; its type stands both in the SSE line and in the data."""

    data: dict[str, Any]
    is_token: bool = False

    def encoded(self) -> bytes:
        return f"event: {self.data['type']}\ndata: ".encode() + msgspec.json.encode(self.data) + b"\n\n"


@dataclass(slots=True)
class ResponseDocument:
    """One reply on its way out. `asked` holds what the answer repeats of the request."""

    model: str
    reply: Reply
    prompt_tokens: int
    asked: dict[str, Any]
    id: str = field(default_factory=lambda: "resp_" + secrets.token_hex(24))
    created: float = field(default_factory=time.time)
    output: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.reply.text or not self.reply.tools:
            self.output.append(_message(self.reply.text))
        self.output += [_function_call(tool) for tool in self.reply.tools]

    @property
    def tokens(self) -> int:
        return count_tokens(self.reply)

    def whole(self) -> dict[str, Any]:
        """The answer to a request without `stream`."""
        return self._document("completed", self.output, self._usage())

    def events(self) -> Iterator[ResponseEvent]:
        """The events in OpenAI's order, numbered from 0."""
        for number, (kind, data, is_token) in enumerate(self._steps()):
            yield ResponseEvent({"type": kind, "sequence_number": number, **data}, is_token)

    def _steps(self) -> Iterator[tuple[str, dict[str, Any], bool]]:
        begun = self._document("in_progress", [], None)
        yield "response.created", {"response": begun}, False
        yield "response.in_progress", {"response": begun}, False
        for index, item in enumerate(self.output):
            yield "response.output_item.added", {"output_index": index, "item": _empty(item)}, False
            place = {"item_id": item["id"], "output_index": index}
            yield from _text_steps(item, place) if item["type"] == "message" else _call_steps(item, place)
            yield "response.output_item.done", {"output_index": index, "item": item}, False
        yield "response.completed", {"response": self.whole()}, False

    def _usage(self) -> dict[str, Any]:
        return {
            "input_tokens": self.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self.tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.prompt_tokens + self.tokens,
        }

    def _document(self, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": True,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "default",
            "text": {"format": {"type": "text"}},
            "truncation": "disabled",
            "usage": usage,
            "user": None,
            "metadata": {},
            **self.asked,
        }


def _message(text: str) -> dict[str, Any]:
    return {
        "id": "msg_" + secrets.token_hex(24),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [_text_part(text)],
    }


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _function_call(tool: ToolUse) -> dict[str, Any]:
    return {
        "id": "fc_" + secrets.token_hex(24),
        "type": "function_call",
        "status": "completed",
        "call_id": "call_" + secrets.token_hex(12),
        "name": tool.name,
        "arguments": tool.arguments,
    }


def _empty(item: dict[str, Any]) -> dict[str, Any]:
    """The item as it is announced, before its content."""
    content: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return {**item, "status": "in_progress", **content}


def _text_steps(item: dict[str, Any], place: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    text = item["content"][0]["text"]
    part = {**place, "content_index": 0}
    yield "response.content_part.added", {**part, "part": _text_part("")}, False
    for piece in text_pieces(text):
        yield "response.output_text.delta", {**part, "delta": piece, "logprobs": []}, True
    yield "response.output_text.done", {**part, "text": text, "logprobs": []}, False
    yield "response.content_part.done", {**part, "part": _text_part(text)}, False


def _call_steps(item: dict[str, Any], place: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], bool]]:
    for fragment in FRAGMENT.findall(item["arguments"]):
        yield "response.function_call_arguments.delta", {**place, "delta": fragment}, True
    done = {**place, "name": item["name"], "arguments": item["arguments"]}
    yield "response.function_call_arguments.done", done, False
