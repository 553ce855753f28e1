"""Requests to the model, in both of OpenAI's formats, as the one conversation that the agent understands."""

from __future__ import annotations

from typing import Any

import msgspec

from sandbox.agent.conversation import (
    AssistantToolCall,
    ChatMessage,
    FunctionCall,
    TextContent,
    ToolFunction,
    ToolOffer,
)


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class TextFormat(msgspec.Struct, frozen=True):
    """What shape the answer is to have."""

    type: str = "text"


class TextOptions(msgspec.Struct, frozen=True):
    """The same for the Responses API."""

    format: TextFormat | None = None


class ChatRequest(msgspec.Struct):
    """The part of a chat completion request that the sandbox looks at."""

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[ToolOffer] = []
    response_format: TextFormat | None = None


class InputItem(msgspec.Struct):
    """An item of `input`: a message, a function call of the model's, or what the function returned."""

    type: str = "message"
    role: str = "user"
    content: str | list[TextContent] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str | list[TextContent] = ""

    def as_message(self) -> ChatMessage | None:
        """The same in the words of chat completions; None for what the agent has no use for."""
        if self.type == "function_call":
            call = AssistantToolCall(self.call_id, FunctionCall(self.name, self.arguments))
            return ChatMessage("assistant", tool_calls=[call])
        if self.type == "function_call_output":
            return ChatMessage("tool", self.output, tool_call_id=self.call_id)
        return ChatMessage(self.role, self.content) if self.type == "message" else None


class FunctionTool(msgspec.Struct):
    """A tool of the Responses API, whose fields are not nested."""

    type: str
    name: str = ""
    parameters: dict[str, Any] | None = None


class ResponsesRequest(msgspec.Struct):
    """The part of a Responses request that the sandbox looks at."""

    model: str
    input: str | list[InputItem] = ""
    instructions: str | None = None
    stream: bool = False
    tools: list[FunctionTool] = []
    text: TextOptions | None = None
    tool_choice: Any = "auto"
    previous_response_id: str | None = None
    store: bool | None = True
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None

    def messages(self) -> list[ChatMessage]:
        """What this request adds to the conversation, without the instructions."""
        if isinstance(self.input, str):
            return [ChatMessage("user", self.input)] if self.input else []
        return [message for item in self.input if (message := item.as_message()) is not None]

    def offers(self) -> list[ToolOffer]:
        return [
            ToolOffer(ToolFunction(tool.name, tool.parameters or {}))
            for tool in self.tools
            if tool.type == "function"
        ]

    def repeated(self, tools: Any) -> dict[str, Any]:
        """What the answer repeats of the request; `tools` as they were written."""
        return {
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "previous_response_id": self.previous_response_id,
            "store": self.store is not False,
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "tool_choice": self.tool_choice,
            "tools": tools,
            "top_p": 1.0 if self.top_p is None else self.top_p,
        }
