"""Text on its way from the model to the caller's ear: whole words, without marks that are not spoken."""

from __future__ import annotations

import re
from functools import lru_cache

from dialogue.agent_tables import ConversationConfig

# Markdown's marks and pictographs: a voice would read them out or stumble.
_MARKS = re.compile(r"[*`]+|(?:^|(?<=\s))#{1,6}(?=\s)|[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]+")
# What looks like a key or a token. None is ever in a prompt; should one get there, it is not read out.
_SECRET = re.compile(r"\b(?:sk-[\w-]{16,}|(?:AC|SK)[0-9a-f]{32}|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w.-]{10,})")
SHORTEST_SECRET = 20
CLAUSE_END = re.compile(r"[,;:.!?…—][\"'”’»)]*\s")
CLAUSE_CHARACTERS = 12
CHUNK_CHARACTERS = 300


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


class Speech:
    """One stretch of a reply: whole words as they come, or the first clause early and then whole sentences."""

    def __init__(self, config: ConversationConfig) -> None:
        self._words = WordStream()
        self._sentences = config.chunking == "sentence"
        self._ends = _compiled(tuple(config.sentence_end_patterns))
        self._held = ""
        self._last = ""
        self.withheld = False

    def feed(self, text: str) -> str:
        """What may leave now."""
        ready = self._words.feed(text)
        return self._out(ready) if not self._sentences else self._in_sentences(ready)

    def flush(self) -> str:
        """What is left."""
        held, self._held = self._held, ""
        return self._out(held + self._words.flush())

    @property
    def ends_sentence(self) -> bool:
        """True when the last words that left end a sentence."""
        return any(pattern.search(self._last) for pattern in self._ends)

    def _in_sentences(self, ready: str) -> str:
        if not ready:
            return ""
        self._held += ready
        first = not self._last and len(self._held) >= CLAUSE_CHARACTERS and CLAUSE_END.search(self._held)
        if not (first or len(self._held) > CHUNK_CHARACTERS or any(end.search(self._held) for end in self._ends)):
            return ""
        held, self._held = self._held, ""
        return self._out(held)

    def _out(self, text: str) -> str:
        if len(text) >= SHORTEST_SECRET and _SECRET.search(text):
            self.withheld = True
            text = _SECRET.sub("", text)
        self._last = text or self._last
        return text


@lru_cache(maxsize=16)
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in patterns)


def speakable(text: str) -> str:
    """The text without Markdown marks and pictographs; everything else stays as it is, spaces included."""
    return _MARKS.sub("", text)
