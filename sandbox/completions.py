"""A reply in OpenAI's chat completion format: as one object, or as chunks with fragments of text and tools."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sandbox.agent.scripted import Reply, ToolUse

TOKEN = re.compile(r"\s*\S{1,8}")
FRAGMENT = re.compile(r".{1,6}", re.DOTALL)
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """A chunk to send, None for the end mark; `is_token` when it takes a token's time."""

    chunk: dict[str, Any] | None
    is_token: bool = False

    def encoded(self) -> bytes:
        """The server-sent event."""
        return DONE if self.chunk is None else b"data: " + msgspec.json.encode(self.chunk) + b"\n\n"


def text_pieces(text: str) -> list[str]:
    """The text in tokens; joined they are the text again."""
    found = TOKEN.findall(text)
    rest = text[sum(map(len, found)) :]
    return [*found, rest] if rest else found


def count_tokens(reply: Reply) -> int:
    fragments = sum(len(FRAGMENT.findall(tool.arguments)) + 1 for tool in reply.tools)
    return len(text_pieces(reply.text)) + fragments


@dataclass(slots=True)
class Completion:
    """One reply on its way out; ids are made once so that all chunks agree."""

    model: str
    reply: Reply
    prompt_tokens: int
    id: str = field(default_factory=lambda: "chatcmpl-" + secrets.token_hex(14))
    created: int = field(default_factory=lambda: int(time.time()))
    tool_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tool_ids = ["call_" + secrets.token_hex(12) for _ in self.reply.tools]

    @property
    def pieces(self) -> list[str]:
        return text_pieces(self.reply.text)

    @property
    def tokens(self) -> int:
        return count_tokens(self.reply)

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.reply.tools else "stop"

    def usage(self) -> dict[str, Any]:
        total = self.prompt_tokens + self.tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": total,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    def whole(self) -> dict[str, Any]:
        """The answer to a request without `stream`."""
        message: dict[str, Any] = {"role": "assistant", "content": self.reply.text or None, "refusal": None}
        if self.reply.tools:
            message["tool_calls"] = [self._tool_call(i, tool) for i, tool in enumerate(self.reply.tools)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return {
            **self._head("chat.completion"),
            "choices": [choice],
            "usage": self.usage(),
        }

    def events(self, *, with_usage: bool) -> Iterator[Event]:
        """The chunks in OpenAI's order: role, text, tools, finish reason, usage, end mark."""
        extra: dict[str, Any] = {"usage": None} if with_usage else {}
        first = {
            "role": "assistant",
            "content": "" if self.reply.text or not self.reply.tools else None,
            "refusal": None,
        }
        yield Event(self._chunk(first, extra))
        for piece in self.pieces:
            yield Event(self._chunk({"content": piece}, extra), is_token=True)
        for index, tool in enumerate(self.reply.tools):
            for delta in self._tool_deltas(index, tool):
                yield Event(self._chunk({"tool_calls": [delta]}, extra), is_token=True)
        yield Event(self._chunk({}, extra, self.finish_reason))
        if with_usage:
            yield Event({**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage()})
        yield Event(None)

    def _tool_deltas(self, index: int, tool: ToolUse) -> Iterator[dict[str, Any]]:
        """The name first, then the arguments in fragments that break anywhere, as the real ones do."""
        yield {**self._tool_call(index, tool), "function": {"name": tool.name, "arguments": ""}, "index": index}
        for fragment in FRAGMENT.findall(tool.arguments):
            yield {"index": index, "function": {"arguments": fragment}}

    def _tool_call(self, index: int, tool: ToolUse) -> dict[str, Any]:
        function = {"name": tool.name, "arguments": tool.arguments}
        return {"id": self.tool_ids[index], "type": "function", "function": function}

    def _chunk(
        self, delta: dict[str, Any], extra: dict[str, Any], finish_reason: str | None = None
    ) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **extra}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": None,
        }
