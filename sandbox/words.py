"""Spoken words compared loosely: without case, accents or punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_OTHER = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=16_384)
def plain(text: str) -> str:
    """The words in lower case without accents, one space between them: `Não, obrigado!` -> `nao obrigado`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _OTHER.sub(" ", letters).strip()


def found_phrases(text: str, phrases: Iterable[str]) -> list[str]:
    """Which phrases occur in the text as whole words, each once; both sides are compared plain."""
    padded = f" {plain(text)} "
    return [phrase for phrase in phrases if f" {plain(phrase)} " in padded]


def without_phrases(text: str, phrases: Iterable[str]) -> str:
    """The plain text with the phrases taken out."""
    padded = f" {plain(text)} "
    for phrase in phrases:
        padded = padded.replace(f" {plain(phrase)} ", " | ")
    return padded.strip()


def overlap(one: str, other: str) -> float:
    """The share of words that two texts have in common (Jaccard), 0 to 1."""
    first, second = set(plain(one).split()), set(plain(other).split())
    together = first | second
    return len(first & second) / len(together) if together else 0.0
