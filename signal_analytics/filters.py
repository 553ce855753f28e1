"""Which calls a question is about: conditions as SQL, values as parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

# Callers that are nobody in particular; what they share is no identity.
NOBODY = ("", "anonymous", "unknown", "restricted", "+266696687")
REPEAT_DAYS = 7
HARD_UP_TO = 3
DISSATISFIED_UP_TO = 2
SATISFIED_FROM = 4
EASY_FROM = 5
PROMOTER_FROM = 9
DETRACTOR_UP_TO = 6

# The calls that a number counts, by the name under which they can be listed.
SIGNALS = {
    "satisfied": f"csat >= {SATISFIED_FROM}",
    "dissatisfied": f"csat <= {DISSATISFIED_UP_TO}",
    "easy": f"ces >= {EASY_FROM}",
    "hard": f"ces <= {HARD_UP_TO}",
    "promoter": f"nps >= {PROMOTER_FROM}",
    "detractor": f"nps <= {DETRACTOR_UP_TO}",
    "positive": "sentiment = 'positive'",
    "neutral": "sentiment = 'neutral'",
    "negative": "sentiment = 'negative'",
    "mixed": "sentiment = 'mixed'",
    "high_risk": "legal_risk_band = 'high'",
    "hallucinated": "hallucinations > 0",
    "escalation_requested": "escalation_requested",
    "escalated": "escalated",
    "contained": "contained",
    "resolved": "contained AND resolved",
    "abandoned": "abandoned",
    "repeated": f"next_contact_at <= started_at + INTERVAL {REPEAT_DAYS} DAYS",
    "switched_language": "language_switches > 0",
    "tool_failed": "tools > tools_ok",
    "dtmf": "key_turns > 0",
    "interrupted": "interruptions > 0",
    "analysed": "analysed",
    "unscored": (
        "analysed AND csat IS NULL AND csat_surveyed IS NULL AND ces IS NULL AND sentiment IS NULL "
        "AND legal_risk IS NULL AND hallucinations IS NULL AND escalation_requested IS NULL"
    ),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Calls that started in [start, end) and have these properties; empty lets everything through.

    A language such as `pt` also takes `pt-BR`; `service_sid` is an Intelligence or a Conversations service;
    `segment` is a trait of the customer and its value.
    """

    start: datetime | None = None
    end: datetime | None = None
    language: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    service_sid: tuple[str, ...] = ()
    segment: tuple[str, str] | None = None
    signal: str | None = None
    finding: str | None = None
    caller: str | None = None

    def between(self, start: datetime, end: datetime) -> Filters:
        """The same question about another period."""
        return replace(self, start=start, end=end)

    def where(self) -> tuple[str, dict[str, Any]]:
        """The condition over `calls`, and the values of its parameters."""
        conditions = ["true"]
        values: dict[str, Any] = {}

        def add(condition: str, **parameters: Any) -> None:
            conditions.append(condition)
            values.update(parameters)

        if self.start is not None:
            add("started_at >= $start", start=stored_time(self.start))
        if self.end is not None:
            add("started_at < $end", end=stored_time(self.end))
        if self.language:
            add(
                """("language" IN (SELECT unnest($language))
                OR split_part("language", '-', 1) IN (SELECT unnest($language)))""",
                language=list(self.language),
            )
        for name in ("channel", "agent", "direction"):
            if wanted := getattr(self, name):
                add(f"{name} IN (SELECT unnest(${name}))", **{name: list(wanted)})
        if self.service_sid:
            add(
                "(service_sid IN (SELECT unnest($service)) OR chat_service_sid IN (SELECT unnest($service)))",
                service=list(self.service_sid),
            )
        if self.segment is not None:
            trait, value = self.segment
            add(
                "caller IN (SELECT phone FROM customers WHERE json_extract_string(traits, $trait) = $trait_value)",
                trait=trait_path(trait),
                trait_value=value,
            )
        if self.signal is not None:
            add(f"({SIGNALS[self.signal]})")
        if self.finding is not None:
            add("list_contains(categories, $finding)", finding=self.finding)
        if self.caller is not None:
            add("caller = $caller", caller=self.caller)
        return " AND ".join(conditions), values


def trait_path(trait: str) -> str:
    """The JSON path of a trait; a quote in its name cannot end the path early."""
    return '$."' + trait.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stored_time(at: datetime | None) -> datetime | None:
    """A time as the table has it: UTC without a zone."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)
