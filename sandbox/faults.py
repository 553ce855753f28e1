"""Faults on order: what goes wrong with the next requests to a product."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

PRODUCTS = ("conversations", "intelligence", "api", "mcs", "openai", "segment")
ONLY_MODEL = ("first_token_ms", "stall_after_bytes", "malformed", "empty")
SECOND = timedelta(seconds=1)


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One ordered fault: answer `status`, wait `delay_ms` first, or cut the answer after some bytes.

    It happens to the next `count` requests whose path contains `path` (1 when nothing else is said), for `for_s`
    seconds, or both. `share` lets it happen to that part of them only, `over_per_s` only to those beyond so many
    a second. For the model there are also: `first_token_ms` more before the first token, silence for `stall_ms`
    after `stall_after_bytes`, a `malformed` event in mid-stream, an `empty` answer.
    """

    product: str
    status: int | None = None
    delay_ms: int = 0
    cut_after_bytes: int | None = None
    count: int | None = None
    for_s: float | None = None
    share: float = 1.0
    over_per_s: int | None = None
    headers: dict[str, str] = {}
    path: str = ""
    method: str = ""
    first_token_ms: int = 0
    stall_after_bytes: int | None = None
    stall_ms: int = 60_000
    malformed: bool = False
    empty: bool = False

    def __post_init__(self) -> None:
        if self.product not in PRODUCTS:
            raise ValueError(f"product must be one of {', '.join(PRODUCTS)}")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be between 400 and 599")
        if self.count is None and self.for_s is None:
            self.count = 1
        if (self.count is not None and self.count < 1) or min(self.delay_ms, self.cut_after_bytes or 0) < 0:
            raise ValueError("count must be at least 1, delay_ms and cut_after_bytes not negative")
        times = [value for value in (self.for_s, self.over_per_s) if value is not None]
        if not 0 < self.share <= 1 or any(value <= 0 for value in times):
            raise ValueError("share must be above 0 and at most 1, for_s and over_per_s positive")
        if min(self.first_token_ms, self.stall_after_bytes or 0, self.stall_ms) < 0:
            raise ValueError("first_token_ms, stall_after_bytes and stall_ms cannot be negative")
        if self.product != "openai" and any(getattr(self, name) for name in ONLY_MODEL):
            raise ValueError(f"{', '.join(ONLY_MODEL)} are faults of the model (product openai)")


class _Ordered:
    """A fault at work: when it ends, and how many requests it saw in this second."""

    def __init__(self, fault: Fault, now: datetime) -> None:
        self.fault = fault
        self.ends_at = None if fault.for_s is None else now + timedelta(seconds=fault.for_s)
        self._chance = random.Random(f"{fault.product} {fault.path}")  # noqa: S311  # the same faults every run
        self._second_began = now
        self._in_second = 0

    def meets(self, product: str, method: str, path: str) -> bool:
        wanted = self.fault
        return wanted.product == product and wanted.path in path and wanted.method.upper() in ("", method)

    def happens(self, now: datetime) -> bool:
        """True when this request is one of those it happens to."""
        if self.fault.over_per_s is not None:
            if now - self._second_began >= SECOND:
                self._second_began, self._in_second = now, 0
            self._in_second += 1
            if self._in_second <= self.fault.over_per_s:
                return False
        return self.fault.share >= 1 or self._chance.random() < self.fault.share


class FaultBook:
    """The faults that are still to happen, first ordered first."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._pending: list[_Ordered] = []

    def order(self, fault: Fault) -> None:
        self._pending.append(_Ordered(fault, self._now()))

    def take(self, product: str, path: str, method: str = "GET") -> Fault | None:
        """The fault that this request meets; each is counted down and forgotten at zero or after its time."""
        if not self._pending:
            return None
        now = self._now()
        self._forget_ended(now)
        for ordered in self._pending:
            if ordered.meets(product, method, path) and ordered.happens(now):
                self._count_down(ordered)
                return ordered.fault
        return None

    def pending(self) -> list[Fault]:
        self._forget_ended(self._now())
        return [ordered.fault for ordered in self._pending]

    def clear(self) -> None:
        self._pending.clear()

    def _forget_ended(self, now: datetime) -> None:
        self._pending = [o for o in self._pending if o.ends_at is None or o.ends_at > now]

    def _count_down(self, ordered: _Ordered) -> None:
        if ordered.fault.count is None:
            return
        ordered.fault.count -= 1
        if ordered.fault.count == 0:
            self._pending.remove(ordered)
