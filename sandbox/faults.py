"""Faults on order: what goes wrong with the next requests to a product."""

from __future__ import annotations

import msgspec

PRODUCTS = ("conversations", "intelligence", "api", "openai", "segment")


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One ordered fault: answer `status`, wait `delay_ms` first, or cut the answer after some bytes.

    It happens to the next `count` requests whose path contains `path`.
    """

    product: str
    status: int | None = None
    delay_ms: int = 0
    cut_after_bytes: int | None = None
    count: int = 1
    headers: dict[str, str] = {}
    path: str = ""

    def __post_init__(self) -> None:
        if self.product not in PRODUCTS:
            raise ValueError(f"product must be one of {', '.join(PRODUCTS)}")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError("status must be between 400 and 599")
        if self.count < 1 or self.delay_ms < 0 or (self.cut_after_bytes or 0) < 0:
            raise ValueError("count must be at least 1, delay_ms and cut_after_bytes not negative")


class FaultBook:
    """The faults that are still to happen, first ordered first."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def order(self, fault: Fault) -> None:
        self._pending.append(fault)

    def take(self, product: str, path: str) -> Fault | None:
        """The fault that this request meets; each is counted down and forgotten at zero."""
        for fault in self._pending:
            if fault.product == product and fault.path in path:
                fault.count -= 1
                if fault.count == 0:
                    self._pending.remove(fault)
                return fault
        return None

    def pending(self) -> list[Fault]:
        return list(self._pending)

    def clear(self) -> None:
        self._pending.clear()
