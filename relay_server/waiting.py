"""What the caller said while a reply was being generated: it waits its turn, and no word is lost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shared.records import TurnInput

MAX_WAITING = 5


@dataclass(frozen=True, slots=True)
class Words:
    """What a caller said or keyed in, and the language to go on in with its cause, None for the present one."""

    source: TurnInput
    text: str
    switch: tuple[str, str] | None = None


class Waiting:
    """Words in the order they came. When too many wait, further ones join the last, up to `longest` characters."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._words: deque[Words] = deque()

    def __bool__(self) -> bool:
        return bool(self._words)

    def add(self, words: Words) -> None:
        if len(self._words) >= MAX_WAITING:
            before = self._words.pop()
            text = f"{before.text} {words.text}"[: self._longest]
            words = Words(words.source, text, words.switch or before.switch)
        self._words.append(words)

    def take(self) -> Words:
        """The words that have waited longest."""
        return self._words.popleft()
