"""Whether a turn went as expected. Pure: facts in, sentences about failures out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.scenarios.ear import Facts
from sandbox.scenarios.grammar import Expectation
from sandbox.scenarios.outcome import ToolSeen
from sandbox.words import plain

SHOWN = 160


def failures(expected: Sequence[Expectation], facts: Facts, language: str, tools: Sequence[ToolSeen]) -> list[str]:
    """What is not as expected, one sentence each."""
    found = (failure(expectation, facts, language, tools) for expectation in expected)
    return [text for text in found if text is not None]


def failure(expected: Expectation, facts: Facts, language: str, tools: Sequence[ToolSeen]) -> str | None:
    """Why the expectation is not met, None when it is."""
    match expected.kind:
        case "response":
            return _text(expected, facts.text, facts.first_text_ms, "the agent answered")
        case "spoken":
            return _text(expected, facts.heard, facts.first_text_ms, "of the agent was heard")
        case "tool":
            return _tool(expected, tools)
        case "language":
            return _language(expected, facts, language)
        case "transfer":
            return _happened(expected, facts.transferred_ms, "a transfer") or _text(
                expected, facts.transferred or "", facts.transferred_ms, "the transfer went to"
            )
        case "interrupted":
            return _happened(expected, facts.interrupted_ms, "an interruption")
        case "resumed":
            return _happened(expected, facts.resumed_ms, "a new session")
        case "ended":
            wrong = expected.by and facts.ended_by not in (None, expected.by)
            if wrong:
                return f"expected the call to be ended by {expected.by}, it was ended by {facts.ended_by}"
            return _happened(expected, facts.ended_ms, "the end of the call")


def _text(expected: Expectation, text: str, at_ms: float | None, what: str) -> str | None:
    said = f" {plain(text)} "
    if not said.strip():
        return f"expected words, but nothing {what}" if what.endswith("heard") else "expected an answer, none came"
    missing = [words for words in expected.wanted if plain(words) not in said]
    if missing:
        return f"expected {_listed(missing)}; {what}: {_shown(text)}"
    present = [words for words in expected.unwanted if plain(words) in said]
    if present:
        return f"did not expect {_listed(present)}; {what}: {_shown(text)}"
    return _late(expected, at_ms)


def _tool(expected: Expectation, tools: Sequence[ToolSeen]) -> str | None:
    called = [tool for tool in tools if tool.name == expected.tool]
    if not called:
        others = f"called were: {', '.join(tool.name for tool in tools)}" if tools else "no tool was called"
        return f"expected the tool {expected.tool}; {others}"
    if not any(_covers(expected.args, tool.parsed) for tool in called):
        return f"expected {expected.tool} with {expected.args}; it was called with {called[-1].arguments or '{}'}"
    return None


def _covers(wanted: dict[str, Any], given: dict[str, Any]) -> bool:
    """True when every wanted argument is given; text is compared plain, anything else exactly."""
    for name, value in wanted.items():
        found = given.get(name)
        same = (
            plain(value) == plain(found) if isinstance(value, str) and isinstance(found, str) else value == found
        )
        if not same:
            return False
    return True


def _language(expected: Expectation, facts: Facts, language: str) -> str | None:
    wanted = expected.language.lower()
    if not language.lower().startswith(wanted):
        return f"expected the call to be in {expected.language}, it is in {language}"
    changes = [at_ms for code, at_ms in facts.language_ms.items() if code.lower().startswith(wanted)]
    return _late(expected, changes[0]) if changes else None


def _happened(expected: Expectation, at_ms: float | None, what: str) -> str | None:
    return f"expected {what}, which did not happen" if at_ms is None else _late(expected, at_ms)


def _late(expected: Expectation, at_ms: float | None) -> str | None:
    if expected.within_ms is None or (at_ms is not None and at_ms <= expected.within_ms):
        return None
    told = "no time is known" if at_ms is None else f"it took {at_ms:.0f} ms"
    return f"expected {expected.kind} within {expected.within_ms:.0f} ms, {told}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words)


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
