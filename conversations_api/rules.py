"""What a schema cannot say about a body: sizes in bytes, telephone numbers, web addresses, what excludes what.

Each rule looks at the decoded JSON and passes over what the schema refuses already. Sources: Twilio
Conversations limits; E.164 through Google's phone number metadata.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import phonenumbers

from conversations_api.bodies import Body
from conversations_api.faults import Fault
from conversations_api.web_addresses import fault_of_url

KILOBYTE = 1024
# Twilio's limits of `attributes`, as JSON text.
ATTRIBUTES_BYTES = {"ConversationWrite": 16 * KILOBYTE, "ConversationWithParticipants": 16 * KILOBYTE}
OTHER_ATTRIBUTES_BYTES = 4 * KILOBYTE
MESSAGE_BYTES = 32 * KILOBYTE
SHORTEST_TIMERS = {"inactive": timedelta(minutes=1), "closed": timedelta(minutes=10)}
# Places of web addresses in any body.
URLS = (
    ("configuration", "url"),
    ("autoCreation", "webhookUrl"),
    ("webhooks", "preWebhookUrl"),
    ("webhooks", "postWebhookUrl"),
)
PHONE_CHANNELS = {"", "sms", "whatsapp", "rcs"}
SHORT_CODE = re.compile(r"\d{3,8}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]+")
DATES = ("dateCreated", "dateUpdated", "lastReadTimestamp")
FIRST_YEAR, LAST_YEAR = "1970", "2199"
DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


async def faults_of(kind: type[Body], body: Mapping[str, Any]) -> AsyncIterator[Fault]:
    """Every rule the body breaks."""
    for fault in _plain_faults(kind.__name__, body):
        yield fault
    for outer, inner in URLS:
        url = _at(body, outer, inner)
        if isinstance(url, str) and url and (reason := await fault_of_url(url)):
            yield Fault(f"{outer}.{inner}", reason)


def _plain_faults(kind: str, body: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _attributes(body, ATTRIBUTES_BYTES.get(kind, OTHER_ATTRIBUTES_BYTES))
    yield from _timers(body)
    yield from _dates(body)
    match kind:
        case "ParticipantCreate":
            yield from _participant(body)
        case "ParticipantUpdate":
            yield from _binding(body, "")
        case "ConversationWithParticipants":
            people = body.get("participants")
            for number, person in enumerate(people if isinstance(people, list) else []):
                if isinstance(person, dict):
                    yield from _attributes(person, OTHER_ATTRIBUTES_BYTES, f"participants.{number}.")
                    yield from _participant(person, f"participants.{number}.")
        case "BulkRequest":
            yield from _bulk(body)
        case "MessageCreate" | "MessageUpdate":
            yield from _message(body)
        case "WebhookCreate":
            yield from _webhook(body)
        case "AddressCreate":
            yield from _address(body)


def _attributes(body: Mapping[str, Any], limit: int, place: str = "") -> Iterator[Fault]:
    value = body.get("attributes")
    if isinstance(value, dict):
        size = len(msgspec.json.encode(value))
        if size > limit:
            yield Fault(f"{place}attributes", f"is {size} bytes of JSON, {limit} are allowed", limit)


def _timers(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name, shortest in SHORTEST_TIMERS.items():
        text = _at(body, "timers", name)
        match = DURATION.fullmatch(text) if isinstance(text, str) else None
        if match is not None and _length(match) < shortest:
            least = f"PT{shortest // timedelta(minutes=1)}M"
            yield Fault(f"timers.{name}", f"must be at least {least}", least)


def _dates(body: Mapping[str, Any]) -> Iterator[Fault]:
    """Years that no clock of Twilio's or ours has shown would only break whoever reads them."""
    for name in DATES:
        text = body.get(name)
        if isinstance(text, str) and text[:4].isdigit() and not FIRST_YEAR <= text[:4] <= LAST_YEAR:
            yield Fault(name, f"must lie between {FIRST_YEAR} and {LAST_YEAR}")


def _length(match: re.Match[str]) -> timedelta:
    days, hours, minutes, seconds = (min(int(part or 0), 10**8) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _participant(body: Mapping[str, Any], place: str = "") -> Iterator[Fault]:
    binding = body.get("messagingBinding")
    address = binding.get("address") if isinstance(binding, dict) else None
    if (address is None) == (body.get("identity") is None):
        yield Fault(place.rstrip("."), "has either `identity` or `messagingBinding.address`")
    if isinstance(binding, dict) and address is not None and address == binding.get("proxyAddress"):
        yield Fault(f"{place}messagingBinding.proxyAddress", "must not be the address itself")
    yield from _binding(body, place)


def _binding(body: Mapping[str, Any], place: str) -> Iterator[Fault]:
    for name in ("address", "proxyAddress", "projectedAddress"):
        text = _at(body, "messagingBinding", name)
        if isinstance(text, str) and (reason := fault_of_address(text, short_codes=name != "address")):
            yield Fault(f"{place}messagingBinding.{name}", reason)


def fault_of_address(text: str, *, short_codes: bool) -> str | None:
    """What is wrong with `+15005550006`, `whatsapp:+15005550006`, `messenger:123` or an e-mail address."""
    channel, _, rest = text.rpartition(":")
    if channel.lower() not in PHONE_CHANNELS:
        return None if rest else "names nobody behind its channel"
    if (not channel and EMAIL.fullmatch(rest)) or (short_codes and SHORT_CODE.fullmatch(rest)):
        return None
    try:
        possible = rest.startswith("+") and phonenumbers.is_possible_number(phonenumbers.parse(rest))
    except phonenumbers.NumberParseException:
        possible = False
    written = rest[1:].isascii() and rest[1:].isdigit()
    return None if possible and written else "must be a telephone number in E.164 form, such as +15005550006"


def _bulk(body: Mapping[str, Any]) -> Iterator[Fault]:
    for name, kind in (("change", "ConversationWrite"), ("participant", "ParticipantCreate")):
        inner = body.get(name)
        if isinstance(inner, dict):
            for fault in _plain_faults(kind, inner):
                place = f"{name}.{fault.field}" if fault.field else name
                yield Fault(place, fault.reason, fault.limit)


def _message(body: Mapping[str, Any]) -> Iterator[Fault]:
    text = body.get("body")
    if isinstance(text, str) and len(text) <= MESSAGE_BYTES and (size := len(text.encode())) > MESSAGE_BYTES:
        yield Fault("body", f"is {size} bytes of UTF-8, {MESSAGE_BYTES} are allowed", MESSAGE_BYTES)


def _webhook(body: Mapping[str, Any]) -> Iterator[Fault]:
    needed = {"webhook": ("url",), "trigger": ("url", "triggers"), "studio": ("flowSid",)}
    target = body.get("target")
    for name in needed.get(target, ()) if isinstance(target, str) else ():
        if _at(body, "configuration", name) is None:
            yield Fault(f"configuration.{name}", f"is missing: a webhook of the kind {target} needs it")


def _address(body: Mapping[str, Any]) -> Iterator[Fault]:
    text, kind = body.get("address"), body.get("type")
    if not isinstance(text, str):
        return
    if kind in {"sms", "whatsapp", "rcs"} and (reason := fault_of_address(text, short_codes=kind == "sms")):
        yield Fault("address", reason)
    if kind == "email" and EMAIL.fullmatch(text) is None:
        yield Fault("address", "must be an e-mail address")


def _at(body: Mapping[str, Any], outer: str, inner: str) -> Any:
    found = body.get(outer)
    return found.get(inner) if isinstance(found, dict) else None
