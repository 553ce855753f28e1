"""A recording without the people in it: names, numbers and addresses replaced, the same one always by the same.

Names are found by what they look like: a capitalised word within a sentence that the agent's own texts do not use.
That finds what a call usually holds and is no guarantee: read an export before you hand it on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from crosschannel.replays.recording import Recording
from sandbox.sids import derived_sid

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
SPOKEN_EMAIL = re.compile(r"[\w.+-]+ (?:at|arroba) [\w-]+ (?:dot|ponto|punto) \w+", re.I)
PHONE = re.compile(r"\+?\d(?:[ ().-]?\d){6,14}")
NUMBER = re.compile(r"\b\d(?:[ -]?\d){2,}\b")
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
SENTENCE_BEGIN = re.compile(r"(?:^|[.!?…:¡¿\"“])\s*$")
INTRODUCED = re.compile(
    r"(?:my name is|i am called|meu nome é|me chamo|me llamo|mi nombre es|this is|aqui é [oa]|soy|sou [oa])"
    r"\s+([^\W\d_]+(?:\s+[A-ZÀ-Þ][^\W\d_]+)*)",
    re.IGNORECASE,
)
NAMES = ("Robin", "Alex", "Sam", "Noa", "Kim", "Charlie", "Jo", "Max", "Toni", "Sasha", "Andrea", "Gabi", "Lou")
ORDINARY = frozenset(
    [
        *("i", "i'm", "i'd", "i'll", "i've", "ok", "english", "spanish", "portuguese"),
        *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *("january", "february", "march", "april", "may", "june", "july", "august"),
        *("september", "october", "november", "december"),
    ]
)
CALLER, CALLED = "+15555550199", "+15555550100"


class Pseudonyms:
    """Replaces; `agent_texts` are words that are no secret."""

    def __init__(
        self, agent_texts: Iterable[str], *, keep_numbers: bool = False, names: Iterable[str] = ()
    ) -> None:
        self._known = {word.casefold() for text in agent_texts for word in WORD.findall(text)} | ORDINARY
        self._keep_numbers = keep_numbers
        self._replaced: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for name in names:
            self._name(name)

    def recording(self, recording: Recording) -> Recording:
        """The recording with everything replaced, its sid too."""
        self._replaced[_digits(recording.caller)] = CALLER
        self._replaced[_digits(recording.called)] = CALLED
        texts = [text for turn in recording.turns for text in (turn.caller_text, turn.reply_text)]
        for text in texts:
            self._find_names(text)
        replaced = self._value(msgspec.to_builtins(recording))
        replaced |= {
            "call_sid": derived_sid("CA", "replay", recording.call_sid),
            "caller": CALLER,
            "called": CALLED,
        }
        for kept, turn in zip(recording.turns, replaced["turns"], strict=True):
            turn |= {"input": kept.input, "outcome": kept.outcome, "language": kept.language}
            for tool, shown in zip(kept.tools, turn["tools"], strict=True):
                shown |= {"name": tool.name, "tool_call_id": tool.tool_call_id, "outcome": tool.outcome}
        replaced |= {"language": recording.language, "reason": recording.reason, "agent": recording.agent}
        return msgspec.convert(replaced, Recording)

    def text(self, text: str) -> str:
        """A text with everything replaced."""
        text = EMAIL.sub(lambda match: self._email(match[0]), text)
        text = SPOKEN_EMAIL.sub(lambda match: self._email(match[0]), text)
        text = PHONE.sub(lambda match: self._number(match[0]), text)
        if not self._keep_numbers:
            text = NUMBER.sub(lambda match: self._number(match[0]), text)
        return WORD.sub(lambda match: self._names.get(match[0].casefold(), match[0]), text)

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._value(item) for item in value]
            case dict():
                return {key: self._value(item) for key, item in value.items()}
            case _:
                return value

    def _find_names(self, text: str) -> None:
        for introduced in INTRODUCED.finditer(text):
            for word in WORD.findall(introduced[1]):
                if word[0].isupper() and word.casefold() not in self._known:
                    self._name(word)
        for match in WORD.finditer(text):
            word, begins = match[0], SENTENCE_BEGIN.search(text[: match.start()]) is not None
            if word[0].isupper() and len(word) > 1 and not begins and word.casefold() not in self._known:
                self._name(word)

    def _name(self, name: str) -> None:
        for word in WORD.findall(name):
            number = len(self._names)
            again = "" if number < len(NAMES) else str(number // len(NAMES) + 1)
            self._names.setdefault(word.casefold(), NAMES[number % len(NAMES)] + again)

    def _email(self, email: str) -> str:
        return self._replaced.setdefault(email.casefold(), f"person{len(self._replaced)}@example.com")

    def _number(self, text: str) -> str:
        """Other digits in the same places; the same number is always the same again, however it is written."""
        digits = _digits(text)
        new = self._replaced.get(digits)
        if new is None:
            drawn = "".join(
                str(int(sid, 16) % 10) for sid in derived_sid("", *_drawn(digits, len(self._replaced)))
            )
            new = self._replaced[digits] = drawn[: len(digits)]
        left = iter(_digits(new))
        return "".join(next(left, "0") if char.isdigit() else char for char in text)


def _drawn(digits: str, number: int) -> tuple[str, str]:
    return f"{len(digits)}", f"{number}"


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
