"""Legal risk that Twilio's own operators tell by themselves: one finding per rule of the table that is broken.

A phrase that had to be said and was not, one that must be acted upon, personal data in the words.
Source of the list: facts of what vendors check for (docs/intelligence.md, "Legal risk").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from intelligence_webhooks.rules import Check
from shared.records import Finding, OperatorOutcome

MATCHING = {"extract", "extract-normalize", "pii-extract", "utterance-classify"}


def broken_rules(
    outcomes: Sequence[OperatorOutcome], scores: Mapping[str, Any], checks: Iterable[Check]
) -> list[Finding] | None:
    """The findings; None when no check's operator ran and no score tells of one, so that nothing is known."""
    findings: list[Finding] = []
    has_run = False
    for check in checks:
        found = [answer for outcome in outcomes if (answer := _matched(check, outcome)) is not None]
        has_run = has_run or bool(found)
        broken = bool(scores.get(check.score)) if check.score else bool(found) and any(found) == check.wanted
        if broken:
            findings.append(Finding(category=check.category, severity=check.severity))
    return findings if has_run or findings else None


def _matched(check: Check, outcome: OperatorOutcome) -> bool | None:
    """Whether the check's operator found what it looks for; None for another one and an answer we cannot read."""
    if not outcome.parsed or not check.named(outcome.name, outcome.operator_sid):
        return None
    if outcome.operator_type in MATCHING:
        return bool(outcome.value["matched"])
    if outcome.operator_type == "conversation-classify" and check.labels:
        return outcome.value["label"].strip().lower() in check.labels
    return None
