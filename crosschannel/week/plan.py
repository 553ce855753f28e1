"""When whom the week's callers call: a seeded plan of a small company's seven days. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sandbox.segment import customers

DAYS = 7
# The share of the week's calls by weekday, Monday first: closed on Sunday, though some call all the same.
WEEKDAYS = (19, 18, 16, 15, 17, 12, 3)
# The share of a day's calls by hour: the shop opens at nine, and lunch and the evening are the busiest.
HOURS = {8: 3, 9: 9, 10: 11, 11: 12, 12: 13, 13: 9, 14: 8, 15: 9, 16: 10, 17: 12, 18: 9, 19: 3, 20: 2, 21: 1}
LANGUAGES = {"en-US": 48, "pt-BR": 30, "es-US": 22}
PERSONAS = {
    "friendly": 34,
    "hurried": 14,
    "upset": 8,
    "furious": 5,
    "soothed": 6,
    "lost": 10,
    "polyglot": 6,
    "on_the_train": 5,
    "keypad": 5,
    "undecided": 4,
    "wants_a_person": 3,
}
REGULARS = 0.3  # the share of calls by customers that Segment knows
# Numbers reserved for fiction, as in customers.toml; the known customers' own are left out.
STRANGERS = {"en-US": "+1555555{:04}", "pt-BR": "+55115555{:04}", "es-US": "+3455502{:04}"}
STRANGERS_EACH = 60
CHANNELS = {"whatsapp": 62, "sms": 38}


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """One call; `after` is the time since the Monday midnight (UTC) with which the week begins."""

    persona: str
    language: str
    number: str
    seed: int
    after: timedelta


@dataclass(frozen=True, slots=True)
class PlannedChat:
    """One written conversation: who writes, how, and what about."""

    language: str
    number: str
    channel: str
    seed: int
    after: timedelta


def calls(count: int, seed: int) -> list[PlannedCall]:
    """So many calls in the order of their times; the same seed plans the same week."""
    rng = random.Random(f"week:{seed}")  # noqa: S311 - repeatable is the point
    planned = [
        PlannedCall(_drawn(rng, PERSONAS), language, _number(rng, language), seed * 10_000 + number, after)
        for number, (language, after) in enumerate(_moments(rng, count))
    ]
    return sorted(planned, key=lambda call: call.after)


def chats(count: int, seed: int) -> list[PlannedChat]:
    """So many written conversations in the order of their times."""
    rng = random.Random(f"chats:{seed}")  # noqa: S311 - repeatable is the point
    planned = [
        PlannedChat(language, _number(rng, language), _drawn(rng, CHANNELS), seed * 10_000 + number, after)
        for number, (language, after) in enumerate(_moments(rng, count))
    ]
    return sorted(planned, key=lambda chat: chat.after)


def _moments(rng: random.Random, count: int) -> Iterator[tuple[str, timedelta]]:
    for _ in range(count):
        day = rng.choices(range(DAYS), WEEKDAYS)[0]
        hour = rng.choices(list(HOURS), list(HOURS.values()))[0]
        yield _drawn(rng, LANGUAGES), timedelta(days=day, hours=hour, seconds=rng.uniform(0, 3600))


def _number(rng: random.Random, language: str) -> str:
    known = [one.ids["phone"] for one in customers() if one.traits.get("preferred_language") == language]
    if known and rng.random() < REGULARS:
        return rng.choice(known)
    return STRANGERS[language].format(200 + rng.randrange(STRANGERS_EACH))


def _drawn(rng: random.Random, weights: dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]
