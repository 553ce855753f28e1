"""The simulated callers: seeded customers, one for each language."""

from __future__ import annotations

from sandbox.segment import customers


def default_caller(language: str | None) -> str:
    """The number of a customer who speaks the language (by its primary tag), else of the first one."""
    primary = (language or "").lower().partition("-")[0]
    for customer in customers():
        if primary and str(customer.traits.get("preferred_language", "")).lower().startswith(primary):
            return customer.ids["phone"]
    return customers()[0].ids["phone"]
