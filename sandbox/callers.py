"""The simulated callers: seeded customers of each language."""

from __future__ import annotations

import random

from sandbox.segment import Customer, customers


def default_caller(language: str | None) -> str:
    """The number of a customer who speaks the language (by its primary tag), else of the first one."""
    return (_speakers(language) or customers())[0].ids["phone"]


def caller_of(language: str | None, rng: random.Random) -> str:
    """The number of any customer who speaks the language; of the first customer when none does."""
    return rng.choice(_speakers(language) or customers()[:1]).ids["phone"]


def language_of(number: str) -> str | None:
    """What a customer speaks, None for a stranger."""
    for customer in customers():
        if customer.ids["phone"] == number:
            return str(customer.traits.get("preferred_language", "")) or None
    return None


def _speakers(language: str | None) -> list[Customer]:
    primary = (language or "").lower().partition("-")[0]
    return [
        customer
        for customer in customers()
        if primary and str(customer.traits.get("preferred_language", "")).lower().startswith(primary)
    ]
