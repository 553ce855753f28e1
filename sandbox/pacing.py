"""How fast the model speaks: a pace in milliseconds, by name or by numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

PROFILES = {
    "instant": (0.0, 0.0, 0.0),
    "fast": (80.0, 8.0, 0.0),
    "usual": (120.0, 15.0, 0.0),
    "slow": (900.0, 45.0, 0.0),
    "jittery": (250.0, 20.0, 0.8),
}


class Pacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Milliseconds until the first token, then between tokens; `jitter` is the part that varies (0 to 1)."""

    first_token_ms: float = 120
    token_ms: float = 15
    jitter: float = 0.0

    def __post_init__(self) -> None:
        if self.first_token_ms < 0 or self.token_ms < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("first_token_ms and token_ms cannot be negative, jitter is 0 to 1")

    def first_s(self, seed: str) -> float:
        """The time to the first token; the same seed varies in the same way."""
        return self.first_token_ms / 1000 * self._varied(random.Random(seed))  # noqa: S311

    def gaps_s(self, seed: str) -> Iterator[float]:
        """The time between tokens, without end."""
        chance = random.Random(seed + " tokens")  # noqa: S311
        while True:
            yield self.token_ms / 1000 * self._varied(chance)

    def _varied(self, chance: random.Random) -> float:
        return 1.0 if self.jitter == 0 else 1 + self.jitter * (2 * chance.random() - 1)


class PacingOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pace to set: a profile by name, and numbers that replace some of its own."""

    profile: str = "usual"
    first_token_ms: float | None = None
    token_ms: float | None = None
    jitter: float | None = None

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}")
        self.pacing()

    def pacing(self) -> Pacing:
        first, token, jitter = PROFILES[self.profile]
        return Pacing(
            first if self.first_token_ms is None else self.first_token_ms,
            token if self.token_ms is None else self.token_ms,
            jitter if self.jitter is None else self.jitter,
        )
