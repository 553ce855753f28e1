"""What came of a simulated call: its turns, the latency of the answers, the call as reported."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from sandbox.reported_call import ReportedCall


class Turn(msgspec.Struct):
    """One thing the caller said or dialled, and the answer as far as it was heard."""

    caller: str
    agent: str = ""
    first_text_ms: float | None = None
    answered: bool = False


class Latency(msgspec.Struct, frozen=True):
    """From the caller's last word to the first text of the answer, in milliseconds; None without answers."""

    p50_ms: float | None
    p95_ms: float | None

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Latency:
        values = sorted(turn.first_text_ms for turn in turns if turn.first_text_ms is not None)
        if not values:
            return cls(None, None)
        rank = max(0, -(-len(values) * 95 // 100) - 1)  # nearest rank
        return cls(round(statistics.median(values), 1), round(values[rank], 1))


class CallResult(msgspec.Struct, frozen=True):
    """What `--json` prints."""

    call: ReportedCall
    turns: list[Turn]
    latency: Latency
    transcript_sid: str | None
    all_answered: bool

    @classmethod
    def of(cls, call: ReportedCall, turns: list[Turn], transcript_sid: str | None) -> CallResult:
        answered = all(turn.answered for turn in turns)
        return cls(call, turns, Latency.of(turns), transcript_sid, answered)
