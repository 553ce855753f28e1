"""Two recordings of the same caller side by side: turns, tools, languages, latencies. Pure."""

from __future__ import annotations

import difflib
from itertools import zip_longest

import msgspec

from crosschannel.replays.recording import RecordedTurn, Recording
from sandbox.words import plain


class TurnDifference(msgspec.Struct, kw_only=True):
    """One turn then and now. `similarity` is the share of the words that both replies have, 0 to 1."""

    number: int
    then: RecordedTurn | None
    now: RecordedTurn | None
    similarity: float
    changes: list[str]


class Comparison(msgspec.Struct, kw_only=True):
    """The whole call. `changes` concern the call as such; `same` when nothing that counts has changed."""

    then: Recording
    now: Recording
    turns: list[TurnDifference]
    changes: list[str]

    @property
    def same(self) -> bool:
        return not self.changes and not any(turn.changes for turn in self.turns)


def compare(then: Recording, now: Recording, least_similar: float) -> Comparison:
    """What has changed: tools and their arguments, languages, interruptions, ends, and replies that have less
    than `least_similar` of their words in common. Latency is shown and never counts."""
    pairs = zip_longest(_spoken(then), _spoken(now))
    turns = [_turn(number, one, other, least_similar) for number, (one, other) in enumerate(pairs, 1)]
    changes = []
    if then.reason and now.reason != then.reason:
        changes.append(f"the call ended by {now.reason or 'nothing'} and not by {then.reason}")
    return Comparison(then=then, now=now, turns=turns, changes=changes)


def similarity(one: str, other: str) -> float:
    """The share of words in common, in their order, without case, accents and punctuation."""
    first, second = plain(one).split(), plain(other).split()
    if not first and not second:
        return 1.0
    return round(difflib.SequenceMatcher(a=first, b=second, autojunk=False).ratio(), 3)


def _spoken(recording: Recording) -> list[RecordedTurn]:
    return [turn for turn in recording.turns if turn.input != "operator"]


def _turn(
    number: int, then: RecordedTurn | None, now: RecordedTurn | None, least_similar: float
) -> TurnDifference:
    if then is None or now is None:
        words = "is new" if then is None else "did not come about"
        return TurnDifference(number=number, then=then, now=now, similarity=0.0, changes=[f"the turn {words}"])
    alike = similarity(then.reply_text, now.reply_text)
    changes = []
    if plain(then.caller_text) != plain(now.caller_text):
        changes.append("the caller said something else")
    # A reply that the caller cut off may have been cut earlier while it was still being made.
    if alike < least_similar and not (then.interrupted and now.interrupted):
        changes.append(f"the reply has only {alike:.0%} of its words in common")
    if _tools(then) != _tools(now):
        changes.append(f"tools: {_named(then)} then, {_named(now)} now")
    if _primary(then.language) != _primary(now.language):
        changes.append(f"language: {then.language} then, {now.language} now")
    if then.interrupted != now.interrupted:
        changes.append("interrupted then, not now" if then.interrupted else "interrupted now, not then")
    if (then.outcome == "failed") != (now.outcome == "failed"):
        changes.append(f"outcome: {then.outcome} then, {now.outcome} now")
    return TurnDifference(number=number, then=then, now=now, similarity=alike, changes=changes)


def _tools(turn: RecordedTurn) -> list[tuple[str, object]]:
    return [(tool.name, _arguments(tool.arguments)) for tool in turn.tools]


def _arguments(text: str) -> object:
    """The arguments as a value, so that spaces and the order of names do not count."""
    try:
        return msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return text


def _named(turn: RecordedTurn) -> str:
    return ", ".join(f"{tool.name}({tool.arguments or ''})" for tool in turn.tools) or "none"


def _primary(tag: str) -> str:
    return tag.lower().partition("-")[0]
