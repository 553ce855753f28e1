"""Where a fragment that Twilio reports stands in the text it was sent: its marks, spaces and case do not count."""

from __future__ import annotations

import re
from unicodedata import normalize

_LETTER = re.compile(r"[^\W_]")


def end_of(fragment: str, text: str) -> int | None:
    """The offset in `text` behind the fragment, None when it is not there.

    It is looked for at the beginning first; further on only whole words are taken for it, the nearest ones.

    >>> end_of("two spaces", "Two  spaces. More.")
    11
    """
    wanted = fragment.strip()
    lead = len(text) - len(text.lstrip())
    if wanted and text.startswith(wanted, lead):  # as it was sent, which is the rule
        return lead + len(wanted)
    letters, offsets = _letters(text)
    folded = fold(fragment)
    found = letters.find(folded) if folded else -1
    while found >= 0:
        start, end = offsets[found], offsets[found + len(folded) - 1] + 1
        whole = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
        if found == 0 or whole:
            return end
        found = letters.find(folded, found + 1)
    return None


def fold(text: str) -> str:
    """Only the letters and digits of a text, without case and accents."""
    return _letters(text)[0]


def has_letters(text: str) -> bool:
    """True when there is something to speak."""
    return _LETTER.search(text) is not None


def end_of_marks(text: str, start: int) -> int:
    """The offset behind the marks that follow at `start` without a space."""
    while start < len(text) and not (text[start].isalnum() or text[start].isspace()):
        start += 1
    return start


def _letters(text: str) -> tuple[str, list[int]]:
    """The folded letters and for each its offset in the text."""
    found = [
        (letter, offset)
        for offset, character in enumerate(text)
        for letter in normalize("NFKD", character).casefold()
        if letter.isalnum()
    ]
    return "".join(letter for letter, _ in found), [offset for _, offset in found]
