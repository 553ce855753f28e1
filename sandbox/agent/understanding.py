"""What the caller wants and in which language: phrases found, words counted, digits heard."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.agent.conversation import Conversation
from sandbox.agent.phrasebook import LANGUAGE_NAMES, REQUEST_WORDS, Intent, Phrasebook, phrasebooks
from sandbox.words import found_phrases, plain

SHORTEST_NUMBER = 3
FEW_WORDS = 4
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """The language to answer in; `asked` when the caller asked for it, `heard` when their words show it."""

    tag: str
    asked: bool = False
    heard: bool = False


def choose_language(conversation: Conversation) -> LanguageChoice:
    """An explicit request, else the words of the last message, else the system messages' language tag,
    else the words of earlier messages."""
    asked = requested_language(conversation.last_said)
    if asked is not None:
        return LanguageChoice(asked, asked=True)
    heard = spoken_language(conversation.last_said)
    if heard is not None:
        return LanguageChoice(heard, heard=True)
    if conversation.system_language is not None:
        return LanguageChoice(conversation.system_language)
    for text in reversed(conversation.said):
        earlier = requested_language(text) or spoken_language(text)
        if earlier is not None:
            return LanguageChoice(earlier)
    return LanguageChoice(DEFAULT_LANGUAGE)


def requested_language(text: str) -> str | None:
    """The language that the caller asks for: its name after a word such as `speak`, or (almost) alone."""
    words = plain(text).split()
    for tag, names in LANGUAGE_NAMES.items():
        for index, word in enumerate(words):
            if word in names and (len(words) < FEW_WORDS or REQUEST_WORDS & set(words[max(0, index - 3) : index])):
                return tag
    return None


def is_only_a_request(text: str) -> bool:
    """True when the message asks for a language and for nothing else."""
    return strong_intent(text, DEFAULT_LANGUAGE) is None


def spoken_language(text: str) -> str | None:
    """The language with the most known words in the text, None when there is no clear winner."""
    words = plain(text).split()
    scores = {
        tag: sum(word in book.words for word in words) + 2 * any(mark in text.lower() for mark in book.marks)
        for tag, book in phrasebooks().items()
    }
    ranked = sorted(scores.values(), reverse=True)
    if ranked[0] == ranked[1]:
        return None
    return max(scores, key=scores.__getitem__)


def find_intent(text: str, tag: str) -> Intent | None:
    """The intent of the text, first in its own language, then in the others; weak ones only at the end."""
    return strong_intent(text, tag) or _weak_intent(text, tag)


def strong_intent(text: str, tag: str) -> Intent | None:
    """The topic that the text names, else a generic question; None when there is neither."""
    for book in _books_from(tag):
        strong = [intent for intent in book.intents if not intent.weak]
        found = _best([intent for intent in strong if not intent.generic], text) or _best(strong, text)
        if found is not None:
            return found
    return None


def _weak_intent(text: str, tag: str) -> Intent | None:
    for book in _books_from(tag):
        for intent in book.intents:
            if intent.weak and found_phrases(text, intent.phrases):
                return intent
    return None


def _best(intents: list[Intent], text: str) -> Intent | None:
    """The intent with the longest phrase in the text; the first of the file wins a tie."""
    best, longest = None, 0
    for intent in intents:
        length = max((len(plain(phrase)) for phrase in found_phrases(text, intent.phrases)), default=0)
        if length > longest:
            best, longest = intent, length
    return best


def _books_from(tag: str) -> list[Phrasebook]:
    books = phrasebooks()
    return [books[tag], *(book for other, book in books.items() if other != tag)]


def order_number(text: str, tag: str) -> str | None:
    """The digits of an order number, written or spoken digit by digit (`four seven one one`)."""
    names = {word: digit for book in reversed(_books_from(tag)) for word, digit in book.digits.items()}
    spelled = [names.get(word, word) for word in plain(text).split()]
    joined = re.sub(r"(?<=\d) (?=\d)", "", " ".join(spelled))
    numbers = [number for number in re.findall(r"\d+", joined) if len(number) >= SHORTEST_NUMBER]
    return numbers[-1] if numbers else None


def is_mostly_a_number(text: str) -> bool:
    """True for an answer such as `it's 4711` or `four seven one one`."""
    names = {word for book in phrasebooks().values() for word in book.digits}
    others = [word for word in plain(text).split() if not word.isdigit() and word not in names]
    return len(others) <= FEW_WORDS
