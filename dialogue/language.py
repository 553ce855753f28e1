"""Which language a caller asks for in so many words."""

from __future__ import annotations

import re
import unicodedata

# Names of languages as callers say them, without accents; the value is the primary subtag.
NAMES = {
    "en": ("english", "ingles"),
    "pt": ("portuguese", "portugues"),
    "es": ("spanish", "espanol", "castellano", "espanhol"),
}
# Words that turn a language's name into a request to speak it, in any of the languages.
REQUESTS = (
    r"(?:in|to|speak|em|en|no|fala\w*|falar|habla\w*|hablar|continue|switch to|change to|mudar para|cambiar a)"
)
_PATTERN = re.compile(
    rf"\b{REQUESTS}\s+(?:o\s+|el\s+)?(?P<name>{'|'.join(n for names in NAMES.values() for n in names)})\b"
    rf"|^\W*(?P<alone>{'|'.join(n for names in NAMES.values() for n in names)})"
    r"(?:\W+(?:please|por favor|pls))?\W*$"
)


def requested_language(text: str) -> str | None:
    """The primary subtag of the language that the caller asks to speak, None when there is no such request.

    >>> requested_language("Podemos falar em português, por favor?")
    'pt'
    """
    found = _PATTERN.search(_plain(text))
    if found is None:
        return None
    name = found["name"] or found["alone"]
    return next(tag for tag, names in NAMES.items() if name in names)


def _plain(text: str) -> str:
    """Lower case without accents, so that a transcriber's spelling does not matter."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))
