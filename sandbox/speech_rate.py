"""How fast people and voices speak, in characters per second of call time.

English at 14 is what recorded ConversationRelay calls show. Portuguese and Spanish are spoken with more syllables
a second; the factors are ours, from the syllable rates of the three languages at equal meaning, damped by half.
"""

from __future__ import annotations

CHARS_PER_S = 14.0
FACTORS = {"en": 1.0, "pt": 1.04, "es": 1.1}


def chars_per_s(language: str | None) -> float:
    """The rate for a BCP 47 tag; unknown languages are spoken like English."""
    return CHARS_PER_S * FACTORS.get((language or "").lower().partition("-")[0], 1.0)


def spoken_s(text: str, language: str | None) -> float:
    """How long it takes to say the text."""
    return len(text) / chars_per_s(language)
