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
_NAME = "|".join(name for names in NAMES.values() for name in names)
# Speaking, changing or preferring, directly in front of the name: "can you speak to me in English?"
_VERBS = (
    r"speak|talk|answer|continue|switch|change|prefer"
    r"|fal\w+|habl\w+|convers\w+|continu\w+|mud\w+|cambi\w+|pref[ie]\w+|respond\w+|atend\w+"
)
_BETWEEN = r"(?:(?:to|with|in|em|en|no|para|a|al|o|el|me|us|comigo|conmigo|it)\s+){0,3}"
_POLITE = r"please|pls|por favor"
_FIRST = rf"(?:(?:yes|no|ok|okay|hello|hi|sim|nao|oi|si|hola|and|e|y|now|agora|ahora|{_POLITE})\W+){{0,3}}"
# Otherwise the name must be all there is: whoever asks for books in English does not ask to be spoken to in it.
_PATTERN = re.compile(
    rf"\b(?:{_VERBS})\s+{_BETWEEN}(?P<name>{_NAME})\b"
    rf"|^\W*{_FIRST}(?:(?:in|em|en)\s+)?(?P<alone>{_NAME})(?:\W+(?:{_POLITE}))?\W*$"
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
