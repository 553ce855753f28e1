"""What must not leave in an export or a log: phone numbers, e-mail addresses, cards, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b")
SECRET = re.compile(
    r"(?i)\b(bearer |basic )[A-Za-z0-9._~+/=-]{6,}|\bsk-[A-Za-z0-9_-]{8,}|([?&](?:token|bodySHA256)=)[^&\s]+"
    r"|\bSK[0-9a-f]{32}\b"
)
E164 = re.compile(r"(?:(?<![\w-])\+|%2[Bb])\d{5,13}(\d{2})\b")
# 13 to 19 digits in groups, as cards are written; the check digit tells them from other long numbers.
CARD = re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?![\w])")
SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}|[0-9a-f]{32}")
# National numbers are looked for as these countries write them.
REGIONS = ("US", "BR", "ES", "MX")
# Fields that hold identities and times of ours, in which digits are no phone number.
KEPT_FIELDS = ("id", "sid", "_at", "at", "type", "source")


def redact(text: str) -> str:
    """The text with international numbers, e-mail addresses, cards and secrets masked: cheap enough for logs."""
    text = E164.sub(r"+***\1", text)
    text = EMAIL.sub("***@***", text)
    text = mask_cards(text)
    return SECRET.sub(lambda match: (match.group(1) or match.group(2) or "sk-") + "***", text)


def redact_thoroughly(text: str) -> str:
    """The same, and national numbers as people say and write them: for what leaves in an export."""
    return redact(_mask_national(redact(text)))


def redact_value(value: Any, field: str = "") -> Any:
    """A value of JSON with every text in it redacted, but for our own ids and times."""
    match value:
        case str():
            kept = field.endswith(KEPT_FIELDS) or SID.fullmatch(value) is not None
            return redact(value) if kept else redact_thoroughly(value)
        case dict():
            return {redact(str(name)): redact_value(item, str(name)) for name, item in value.items()}
        case list():
            return [redact_value(item, field) for item in value]
        case _:
            return value


def mask_cards(text: str) -> str:
    """The text with card numbers reduced to their last four digits."""
    return CARD.sub(lambda match: _masked_card(match[0]), text) if len(text) > 12 else text


def is_card(digits: Iterable[str]) -> bool:
    """True when the check digit fits (Luhn, ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(list(digits))):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 * (doubled > 9)
    return total % 10 == 0


def _masked_card(text: str) -> str:
    digits = [character for character in text if character.isdigit()]
    if not is_card(digits) or len(set(digits)) == 1:
        return text
    return "****" + "".join(digits[-4:])


def _mask_national(text: str) -> str:
    if sum(character.isdigit() for character in text) < 7:
        return text
    import phonenumbers  # here: only exports need it, and it takes its time to load

    for region in REGIONS:
        found = [(match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, region)]
        for start, end in reversed(found):
            text = f"{text[:start]}+***{text[end - 2 : end]}{text[end:]}"
    return text
