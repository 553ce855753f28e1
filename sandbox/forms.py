"""Form parameters parsed into typed values, as a resource's fields describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from multidict import MultiMapping

from sandbox.product import Refusal
from sandbox.resources import Field
from sandbox.sids import date_text, parse_date
from sandbox.twilio_product import twilio_error


def read_form(fields: Iterable[Field], form: MultiMapping[Any], *, creating: bool) -> dict[str, Any]:
    """The given values by their places. Unknown parameters are ignored, as Twilio does.

    Raises Refusal (400, 20001) for a missing, malformed or too long one.
    """
    given = {}
    for field in fields:
        allowed = field.on_create if creating else field.on_update
        if allowed and field.param in form:
            given[field.place] = _value(field, [str(text) for text in form.getall(field.param)])
        elif creating and field.required:
            raise twilio_error(400, 20001, f"Missing required parameter {field.param} in the post body")
    return given


def _value(field: Field, texts: list[str]) -> Any:
    if field.kind == "list":
        return _list(field, texts)
    text = texts[-1]
    if field.max_chars is not None and len(text) > field.max_chars:
        raise _invalid(field, f"is longer than {field.max_chars} characters")
    if field.max_bytes is not None and len(text.encode()) > field.max_bytes:
        raise _invalid(field, f"is larger than {field.max_bytes} bytes")
    try:
        return PARSERS[field.kind](field, text)
    except ValueError as error:
        raise _invalid(field, str(error)) from error


def _list(field: Field, texts: list[str]) -> list[str]:
    """The repeated values; one empty value alone makes the list empty."""
    values = [] if texts == [""] else texts
    unknown = [text for text in values if field.choices and text not in field.choices]
    if unknown:
        raise _invalid(field, f"{unknown[0]} is none of {', '.join(field.choices)}")
    return values


def _text(_: Field, text: str) -> str:
    return text


def _json(_: Field, text: str) -> str:
    """The text itself: Twilio stores attributes as they were written, when they are JSON."""
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError("is not valid JSON") from error
    return text


def _integer(_: Field, text: str) -> int | None:
    return None if text in ("", "null") else int(text)


def _boolean(_: Field, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _date(_: Field, text: str) -> str:
    return date_text(parse_date(text))


def _choice(field: Field, text: str) -> str:
    if text not in field.choices:
        raise ValueError(f"must be one of {', '.join(field.choices)}")
    return text


PARSERS: dict[str, Callable[[Field, str], Any]] = {
    "text": _text,
    "json": _json,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "choice": _choice,
}


def _invalid(field: Field, why: str) -> Refusal:
    return twilio_error(400, 20001, f"Invalid parameter {field.param}: {why}")
