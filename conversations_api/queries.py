"""What may stand behind the question mark: one Struct per kind of route, in camelCase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from multidict import MultiMapping

from conversations_api.account_bodies import AddressType
from conversations_api.bodies import Body
from conversations_api.faults import LONGEST_NAME, Fault, refuse
from shared.problem import Problem

Q = TypeVar("Q", bound=Body)

ServiceSid = Annotated[
    str, Meta(pattern="^IS[0-9a-fA-F]{32}$", description="Absent: the account's default service")
]


class Nothing(Body):
    """Routes without parameters."""


class InService(Body):
    """Routes that exist for the default service and for every other one."""

    service_sid: ServiceSid | UnsetType = UNSET


class Paging(Body):
    """Lists of the account."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, Meta(min_length=1, description="`nextCursor` of the page before")] | UnsetType = UNSET


class ListInService(Paging):
    """Lists of a service."""

    service_sid: ServiceSid | UnsetType = UNSET


class ConversationList(ListInService):
    """Conversations by state and by day of creation (UTC, both days included)."""

    state: Literal["active", "inactive", "closed"] | UnsetType = UNSET
    start_date: date | UnsetType = UNSET
    end_date: date | UnsetType = UNSET


class MessageList(ListInService):
    """Messages, oldest first unless asked otherwise."""

    order: Literal["asc", "desc"] | UnsetType = UNSET


class AddressList(Paging):
    """Addresses of the account, of one kind if asked for."""

    type: AddressType | UnsetType = UNSET


# What concerns only us; everything else in a query is one of Twilio's filters.
OURS = {"Limit", "Cursor", "ServiceSid"}


def parse_query(query: MultiMapping[str], kind: type[Q]) -> Q:
    """The typed query. Raises Problem 400 that names every unknown, repeated or impossible parameter."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    faults = [*_name_faults(query, fields), *_value_faults(query, fields)]
    if faults:
        raise refuse(faults, "query")
    try:
        return msgspec.convert(dict(query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, f"The query cannot be used: {error}") from error


def _name_faults(query: MultiMapping[str], fields: Mapping[str, Any]) -> Iterator[Fault]:
    expected = f"this route takes {', '.join(sorted(fields))}" if fields else "this route takes none"
    for name in dict.fromkeys(query):
        if name == "serviceSid" and name not in fields:
            yield Fault(name, "cannot be used here: this belongs to the account, not to a service")
        elif name not in fields:
            yield Fault(name[:LONGEST_NAME], f"is not a parameter: {expected}")
        elif len(query.getall(name)) > 1:
            yield Fault(name, "was given twice")


def _value_faults(query: MultiMapping[str], fields: Mapping[str, Any]) -> Iterator[Fault]:
    for name in fields:
        if name in query:
            try:
                msgspec.convert(query[name], fields[name], strict=False)
            except msgspec.ValidationError as error:
                yield Fault(name, f"cannot be used: {str(error)[:200]}")
