"""How many calls each operator may place: a stolen session must not run up a bill."""

from __future__ import annotations

from limits import RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from dialogue.telephony import OutboundConfig
from shared.problem import Problem


class Dialler:
    """How many calls each operator may still place."""

    def __init__(self, config: OutboundConfig) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limits = [RateLimitItemPerMinute(config.per_minute), RateLimitItemPerDay(config.per_day)]

    def check(self, operator: str) -> None:
        """Counts a call of this operator. Raises Problem 429 when it is one too many."""
        if not all(self._limiter.test(limit, operator) for limit in self._limits):
            raise Problem(
                429, "You have placed as many calls as you may for now.", code=42901, headers={"Retry-After": "60"}
            )
        for limit in self._limits:
            self._limiter.hit(limit, operator)
