"""Language tags, and which language a caller asks for in so many words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

# Names of languages as callers say them, without accents; the value is the primary subtag. A declared language
# brings its own with `names`.
NAMES = {
    "en": ("english", "ingles"),
    "pt": ("portuguese", "portugues"),
    "es": ("spanish", "espanol", "castellano", "espanhol"),
}
# Speaking, changing or preferring, directly in front of the name: "can you speak to me in English?"
_VERBS = (
    r"speak|talk|answer|continue|switch|change|prefer"
    r"|fal\w+|habl\w+|convers\w+|continu\w+|mud\w+|cambi\w+|pref[ie]\w+|respond\w+|atend\w+"
    r"|parl\w+|sprech\w+|sprich|repond\w+|wechsel\w+|rispond\w+"
)
_BETWEEN = r"(?:(?:to|with|in|em|en|auf|au|no|para|a|al|o|el|le|la|me|mir|us|comigo|conmigo|it)\s+){0,3}"
_POLITE = r"please|pls|por favor|s'?il (?:vous|te) plait|svp|bitte|per favore"
_FIRST = (
    rf"(?:(?:yes|no|ok|okay|hello|hi|sim|nao|oi|si|oui|ja|hola|and|e|y|et|now|agora|ahora|{_POLITE})\W+){{0,3}}"
)


def _plain(text: str) -> str:
    """Lower case without accents, so that a transcriber's spelling does not matter."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


class LanguageRequests:
    """Recognises a request to speak one of the declared languages, in any of them."""

    def __init__(self, names: Mapping[str, Sequence[str]] = NAMES) -> None:
        self._tags = {_plain(name): tag for tag, found in names.items() for name in found}
        # Longer names first, so that one which begins like another is not cut short.
        name = "|".join(re.escape(name) for name in sorted(self._tags, key=len, reverse=True))
        # Otherwise the name must be all there is: who asks for books in English does not ask for a chat in it.
        self._pattern = re.compile(
            rf"\b(?:{_VERBS})\s+{_BETWEEN}(?P<name>{name})\b"
            rf"|^\W*{_FIRST}(?:(?:in|em|en|auf)\s+)?(?P<alone>{name})(?:\W+(?:{_POLITE}))?\W*$"
        )

    def find(self, text: str) -> str | None:
        """The tag of the language that the caller asks to speak, None when there is no such request."""
        found = self._pattern.search(_plain(text))
        return None if found is None else self._tags[found["name"] or found["alone"]]


_built_in = LanguageRequests()


def requested_language(text: str) -> str | None:
    """The primary subtag of the built-in language that the caller asks to speak.

    >>> requested_language("Podemos falar em português, por favor?")
    'pt'
    """
    return _built_in.find(text)


def match_language(code: str, declared: Sequence[str]) -> str | None:
    """The declared code for a BCP 47 tag: the same one, else the first with the same primary subtag.

    >>> match_language("es-ES", ["en-US", "es-US"])
    'es-US'
    """
    exact = {known.lower(): known for known in declared}
    if code.lower() in exact:
        return exact[code.lower()]
    return next((known for known in declared if primary(known) == primary(code)), None)


def primary(code: str) -> str:
    """The primary subtag of a BCP 47 tag, in lower case.

    >>> primary("pt-BR")
    'pt'
    """
    return code.lower().partition("-")[0]
