"""Keys that the caller presses: a menu key acts at once, others are collected into one entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dialogue.agent_tables import DtmfConfig, KeyEntry, MenuItem

# A key press is also a barge-in: its reply may leave before the interrupt arrives, and must survive it (recorded).
GUARD_S = 0.5
KEYS = frozenset("0123456789*#ABCD")
MASK = "****"


@dataclass(frozen=True, slots=True)
class Keyed:
    """What was keyed in: `text` as journal and model may see it, `digits` as it is."""

    name: str
    digits: str
    text: str
    sensitive: bool = False


class Keypad:
    """The keys of one call. An entry ends with `#`, a pause or its length."""

    def __init__(self, config: DtmfConfig) -> None:
        self._config = config
        self._digits = ""
        self._expected: KeyEntry | None = None
        self._guarded_until_s = 0.0
        self._offset = 0

    def expect(self, name: str) -> None:
        """The next keys belong to this entry of the agent file, menu keys included; what was begun is dropped."""
        self._expected = next(entry for entry in self._config.entries if entry.name == name)
        self._digits = ""

    def press(self, digit: str, now_s: float, sent: int) -> Literal["transfer"] | MenuItem | None:
        """The menu action of a key, None when it belongs to an entry. `sent` is the ledger's offset now."""
        self._guarded_until_s, self._offset = now_s + GUARD_S, sent
        if not self._digits and self._expected is None and digit in self._config.menu:
            return self._config.menu[digit]
        if digit != "#":
            self._digits += digit
        return None

    def complete(self, digit: str) -> bool:
        """True when this key ends the entry."""
        longest = self._expected.length if self._expected else 0
        return digit == "#" or len(self._digits) >= (longest or self._config.max_digits)

    def take(self) -> Keyed | None:
        """The entry, None when no key was pressed; a new one begins."""
        if not self._digits:
            return None
        digits, expected = self._digits, self._expected
        self._digits, self._expected = "", None
        sensitive = expected.sensitive if expected else self._config.sensitive
        shown = f"{MASK} ({len(digits)} keys)" if sensitive else digits
        if expected is None:
            return Keyed("", digits, shown, sensitive)
        return Keyed(expected.name, digits, f"{expected.name}: {shown}", sensitive)

    def interrupt_limit(self, now_s: float) -> int | None:
        """The offset in front of which an interrupt now drops speech; None when it drops all."""
        return self._offset if now_s < self._guarded_until_s else None
