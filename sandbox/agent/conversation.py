"""A chat request as the agent sees it: who said what, which tools there are, what they returned."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

TAG = re.compile(r"\b(pt|en|es)-[A-Z]{2}\b")
CUSTOMER_LANGUAGE = re.compile(
    r"[\"']?(?:preferred_?)?(?:language|locale)[\"']?[ \t]*[:=][ \t]*[\"']?[\w-]+", re.I
)
NAME = re.compile(
    r"(?:first_?name|customer_?name|primeiro nome|nombre)[\"']?[ \t]*[:=][ \t]*[\"']?([^\W\d_][\w'’ -]{0,39})",
    re.IGNORECASE,
)


class FunctionCall(msgspec.Struct):
    name: str
    arguments: str = ""


class AssistantToolCall(msgspec.Struct):
    id: str
    function: FunctionCall


class TextContent(msgspec.Struct):
    """A part of a message that is written as a list of parts; only text is understood."""

    type: str
    text: str = ""


class ChatMessage(msgspec.Struct):
    """A message of the chat completions API."""

    role: str
    content: str | list[TextContent] | None = None
    tool_calls: list[AssistantToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class ToolFunction(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class ToolOffer(msgspec.Struct):
    """A tool that the model may call."""

    function: ToolFunction


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool that ran for the caller's last words: its name, and what it returned as far as that is JSON."""

    name: str
    arguments: dict[str, Any]
    value: Any


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a reply depends on. `turn` counts the caller's messages; `results` belong to the last of them."""

    system: str
    said: list[str]
    answered: list[str]
    results: list[ToolResult]
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def turn(self) -> int:
        return len(self.said)

    @property
    def last_said(self) -> str:
        return self.said[-1] if self.said else ""

    @property
    def system_language(self) -> str | None:
        """The primary tag of the last language code in the system messages.

        What is known of the customer does not count: the language they prefer is not the one being spoken.
        """
        tags = TAG.findall(CUSTOMER_LANGUAGE.sub("", self.system))
        return tags[-1] if tags else None

    @property
    def customer_name(self) -> str | None:
        match = NAME.search(self.system)
        return match[1].strip() if match else None


def read_conversation(messages: Sequence[ChatMessage], offers: Sequence[ToolOffer]) -> Conversation:
    """The conversation behind a request."""
    last_user = max((i for i, m in enumerate(messages) if m.role == "user"), default=-1)
    return Conversation(
        system="\n".join(m.text for m in messages if m.role in ("system", "developer")),
        said=[m.text for m in messages if m.role == "user"],
        answered=[m.text for m in messages if m.role == "assistant" and m.text],
        results=_results(messages[last_user + 1 :]),
        tools={offer.function.name: offer.function.parameters for offer in offers},
    )


def _results(messages: Sequence[ChatMessage]) -> list[ToolResult]:
    calls = {call.id: call.function for m in messages for call in m.tool_calls or ()}
    return [
        ToolResult(calls[m.tool_call_id].name, _object(calls[m.tool_call_id].arguments), _json(m.text))
        for m in messages
        if m.role == "tool" and m.tool_call_id in calls
    ]


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _object(text: str) -> dict[str, Any]:
    value = _json(text)
    return value if isinstance(value, dict) else {}
