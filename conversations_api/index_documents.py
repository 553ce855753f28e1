"""What happened to a conversation, a participant or a message, from wherever we learn it, in one form."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from shared.records import ConversationEvent

Kind = Literal["conversation", "participant", "message"]
KINDS: tuple[Kind, ...] = ("conversation", "participant", "message")
# Bits of the channels a conversation reaches people on.
CHANNELS = {"chat": 1, "sms": 2, "whatsapp": 4, "messenger": 8, "rcs": 16, "email": 32, "other": 64}
# Twilio's webhook fields by the names our documents have for them.
RENAMED = {
    "FriendlyName": "friendlyName",
    "UniqueName": "uniqueName",
    "MessagingServiceSid": "messagingServiceSid",
    "Attributes": "attributes",
    "State": "state",
    "DateCreated": "dateCreated",
    "DateUpdated": "dateUpdated",
    "Identity": "identity",
    "RoleSid": "roleSid",
    "LastReadMessageIndex": "lastReadMessageIndex",
    "Index": "index",
    "Body": "body",
    "Author": "author",
    "ParticipantSid": "participantSid",
}
NUMBERS = {"Index", "LastReadMessageIndex"}
DATES = {"DateCreated", "DateUpdated"}
BINDING = {"Address": "address", "ProxyAddress": "proxyAddress", "ProjectedAddress": "projectedAddress"}
ONLY_MESSAGES = {"participantSid", "index", "body", "author"}
ONLY_CONVERSATIONS = {"messagingServiceSid", "friendlyName", "uniqueName", "state"}


@dataclass(frozen=True, slots=True)
class Change:
    """One document as of `seen_s` (Unix seconds).

    `whole`: every field is in it; else it is laid over what is known. `gone`: the thing was removed.
    `certain`: read from Twilio after everything we knew, so that no date decides.
    """

    kind: Kind
    sid: str
    service_sid: str
    conversation_sid: str
    document: Mapping[str, Any]
    seen_s: float
    whole: bool = True
    gone: bool = False
    certain: bool = False


def change_of(event: ConversationEvent) -> Change | None:
    """What a journalled event says; None for events about something else."""
    kind = _kind(event.event_type)
    if kind is None or not event.sid:
        return None
    own = event.source == "api"
    return Change(
        kind=kind,
        sid=event.sid,
        service_sid=event.service_sid,
        conversation_sid=event.sid if kind == "conversation" else event.conversation_sid,
        document=event.payload if own else webhook_document(kind, event.payload),
        seen_s=event.at.timestamp(),
        whole=own,
        gone=event.event_type.endswith("Removed"),
    )


def message_to_read(event: ConversationEvent) -> str | None:
    """The message an event says too little about: what was delivered of it, or which files are in it."""
    told_less = event.event_type == "onDeliveryUpdated" or bool(event.payload.get("Media"))
    found = event.payload.get("MessageSid") if told_less and event.source == "webhook" else None
    return found if isinstance(found, str) else None


def webhook_document(kind: Kind, fields: Mapping[str, str]) -> dict[str, Any]:
    """Twilio's webhook fields as the part of a document that they tell."""
    if kind == "conversation" and "StateTo" in fields:
        return _told({"state": fields["StateTo"], "dateUpdated": _date(fields.get("StateUpdated"))})
    document = {RENAMED[name]: _value(name, value) for name, value in fields.items() if name in RENAMED}
    binding = {ours: fields.get(f"MessagingBinding.{name}") for name, ours in BINDING.items()}
    if kind == "participant" and any(binding.values()):
        kind_of_binding = fields.get("MessagingBinding.Type", "").lower() or None
        document["messagingBinding"] = _told({"type": kind_of_binding, **binding})
    foreign = (ONLY_MESSAGES if kind != "message" else set()) | (
        ONLY_CONVERSATIONS if kind != "conversation" else set()
    )
    return _told({name: value for name, value in document.items() if name not in foreign})


def _told(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value not in (None, "")}


def _kind(event_type: str) -> Kind | None:
    return next((kind for kind in KINDS if event_type.startswith(f"on{kind.title()}")), None)


def _value(name: str, value: str) -> Any:
    if name in NUMBERS:
        return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
    if name in DATES:
        return _date(value)
    if name == "Attributes":
        try:
            return msgspec.json.decode(value)
        except (msgspec.MsgspecError, RecursionError):
            return value
    return value


def _date(value: str | None) -> str | None:
    return iso(milliseconds(value)) or None


def milliseconds(value: Any) -> int:
    """A date of a document as milliseconds since 1970; 0 when there is none."""
    if isinstance(value, str):
        try:
            value = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            return 0
    if not isinstance(value, datetime):
        return 0
    return round((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)


def moment(ms: int | None) -> datetime | None:
    """Milliseconds since 1970 as a date."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def iso(ms: int) -> str:
    """Milliseconds since 1970 as Twilio's REST API writes them: whole seconds, UTC; "" for none."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if ms else ""


def folded(text: str) -> str:
    """The text without case and accents, as the words of the index are compared."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def plain_address(address: str) -> str:
    """`whatsapp:+15005550006` as the number alone, so that one person is one address on every channel."""
    channel, _, rest = address.rpartition(":")
    return rest if channel.lower() in {"whatsapp", "sms", "rcs"} else address


def channel_of(document: Mapping[str, Any]) -> str:
    """The channel a participant is reached on."""
    binding = document.get("messagingBinding")
    if not isinstance(binding, Mapping):
        return "chat"
    prefix = str(binding.get("address") or "").rpartition(":")[0].lower()
    kind = prefix or str(binding.get("type") or "sms").lower()
    return kind if kind in CHANNELS else "other"


def words_of(document: Mapping[str, Any], people: Sequence[Mapping[str, Any]]) -> str:
    """What a conversation is found by besides its messages: names, attributes, people, every end of a number."""
    found = [str(document.get(name) or "") for name in ("friendlyName", "uniqueName", "sid")]
    found += leaves(document.get("attributes"))
    for person in people:
        binding = person.get("messagingBinding")
        found.append(str(person.get("identity") or ""))
        found += leaves(person.get("attributes"))
        if isinstance(binding, Mapping):
            address = str(binding.get("address") or "")
            digits = "".join(letter for letter in address if letter.isdigit())
            found += [address, *(digits[start:] for start in range(1, max(1, len(digits) - 2)))]
    return " ".join(found)


def leaves(value: Any) -> list[str]:
    """Every word of a JSON value, names of fields included."""
    match value:
        case dict():
            return [word for name, item in value.items() for word in (str(name), *leaves(item))]
        case list():
            return [word for item in value for word in leaves(item)]
        case None | bool():
            return []
        case _:
            return [str(value)]
