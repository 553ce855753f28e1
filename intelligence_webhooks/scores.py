"""Scores out of normalised operator outcomes, by the rules of the table.

JSON results are read first, then classifications and extractions, then text. A result that feeds a score and
cannot be read is marked unparsed with the reason; its score stays null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from intelligence_webhooks import wording
from intelligence_webhooks.legal_checks import broken_rules
from intelligence_webhooks.rules import Bands, Feed, Rules
from intelligence_webhooks.wording import Unreadable
from shared.records import Finding, LegalRisk, OperatorOutcome

PREFERENCE = {"json": 0, "text-generation": 2}
YES, NO = {"yes", "true", "sim", "sí", "si"}, {"no", "false", "não", "nao"}
_ABSENT = object()


class Scores(msgspec.Struct, kw_only=True):
    """The scores of one transcript or conversation; null where nothing could be read."""

    csat: float | None = None
    csat_surveyed: float | None = None
    ces: float | None = None
    nps: float | None = None
    sentiment: str | None = None
    legal_risk: LegalRisk | None = None
    hallucinations: int | None = None
    escalation_requested: bool | None = None
    summary: str | None = None
    disposition: str | None = None
    intents: list[str] = []
    emotions: list[str] = []
    toxic: bool | None = None
    tasks_completed: int | None = None
    tasks: int | None = None


def score(outcomes: Sequence[OperatorOutcome], rules: Rules) -> tuple[Scores, list[OperatorOutcome]]:
    """The scores, and the outcomes with those marked unparsed that fed a score and could not be read.

    The outcomes given are left as they are. The result does not depend on their order.
    """
    marked = {id(outcome): msgspec.structs.replace(outcome) for outcome in outcomes}
    values: dict[str, Any] = {}
    unread: set[str] = set()
    for feed in rules.feeds:
        for outcome in sorted(outcomes, key=_preference):
            if not (outcome.parsed and feed.takes(outcome.name, outcome.operator_sid, outcome.value)):
                continue
            try:
                value = _read(feed, outcome, rules.bands)
            except Unreadable as fault:
                copy = marked[id(outcome)]
                copy.parsed, copy.reason = False, f"{feed.score}: {fault}"
                unread.add(feed.score)
            else:
                if value is not None:
                    values.setdefault(feed.score, value)
    if "tasks" in values:
        values["tasks_completed"], values["tasks"] = values["tasks"]
    broken = broken_rules(outcomes, values, rules.checks)
    if broken or (broken is not None and "legal_risk" not in unread):  # what could not be read is not "no risk"
        told = values.get("legal_risk")
        values["legal_risk"] = _legal_risk([*(told.findings if told else []), *broken], rules.bands)
    return msgspec.convert(values, Scores), list(marked.values())


def _preference(outcome: OperatorOutcome) -> tuple[int, str, str]:
    return PREFERENCE.get(outcome.operator_type, 1), outcome.operator_sid, outcome.name


def _read(feed: Feed, outcome: OperatorOutcome, bands: Bands) -> Any:
    readers: dict[str, Callable[[Feed, OperatorOutcome], Any]] = {
        "number": _number,
        "label": _label,
        "count": _count,
        "flag": _flag,
        "text": _text,
        "words": _words,
        "tasks": _tasks,
        "findings": lambda feed, outcome: _legal_risk(_findings(feed, outcome), bands),
    }
    return readers[feed.reader](feed, outcome)


def _field(feed: Feed, value: dict[str, Any]) -> Any:
    """The first of the feed's fields that the object has, else _ABSENT."""
    return next((value[name] for name in feed.json_fields if value.get(name) is not None), _ABSENT)


def _required_field(feed: Feed, outcome: OperatorOutcome) -> Any:
    value = _field(feed, outcome.value)
    if value is _ABSENT:
        raise Unreadable(f"none of the fields {', '.join(feed.json_fields)}")
    return value


def _number(feed: Feed, outcome: OperatorOutcome) -> float:
    match outcome.operator_type:
        case "json":
            number = _as_number(_required_field(feed, outcome))
            number = _turned(feed, number, outcome.value)
        case "text-generation":
            number = wording.read_number(feed.text, outcome.value)
        case other:
            raise Unreadable(f"no number in a result of type {other}")
    if not feed.minimum <= number <= feed.maximum:
        raise Unreadable(f"{number:g} is outside {feed.minimum:g} to {feed.maximum:g}")
    return number


def _turned(feed: Feed, number: float, value: dict[str, Any]) -> float:
    """The number on the feed's own scale and direction, by what the object says about itself.

    Another scale is refused, since a conversion would invent precision; the other direction is mirrored.
    """
    scale = value.get("scale")
    if scale is not None and _as_number(scale) != feed.maximum:
        raise Unreadable(f"the scale is {scale}, not {feed.maximum:g}")
    direction = str(value.get("direction") or "").lower().replace(" ", "")
    low_is_easy = f"{feed.minimum:g}=easy", f"{feed.maximum:g}=difficult", f"{feed.maximum:g}=hard"
    return feed.minimum + feed.maximum - number if direction in low_is_easy else number


def _as_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unreadable(f"{value!r} is no number")
    try:
        number = float(value)
    except ValueError:
        raise Unreadable(f"{value!r} is no number") from None
    if not math.isfinite(number):
        raise Unreadable(f"{value!r} is no number")
    return number


def _label(feed: Feed, outcome: OperatorOutcome) -> str | None:
    """The label in our words; None for one that the table maps to "", since it says nothing about the score."""
    match outcome.operator_type:
        case "json":
            label = _required_field(feed, outcome)
        case "conversation-classify":
            label = outcome.value["label"]
        case "text-generation":
            label = outcome.value.strip().strip("*_.\"' ")
        case other:
            raise Unreadable(f"no label in a result of type {other}")
    if isinstance(label, str) and not feed.labels and label.strip():
        return label.strip()  # a feed without a table takes every label
    known = feed.labels.get(label.strip().lower()) if isinstance(label, str) else None
    if known is None:
        raise Unreadable(f"unknown label {str(label)[:40]!r}")
    return known or None


def _count(feed: Feed, outcome: OperatorOutcome) -> int:
    match outcome.operator_type:
        case "json":
            return _json_count(feed, outcome)
        case "text-generation":
            return wording.read_count(outcome.value)
        case other:
            raise Unreadable(f"no count in a result of type {other}")


def _json_count(feed: Feed, outcome: OperatorOutcome) -> int:
    value = _field(feed, outcome.value)
    if isinstance(value, list):
        return len(value)
    if value is not _ABSENT:
        number = _as_number(value)
        if number < 0 or number != int(number):
            raise Unreadable(f"{number:g} is no count")
        return int(number)
    answers = [
        (_as_flag(outcome.value[name]), _as_flag(meaning))
        for name, meaning in feed.yes_when
        if outcome.value.get(name) is not None
    ]
    if not answers:
        raise Unreadable("neither a count nor an answer")
    return int(any(answer == meaning for answer, meaning in answers))


def _flag(feed: Feed, outcome: OperatorOutcome) -> bool:
    match outcome.operator_type:
        case "json":
            return _as_flag(_required_field(feed, outcome))
        case "extract" | "extract-normalize":
            return bool(outcome.value["matched"])
        case other:
            raise Unreadable(f"neither yes nor no in a result of type {other}")


def _as_flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in YES or word in NO:
        return word in YES
    raise Unreadable(f"{str(value)[:40]!r} is neither yes nor no")


def _text(feed: Feed, outcome: OperatorOutcome) -> str:
    value = _required_field(feed, outcome) if outcome.operator_type == "json" else outcome.value
    if not isinstance(value, str):
        raise Unreadable(f"no text in a result of type {outcome.operator_type}")
    return value


def _words(feed: Feed, outcome: OperatorOutcome) -> list[str]:
    """All that the fields list, each once, in their order; a text names its intents."""
    match outcome.operator_type:
        case "json":
            found = [outcome.value.get(name) for name in feed.json_fields]
            flat = [word for value in found for word in (value if isinstance(value, list) else [value])]
            words = [word.strip() for word in flat if isinstance(word, str) and word.strip()]
            if not words and not any(isinstance(value, list) for value in found):
                raise Unreadable(f"none of the fields {', '.join(feed.json_fields)}")
        case "conversation-classify":
            words = [outcome.value["label"]]
        case "text-generation":
            words = wording.read_intents(outcome.value)
        case other:
            raise Unreadable(f"no words in a result of type {other}")
    return list(dict.fromkeys(words))


def _tasks(feed: Feed, outcome: OperatorOutcome) -> tuple[int, int]:
    """How many of the tasks were done, and how many there were. Source: Twilio's Task Completion operator."""
    if outcome.operator_type != "json":
        raise Unreadable(f"no tasks in a result of type {outcome.operator_type}")
    tasks = _required_field(feed, outcome)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise Unreadable("the tasks are no list of objects")
    return sum(_as_flag(task.get("successful_completion")) for task in tasks), len(tasks)


def _findings(feed: Feed, outcome: OperatorOutcome) -> list[Finding]:
    match outcome.operator_type:
        case "json":
            try:
                findings = msgspec.convert(_required_field(feed, outcome), list[Finding])
            except msgspec.ValidationError as error:
                raise Unreadable(f"malformed findings: {error}") from error
        case "text-generation":
            findings = wording.read_findings(outcome.value)
        case other:
            raise Unreadable(f"no findings in a result of type {other}")
    for finding in findings:
        if not 0 <= finding.severity <= 100:
            raise Unreadable(f"a severity of {finding.severity:g} is outside 0 to 100")
    return findings


def _legal_risk(findings: list[Finding], bands: Bands) -> LegalRisk:
    """The worst finding is the call's score; a sum would grow with the number of remarks."""
    worst = max((finding.severity for finding in findings), default=0.0)
    return LegalRisk(score=worst, band=bands.band(worst), findings=findings)
