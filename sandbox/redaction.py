"""Personal data in spoken words, by stated rules: e-mail addresses, phone numbers, cards, long numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# First match wins: a card number is also a long number.
RULES = (
    ("Email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("CreditCard", re.compile(r"\b(?:\d[ -]?){13,19}\b")),
    ("PhoneNumber", re.compile(r"\+\d[\d ().-]{6,17}\d|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b")),
    ("Number", re.compile(r"\b\d{4,12}\b")),
)
LABELS = tuple(label for label, _ in RULES)


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of personal data: its kind, and where it stands in the text."""

    label: str
    start: int
    end: int


def find_personal_data(text: str) -> list[Found]:
    """Every piece, in the order of the text; none overlap."""
    found: list[Found] = []
    for label, pattern in RULES:
        for match in pattern.finditer(text):
            if all(match.end() <= other.start or match.start() >= other.end for other in found):
                found.append(Found(label, match.start(), match.end()))
    return sorted(found, key=lambda piece: piece.start)


def redacted(text: str) -> str:
    """The text with every piece replaced by `[Redacted:Kind]`."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for piece in find_personal_data(text):
        yield text[at : piece.start]
        yield f"[Redacted:{piece.label}]"
        at = piece.end
    yield text[at:]
