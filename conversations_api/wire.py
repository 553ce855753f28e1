"""Twilio's spelling at the edge: our bodies as its form fields, its JSON as our answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from conversations_api.account_views import Part
from conversations_api.bodies import Body
from conversations_api.views import View

V = TypeVar("V", bound=View | Part)

# Values Twilio keeps as JSON text.
JSON_TEXT = {"attributes"}


class Unreadable(Exception):
    """Twilio answered something that is not what its API describes."""


def form_pairs(body: Body, prefix: str = "") -> list[tuple[str, str]]:
    """The form fields Twilio takes: `messaging_binding.address` becomes `MessagingBinding.Address`."""
    pairs: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(body):
        value = getattr(body, field.name)
        if value is not msgspec.UNSET:
            pairs += _pairs(prefix + pascal(field.name), value)
    return pairs


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case Body():
            yield from form_pairs(value, f"{name}.")
        case list():  # repeated fields, as Twilio's SDKs send them
            for item in value:
                yield from _pairs(name, item)
        case dict():
            yield name, msgspec.json.encode(value).decode()
        case bool():
            yield name, "true" if value else "false"
        case datetime():
            yield name, value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
        case date():
            yield name, value.isoformat()
        case None:  # the word clears a binding (Twilio, update of a participant)
            yield name, "null"
        case _:
            yield name, str(value)


def form_value(value: Any) -> str:
    """One value as Twilio takes it in a form or a query."""
    return next(_pairs("", value))[1]


def nested_json(body: Body) -> str:
    """A body inside one form field: JSON with Twilio's names, `attributes` as text in it.

    Source: Twilio, ConversationWithParticipants, `Participant`.
    """
    return msgspec.json.encode(_snake(body)).decode()


def _snake(value: Any) -> Any:
    match value:
        case Body():
            given = {name: getattr(value, name) for name in value.__struct_fields__}
            return {name: _snake(item) for name, item in given.items() if item is not msgspec.UNSET}
        case dict():
            return msgspec.json.encode(value).decode()
        case _:
            return value


def view(raw: bytes, kind: type[V]) -> V:
    """One resource. Raises Unreadable."""
    return _view(_document(raw), kind)


def page(raw: bytes, kind: type[V]) -> tuple[list[V], str | None]:
    """The resources of a page and the URL of the next. Raises Unreadable."""
    document = _document(raw)
    meta = document.get("meta")
    if not isinstance(meta, dict):
        raise Unreadable("a list without meta")
    rows, following = document.get(str(meta.get("key"))), meta.get("next_page_url")
    if not isinstance(rows, list) or not (following is None or isinstance(following, str)):
        raise Unreadable("a list without rows")
    return [_view(row, kind) for row in rows], following


def _document(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable("no JSON object") from error


def _view(row: Any, kind: type[V]) -> V:
    try:
        return msgspec.convert(_camel_keys(row), kind)
    except msgspec.ValidationError as error:
        raise Unreadable(f"{kind.__name__}: {error}") from error


def _camel_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            camel(name): _json_text(item) if name in JSON_TEXT else _camel_keys(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_camel_keys(item) for item in value]
    return value


def _json_text(value: Any) -> Any:
    """What the text says; text that is no JSON stays text."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return value


@lru_cache(1024)
def pascal(name: str) -> str:
    """`messaging_service_sid` as `MessagingServiceSid`."""
    return "".join(part.title() for part in name.split("_"))


@lru_cache(1024)
def camel(name: str) -> str:
    """`messaging_service_sid` as `messagingServiceSid`."""
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)
