"""What the agent understands and says, read from this package's TOML files."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

import msgspec

LANGUAGES = ("en", "pt", "es")
# Names of the languages as callers of any language say them, compared plain.
LANGUAGE_NAMES = {
    "en": ("english", "ingles"),
    "pt": ("portuguese", "portugues"),
    "es": ("spanish", "espanol", "espanhol", "castellano"),
}
# Words before a language's name that make it a request to speak it.
REQUEST_WORDS = frozenset(
    {
        *("in", "to", "speak", "speaking", "switch", "continue"),
        *("em", "para", "fala", "falar", "fale", "falamos"),
        *("en", "habla", "hablar", "hable", "hablamos"),
    }
)


class Intent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller may want.

    A generic one (`how much`) counts when no topic is named beside it, a weak one (`thanks`) when nothing else
    is understood.
    """

    name: str
    phrases: list[str]
    replies: list[str]
    generic: bool = False
    weak: bool = False
    offers_transfer: bool = False


class OrderPhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an order is spoken of; `words` translates what the lookup returns."""

    ask: list[str]
    found: str
    found_without_eta: str
    delivered: str
    missing: list[str]
    failed: str
    anything_else: list[str]
    words: dict[str, str]


class ToolPhrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said around the other tools."""

    transfer_to_person: str
    transfer_unavailable: str
    end_call: str
    other: str


class Phrasebook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language. `words` and `marks` (letters of its own) are what it is recognised by."""

    code: str
    words: list[str]
    marks: str
    greeting: str
    switched: str
    fallback: list[str]
    digits: dict[str, str]
    order: OrderPhrases
    tools: ToolPhrases
    intents: list[Intent]

    def intent(self, name: str) -> Intent | None:
        return next((intent for intent in self.intents if intent.name == name), None)


@cache
def phrasebooks() -> dict[str, Phrasebook]:
    """The phrasebooks by primary language tag."""
    folder = resources.files("sandbox.agent")
    texts = {tag: folder.joinpath(f"{tag}.toml").read_text(encoding="utf-8") for tag in LANGUAGES}
    return {tag: msgspec.convert(tomllib.loads(text), Phrasebook) for tag, text in texts.items()}
