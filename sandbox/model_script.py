"""Scripted answers of the model: a queue for tests, and what was asked that nobody expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from sandbox.agent.scripted import Reply, ToolUse
from sandbox.pacing import Pacing


class ScriptedTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tool call in a scripted answer; `arguments` may be an object, or text to be sent as it is."""

    name: str
    arguments: dict[str, Any] | str = {}


class ScriptedAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An answer that is given before the agent is asked: text, tools, and its own pacing.

    `expect` is text that the last message of the request must contain; one that does not is unexpected.
    """

    text: str = ""
    tool_calls: list[ScriptedTool] = []
    first_token_ms: float | None = None
    token_ms: float | None = None
    expect: str = ""

    def reply(self) -> Reply:
        return Reply(self.text, tuple(ToolUse(tool.name, _arguments(tool)) for tool in self.tool_calls))

    def pacing(self, usual: Pacing) -> Pacing:
        first, token = self.first_token_ms, self.token_ms
        return Pacing(
            usual.first_token_ms if first is None else first,
            usual.token_ms if token is None else token,
            usual.jitter,
        )


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole script. A strict one allows no other requests: they are refused and remembered."""

    answers: list[ScriptedAnswer]
    strict: bool = True


class Unexpected(msgspec.Struct, frozen=True):
    """A request that the script had no answer for: its last message, and what was expected instead."""

    last_message: str
    expected: str


class UnexpectedRequest(Exception):
    """The script does not allow this request; the message says what it expected."""


@dataclass(slots=True)
class ScriptQueue:
    """The answers that are waiting, in order."""

    waiting: list[ScriptedAnswer] = field(default_factory=list)
    strict: bool = False
    unexpected: list[Unexpected] = field(default_factory=list)

    def take(self, last_message: str) -> ScriptedAnswer | None:
        """The next answer, or None when the agent is to answer. Raises UnexpectedRequest, takes nothing then."""
        if self.waiting and self.waiting[0].expect in last_message:
            return self.waiting.pop(0)
        if self.waiting:
            raise self._refusal(last_message, f"a message that contains {self.waiting[0].expect!r}")
        if self.strict:
            raise self._refusal(last_message, "no more requests")
        return None

    def replace(self, script: Script) -> None:
        self.clear()
        self.waiting, self.strict = list(script.answers), script.strict

    def clear(self) -> None:
        self.waiting, self.strict, self.unexpected = [], False, []

    def complaint(self) -> str | None:
        """One sentence when requests came that were not expected, or answers were never asked for."""
        faults = [f"unexpected request {u.last_message!r}, expected {u.expected}" for u in self.unexpected]
        if self.waiting:
            faults.append(f"{len(self.waiting)} scripted answers were not asked for")
        return "; ".join(faults) or None

    def _refusal(self, last_message: str, expected: str) -> UnexpectedRequest:
        self.unexpected.append(Unexpected(last_message, expected))
        return UnexpectedRequest(f"The script expected {expected}, and was asked {last_message!r}.")


def _arguments(tool: ScriptedTool) -> str:
    if isinstance(tool.arguments, str):
        return tool.arguments
    return msgspec.json.encode(tool.arguments).decode()
