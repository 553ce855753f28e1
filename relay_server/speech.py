"""Text on its way from the model to the caller's ear: whole words, without marks that are not spoken."""

from __future__ import annotations

import re

# Markdown's marks and pictographs: a voice would read them out or stumble.
_MARKS = re.compile(r"[*`]+|(?:^|(?<=\s))#{1,6}(?=\s)|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]+")


class WordStream:
    """Takes text as the model cuts it and gives it back cut at spaces, untrimmed."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> str:
        """The words that are whole now, with their spaces; "" while a word may still go on."""
        self._rest += text
        cut = max(self._rest.rfind(" "), self._rest.rfind("\n")) + 1
        ready, self._rest = self._rest[:cut], self._rest[cut:]
        return speakable(ready)

    def flush(self) -> str:
        """What is left."""
        ready, self._rest = self._rest, ""
        return speakable(ready)


def speakable(text: str) -> str:
    """The text without Markdown marks and pictographs; everything else stays as it is, spaces included."""
    return _MARKS.sub("", text)
