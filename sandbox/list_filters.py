"""The filters of a list: query parameters as conditions on what is stored."""

from __future__ import annotations

from aiohttp import web

from sandbox.resources import Field, Resource
from sandbox.sids import date_text, parse_date
from sandbox.store import Condition
from sandbox.twilio_product import twilio_error

DAY_ENDS = {"StartDate": "T00:00:00Z", "EndDate": "T23:59:59Z"}


def list_conditions(resource: Resource, request: web.Request) -> list[Condition]:
    """The list's filters as given; days are widened to their first and last second."""
    conditions = []
    for name, condition in resource.filters.items():
        texts = [text for text in request.query.getall(name, []) if text]
        if not texts:
            continue
        value = _moment(name, texts[-1]) if name in DAY_ENDS else texts[-1]
        conditions.append(Condition(condition.field, condition.comparison, value, tuple(texts)))
    _check_choices(resource.fields, request)
    if request.query.get("Order", "asc") not in ("asc", "desc"):
        raise twilio_error(400, 20001, "Invalid parameter Order: must be one of asc, desc")
    return conditions


def _moment(name: str, text: str) -> str:
    try:
        return date_text(parse_date(text if "T" in text else text + DAY_ENDS[name]))
    except ValueError as error:
        raise twilio_error(400, 20001, f"Invalid parameter {name}: {text} is not a date") from error


def _check_choices(fields: tuple[Field, ...], request: web.Request) -> None:
    for field in fields:
        text = request.query.get(field.param)
        if text is not None and field.choices and text not in field.choices:
            raise twilio_error(
                400, 20001, f"Invalid parameter {field.param}: must be one of {', '.join(field.choices)}"
            )
