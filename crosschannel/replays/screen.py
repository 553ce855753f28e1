"""A comparison on the terminal: then on the left, now on the right."""

from __future__ import annotations

import textwrap
from itertools import zip_longest

import colorama

from crosschannel.replays.compare import Comparison, TurnDifference
from crosschannel.replays.recording import RecordedTurn

NARROWEST = 30
GAP = " | "


def side_by_side(comparison: Comparison, width: int, *, colours: bool) -> str:
    """The text; `width` is the terminal's."""
    column = max(NARROWEST, (width - len(GAP)) // 2)
    lines = [_pair(f"then: {comparison.then.call_sid}", f"now: {comparison.now.call_sid}", column)]
    for turn in comparison.turns:
        lines += _turn(turn, column, colours=colours)
    lines += ["", *(_marked(text, colours=colours) for text in comparison.changes)]
    changed = sum(bool(turn.changes) for turn in comparison.turns)
    verdict = "Nothing that counts has changed." if comparison.same else f"{changed} turns have changed."
    return "\n".join([*lines, f"{len(comparison.turns)} turns. {verdict} {_latencies(comparison)}".rstrip()])


def _turn(turn: TurnDifference, column: int, *, colours: bool) -> list[str]:
    said = turn.then or turn.now
    lines = ["", f"{turn.number}. caller: {said.caller_text if said else ''}"]
    left, right = (_told(one) for one in (turn.then, turn.now))
    for one, other in zip_longest(left, right, fillvalue=""):
        wrapped = (textwrap.wrap(text, column) or [""] for text in (one, other))
        lines += [_pair(a, b, column) for a, b in zip_longest(*wrapped, fillvalue="")]
    return lines + [_marked(text, colours=colours) for text in turn.changes]


def _told(turn: RecordedTurn | None) -> list[str]:
    if turn is None:
        return ["(nothing)"]
    tools = [f"tool {tool.name} {tool.arguments} -> {tool.result or tool.outcome}" for tool in turn.tools]
    cut = " (interrupted)" if turn.interrupted else ""
    time = "" if turn.first_text_ms is None else f", {turn.first_text_ms:.0f} ms"
    return [*tools, f"agent: {turn.reply_text}{cut}", f"[{turn.language}{time}]"]


def _latencies(comparison: Comparison) -> str:
    pairs = [
        (turn.then.first_text_ms, turn.now.first_text_ms)
        for turn in comparison.turns
        if turn.then and turn.now and turn.then.first_text_ms is not None and turn.now.first_text_ms is not None
    ]
    if not pairs:
        return ""
    then, now = (sum(values) / len(values) for values in zip(*pairs, strict=True))
    return f"First text after {then:.0f} ms then, {now:.0f} ms now (mean)."


def _pair(left: str, right: str, column: int) -> str:
    return f"{left[:column].ljust(column)}{GAP}{right}".rstrip()


def _marked(text: str, *, colours: bool) -> str:
    line = f"   ! {text}"
    return f"{colorama.Fore.RED}{line}{colorama.Style.RESET_ALL}" if colours else line
