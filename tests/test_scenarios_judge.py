"""Expectations against facts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sandbox.scenarios.ear import Facts
from sandbox.scenarios.grammar import Expectation
from sandbox.scenarios.judge import failure
from sandbox.scenarios.outcome import ToolSeen

FACTS = Facts(
    text=" Está a caminho, chega amanhã.",
    heard=" Está a caminho,",
    first_text_ms=400,
    interrupted_ms=900,
    transferred="support",
    transferred_ms=100,
    language_ms={"pt-BR": 700},
    resumed_ms=50,
    ended_by="agent",
    ended_ms=1200,
)
TOOLS = [ToolSeen("order_status", '{"order_number":"1001","n":2}'), ToolSeen("end_call", "{broken")]


def judged(**expected: Any) -> str | None:
    return failure(msgspec.convert(expected, Expectation), FACTS, "pt-BR", TOOLS)


@pytest.mark.parametrize(
    "expected",
    [
        {"text_contains": "esta a CAMINHO"},
        {"text_contains": ["caminho", "amanhã"], "within_ms": 400},
        {"text_lacks": "atrasado"},
        {"event": "spoken", "text_contains": "caminho", "text_lacks": "amanhã"},
        {"tool": "order_status"},
        {"tool": "order_status", "args": {"order_number": "1001"}},
        {"tool": "order_status", "args": {"n": 2}},
        {"tool": "end_call"},
        {"language": "pt"},
        {"language": "pt-BR", "within_ms": 700},
        {"event": "transfer", "text_contains": "support"},
        {"event": "interrupted"},
        {"event": "resumed"},
        {"event": "ended", "by": "agent"},
    ],
)
def test_an_expectation_that_is_met(expected: dict[str, Any]) -> None:
    assert judged(**expected) is None


@pytest.mark.parametrize(
    ("expected", "word"),
    [
        ({"text_contains": ["caminho", "ontem"]}, "'ontem'"),
        ({"text_lacks": "amanhã"}, "did not expect"),
        ({"text_contains": "caminho", "within_ms": 399}, "400 ms"),
        ({"event": "spoken", "text_contains": "amanhã"}, "was heard"),
        ({"tool": "refund"}, "called were: order_status, end_call"),
        ({"tool": "order_status", "args": {"order_number": "1002"}}, "1001"),
        ({"tool": "order_status", "args": {"n": "2"}}, "called with"),
        ({"tool": "end_call", "args": {"a": 1}}, "called with"),
        ({"language": "es"}, "it is in pt-BR"),
        ({"language": "pt", "within_ms": 699}, "700 ms"),
        ({"event": "transfer", "text_contains": "sales"}, "sales"),
        ({"event": "ended", "by": "caller"}, "ended by agent"),
        ({"event": "ended", "within_ms": 5}, "1200 ms"),
    ],
)
def test_an_expectation_that_is_not_met(expected: dict[str, Any], word: str) -> None:
    assert word in (judged(**expected) or "")


def test_nothing_happened() -> None:
    for kind in ("response", "spoken", "transfer", "interrupted", "resumed", "ended"):
        assert failure(Expectation(event=kind), Facts(), "en-US", []) is not None
