"""Who is to be erased: a phone number in every spelling, and how to find a person's records.

A record belongs to a person by its call, transcript or conversation; a number that is only mentioned in somebody
else's record is masked there and the record stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from shared.tombstones import Tombstones

E164 = re.compile(r"\+[1-9]\d{6,14}")
SID = re.compile(rb"(?:CA|GT|CH)[0-9a-fA-F]{32}(?![0-9a-fA-F])|conv_[A-Za-z0-9_]{8,}")
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
CUSTOMER_KEY = re.compile(rb'customer_key\\?"\s*:\s*\\?"([^"\\]{1,64})')
GAP = rb"(?:[\s().\-/]|\xc2\xa0){0,3}"
# With fewer digits than this a national number alone could be anything.
NATIONAL_DIGITS = 7
# The streams whose records belong to whatever sid they name.
INTELLIGENCE = {"intel_event", "intel_result", "dead_letter"}
# The platform's own address in a conversation.
OWN_ADDRESS = "proxyaddress"


class Line(msgspec.Struct):
    """What erasing reads of a record, whatever its type."""

    id: str = ""
    type: str = ""
    at: datetime | None = None
    seq: int = 0
    call_sid: str | None = None
    transcript_sid: str | None = None
    conversation_sid: str | None = None
    event_key: str = ""
    direction: str = ""
    caller: str = ""
    called: str = ""
    payload: Any = None


_decode = msgspec.json.Decoder(Line).decode


def read_line(raw: bytes) -> Line | None:
    """The line, None when it is no record of ours."""
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Person:
    """A phone number in E.164 and the pattern of its spellings."""

    phone: str
    spelling: re.Pattern[bytes]

    def mentioned(self, text: bytes) -> bool:
        return self.spelling.search(text) is not None

    def is_party(self, line: Line, raw: bytes) -> bool:
        """True when the record says itself that its call or conversation is this person's."""
        match line.type:
            case "call_started":
                return (line.called if line.direction == "outbound" else line.caller) == self.phone
            case "conversation_event":
                return any(value.rpartition(":")[2] == self.phone for value in _addresses(line.payload))
            case "intel_event" | "intel_result":
                key = CUSTOMER_KEY.search(raw)
                return key is not None and self.mentioned(key[1])
            case _:
                return False


def person(phone: str) -> Person:
    """The person with this number. Raises ValueError for anything but E.164."""
    import phonenumbers  # here, since every service imports this module and hardly ever erases

    if not E164.fullmatch(phone):
        raise ValueError("give the number in E.164, such as +15551234567")
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException as error:
        raise ValueError("there is no such country code") from error
    country = GAP.join(_digits(str(number.country_code)))
    national = phonenumbers.national_significant_number(number)
    prefix = rb"(?:\+|00|%2[Bb])?" + country + GAP + rb"(?:\(?0\)?" + GAP + rb")?"
    optional = rb"(?:" + prefix + rb"|0)?" if len(national) >= NATIONAL_DIGITS else prefix
    return Person(phone, re.compile(rb"(?<!\d)" + optional + GAP.join(_digits(national)) + rb"(?!\d)"))


def ids_of(line: Line, raw: bytes) -> set[str]:
    """The sids by which a record belongs to somebody."""
    if line.type in INTELLIGENCE:
        return {found.decode() for found in SID.findall(raw)}
    if line.type in {"audit", "tombstone", "cleared"}:
        return set()
    return {sid for sid in (line.call_sid, line.conversation_sid) if sid}


def is_erased(raw: bytes, tombstones: Tombstones) -> bool:
    """True when a journal line is about something that was erased: a restored copy, a late delivery."""
    if not len(tombstones):
        return False
    line = read_line(raw)
    return line is not None and tombstones.covers([*ids_of(line, raw), line.event_key], line.at)


def masked(raw: bytes, person: Person, tombstones: Tombstones, at: datetime | None = None) -> bytes:
    """The line of this time with every mention masked, as long as before, so that it stays the JSON it was."""

    def stars(match: re.Match[bytes]) -> bytes:
        return b"*" * len(match[0])

    def erased_sid(match: re.Match[bytes]) -> bytes:
        return stars(match) if tombstones.covers([match[0].decode()], at) else match[0]

    def in_string(match: re.Match[bytes]) -> bytes:
        return SID.sub(erased_sid, person.spelling.sub(stars, match[0]))

    text = STRING.sub(in_string, raw)
    # What is left stands outside strings: a number that a program wrote as one.
    return person.spelling.sub(lambda match: re.sub(rb"\d", b"9", match[0]), text)


def _digits(text: str) -> list[bytes]:
    return [digit.encode() for digit in text]


def _addresses(payload: Any, name: str = "") -> Iterator[str]:
    """The texts of a payload, but for our own address."""
    if isinstance(payload, dict):
        for key, value in payload.items():
            yield from _addresses(value, str(key))
    elif isinstance(payload, list):
        for value in payload:
            yield from _addresses(value, name)
    elif isinstance(payload, str) and not name.lower().replace("_", "").endswith(OWN_ADDRESS):
        yield payload
