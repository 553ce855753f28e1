"""A token bucket: how many frames a socket may send."""

from __future__ import annotations


class TokenBucket:
    """Holds `burst` tokens and gains `per_s` a second; every frame takes one. Times are of any steady clock."""

    __slots__ = ("_burst", "_filled_s", "_per_s", "_tokens")

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._filled_s = burst, 0.0

    def take(self, now_s: float) -> bool:
        """True when there was a token left."""
        gained = (now_s - self._filled_s) * self._per_s
        self._filled_s = now_s
        self._tokens = min(self._burst, self._tokens + gained)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
