"""What may stand behind the question mark: one Struct per kind of route, in camelCase."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from multidict import MultiMapping

from conversations_api.account_bodies import AddressType
from conversations_api.bodies import Body
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
    """The typed query. Raises Problem 400 that names an unknown, repeated or impossible parameter."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    for name in query:
        if name == "serviceSid" and name not in known:
            raise Problem(400, "`serviceSid` cannot be used here: this belongs to the account, not to a service")
        if name not in known:
            expected = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            raise Problem(400, f"`{name[:100]}` is not a parameter of this route: {expected}")
        if len(query.getall(name)) > 1:
            raise Problem(400, f"`{name}` was given twice")
    try:
        return msgspec.convert(dict(query), kind, strict=False)
    except msgspec.ValidationError as error:
        raise Problem(400, f"The query cannot be used: {error}") from error
