"""What happens to webhooks on their way, on order: late, more than once, in another order, or never."""

from __future__ import annotations

import msgspec

SENDERS = ("conversations", "intelligence", "api")


class PostFault(msgspec.Struct, forbid_unknown_fields=True):
    """One order for the next `count` webhooks of a product (whose address contains `path`).

    `delay_ms` sends each that much later, `copies` sends each that often, `hold` collects that many and sends them
    in reverse order, `lose` sends none.
    """

    product: str
    delay_ms: int = 0
    copies: int = 1
    hold: int = 0
    lose: bool = False
    count: int = 1
    path: str = ""

    def __post_init__(self) -> None:
        if self.product not in SENDERS:
            raise ValueError(f"product must be one of {', '.join(SENDERS)}")
        if self.count < 1 or self.delay_ms < 0 or not 1 <= self.copies <= 10 or not 0 <= self.hold <= 1000:
            raise ValueError("count must be at least 1, delay_ms not negative, copies 1 to 10, hold 0 to 1000")


class PostOffice:
    """The orders that are still open, first ordered first."""

    def __init__(self) -> None:
        self._orders: list[PostFault] = []

    def order(self, fault: PostFault) -> None:
        if fault.hold:
            fault.count = fault.hold
        self._orders.append(fault)

    def take(self, product: str, url: str) -> PostFault | None:
        """The order that this webhook meets; each is counted down and forgotten at zero."""
        for fault in self._orders:
            if fault.product == product and fault.path in url:
                fault.count -= 1
                if fault.count == 0:
                    self._orders.remove(fault)
                return fault
        return None

    def pending(self) -> list[PostFault]:
        return list(self._orders)

    def clear(self) -> None:
        self._orders.clear()
