"""Keys that the caller presses: a menu key acts at once, others are collected into one entry."""

from __future__ import annotations

from dialogue.agent import DtmfConfig

# A key press is also a barge-in: its reply may leave before the interrupt arrives, and must survive it (recorded).
GUARD_S = 0.5


KEYS = frozenset("0123456789*#ABCD")


class Keypad:
    """The keys of one call. An entry ends with `#`, a pause or its greatest length."""

    def __init__(self, config: DtmfConfig) -> None:
        self._config = config
        self._entry = ""
        self._guarded_until_s = 0.0
        self._offset = 0

    def press(self, digit: str, now_s: float, sent: int) -> str | None:
        """The menu action of a key, None when it belongs to an entry. `sent` is the ledger's offset now."""
        self._guarded_until_s, self._offset = now_s + GUARD_S, sent
        if not self._entry and digit in self._config.menu:
            return self._config.menu[digit]
        if digit != "#":
            self._entry += digit
        return None

    def complete(self, digit: str) -> bool:
        """True when this key ends the entry."""
        return digit == "#" or len(self._entry) >= self._config.max_digits

    def take(self) -> str:
        """The entry, "" when there is none; a new one begins."""
        entry, self._entry = self._entry, ""
        return entry

    def interrupt_limit(self, now_s: float) -> int | None:
        """The offset in front of which an interrupt now drops speech; None when it drops all."""
        return self._offset if now_s < self._guarded_until_s else None
