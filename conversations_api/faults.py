"""Faults of a request, all of them at once: each with its field, the reason and what would be allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec

from shared.problem import Problem

MOST_FAULTS = 50
LONGEST_NAME = 100
TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "string": "text",
    "null": "null",
}


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that cannot be used; `field` is a path such as `messagingBinding.address`, "" the whole."""

    field: str
    reason: str
    limit: int | float | str | None = None


def refuse(faults: Sequence[Fault], what: str) -> Problem:
    """The problem that names them all; `what` is the body or the query."""
    shown = list(faults[:MOST_FAULTS])
    first = shown[0]
    where = f"`{first.field}` {first.reason}" if first.field else f"it {first.reason}"
    more = f" {len(faults) - 1} more fault{'s' if len(faults) > 2 else ''} in `errors`." if len(faults) > 1 else ""
    return Problem(
        400, f"The {what} cannot be used: {where}.{more}", code=40000, more={"errors": msgspec.to_builtins(shown)}
    )


def schema_faults(kind: type, value: Any) -> Iterator[Fault]:
    """What the type's own schema finds in a decoded JSON value."""
    for error in _validator(kind).iter_errors(value):
        place = ".".join(str(part) for part in error.instance_path)
        yield from _of(error.kind, place, str(error.message))


def _of(kind: Any, place: str, message: str) -> Iterator[Fault]:
    match kind.name:
        case "additionalProperties":
            for name in kind.unexpected:
                yield Fault(_under(place, str(name)[:LONGEST_NAME]), "is not known here")
        case "required":
            yield Fault(_under(place, kind.property), "is missing")
        case "maxLength":
            yield Fault(place, f"is longer than {kind.limit} characters", kind.limit)
        case "minLength":
            yield Fault(place, "must not be empty" if kind.limit == 1 else "is too short", kind.limit)
        case "maxItems":
            yield Fault(place, f"holds more than {kind.limit}", kind.limit)
        case "minItems":
            yield Fault(place, "must not be empty" if kind.limit == 1 else "holds too few", kind.limit)
        case "minimum":
            yield Fault(place, f"must be at least {kind.limit}", kind.limit)
        case "maximum":
            yield Fault(place, f"must be at most {kind.limit}", kind.limit)
        case "enum":
            options = ", ".join(str(option) for option in kind.options)
            yield Fault(place, f"must be one of {options}", options)
        case "pattern":
            yield Fault(place, "does not have the form that `limit` describes", str(kind.pattern))
        case "type":
            yield Fault(place, f"must be {' or '.join(TYPES.get(str(name), str(name)) for name in kind.types)}")
        case "format":
            yield Fault(place, f"must be a {kind.format} (RFC 3339)")
        case _:
            yield Fault(place, message[:200])


def _under(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


@lru_cache(256)
def _validator(kind: type) -> Any:
    return jsonschema_rs.validator_for(msgspec.json.schema(kind), validate_formats=True)
