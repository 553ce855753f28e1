"""What calls cost: the tokens their turns took, at the prices of the agent file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dialogue.telephony import Price
from shared.records import Turn


def usage_of(turns: Iterable[Turn]) -> dict[str, int]:
    """The tokens of all turns together, by the provider's names."""
    found: dict[str, int] = {}
    for turn in turns:
        for name, tokens in turn.usage.items():
            found[name] = found.get(name, 0) + tokens
    return found


def cost_usd(turns: Iterable[Turn], prices: Mapping[str, Price]) -> float | None:
    """US dollars for the tokens that were reported; None when a model has no price or reported no tokens.

    A reply that was cut short reports none, so a call with interruptions costs a little more than this.
    """
    total = 0.0
    for turn in turns:
        if turn.usage:
            price = prices.get(turn.model)
            if price is None:
                return None
            total += price.cost_usd(turn.usage)
        elif turn.model and turn.outcome == "completed":
            return None
    return round(total, 6)
