"""The body of a request as its typed value, or every fault in it at once."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from conversations_api.bodies import Body
from conversations_api.faults import Fault, refuse, schema_faults
from conversations_api.rules import faults_of
from shared.problem import Problem
from shared.service import read_json

B = TypeVar("B", bound=Body)


async def read_body(request: web.Request, kind: type[B]) -> B:
    """The body. Raises Problem 400 with `errors`, 413 or 415; nothing has been sent to Twilio then."""
    value: Any = await read_json(request, object)
    if not isinstance(value, dict):
        raise refuse([Fault("", "must be an object")], "body")
    faults = [*schema_faults(kind, value), *[fault async for fault in faults_of(kind, value)]]
    if faults:
        raise refuse(faults, "body")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:  # what the schema cannot say and no rule has said
        raise Problem(400, f"The body cannot be used: {error}.", code=40000) from error
