"""What may stand behind the question mark: one Struct per kind of route, in camelCase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from multidict import MultiMapping

from conversations_api.account_bodies import AddressType
from conversations_api.bodies import Body, Moment
from conversations_api.faults import LONGEST_NAME, Fault, refuse
from shared.problem import Problem

Q = TypeVar("Q", bound=Body)

ServiceSid = Annotated[
    str, Meta(pattern="^IS[0-9a-fA-F]{32}$", description="Absent: the account's default service")
]
Limit = Annotated[int, Meta(ge=1, le=100)]
Cursor = Annotated[str, Meta(min_length=1, description="`nextCursor` of the page before")]
Words = Annotated[
    str, Meta(min_length=1, max_length=200, description="All words must occur, the last may be unfinished")
]
Value = Annotated[str, Meta(min_length=1, max_length=256)]
Who = Annotated[str, Meta(min_length=1, max_length=256, description="Identity, address or sid")]
Number = Annotated[
    str, Meta(min_length=1, max_length=256, description="Whole, or three digits and more from anywhere in it")
]
Channel = Literal["chat", "sms", "whatsapp", "messenger", "rcs", "email", "other"]
State = Literal["active", "inactive", "closed"]
DatedSort = Literal["created", "-created", "updated", "-updated"]
NamedSort = Literal["name", "-name", "created", "-created", "updated", "-updated"]
PersonSort = Literal["identity", "-identity", "created", "-created", "updated", "-updated"]
UserSort = Literal["identity", "-identity", "name", "-name", "created", "-created", "updated", "-updated"]
MessageSort = Literal["index", "-index", "created", "-created", "updated", "-updated"]
ConversationSort = Literal[
    "lastActivity", "-lastActivity", "name", "-name", "created", "-created", "updated", "-updated"
]


class Nothing(Body):
    """Routes without parameters."""


class InService(Body):
    """Routes that exist for the default service and for every other one."""

    service_sid: ServiceSid | UnsetType = UNSET


class Paging(Body):
    """Lists: how many, and from where on."""

    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET


class PagingInService(Paging):
    """Lists of a service."""

    service_sid: ServiceSid | UnsetType = UNSET


class ResourceList(Paging):
    """Lists of resources. `theirs` are the filters that Twilio knows; all others are answered by us."""

    theirs: ClassVar[frozenset[str]] = frozenset()

    q: Words | UnsetType = UNSET


class ListInService(ResourceList):
    """Lists of resources of a service."""

    service_sid: ServiceSid | UnsetType = UNSET


class WebhookList(ListInService):
    """Webhooks of a conversation."""

    sort: DatedSort | UnsetType = UNSET
    target: Literal["webhook", "trigger", "studio"] | UnsetType = UNSET


class ReceiptList(ListInService):
    """Receipts of a message."""

    sort: DatedSort | UnsetType = UNSET
    status: Literal["read", "failed", "delivered", "undelivered", "sent"] | UnsetType = UNSET


class ServiceList(ResourceList):
    """Services of the account."""

    sort: NamedSort | UnsetType = UNSET


class ConversationFilter(Body):
    """Which conversations: words, state, people, channel, days of creation (UTC, both included), activity."""

    q: Words | UnsetType = UNSET
    state: State | UnsetType = UNSET
    participant: Who | UnsetType = UNSET
    address: Number | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET
    start_date: date | UnsetType = UNSET
    end_date: date | UnsetType = UNSET
    active_after: Moment | UnsetType = UNSET
    active_before: Moment | UnsetType = UNSET
    unread: bool | UnsetType = UNSET


class ConversationList(ConversationFilter):
    """Conversations; anything but state and days is answered from the index."""

    theirs: ClassVar[frozenset[str]] = frozenset({"state", "start_date", "end_date"})

    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET
    service_sid: ServiceSid | UnsetType = UNSET
    sort: ConversationSort | UnsetType = UNSET


class MessageList(ListInService):
    """Messages, oldest first unless asked otherwise."""

    theirs: ClassVar[frozenset[str]] = frozenset({"order"})

    order: Literal["asc", "desc"] | UnsetType = UNSET
    sort: MessageSort | UnsetType = UNSET
    author: Value | UnsetType = UNSET


class ParticipantList(ListInService):
    """Participants of a conversation."""

    sort: PersonSort | UnsetType = UNSET
    identity: Value | UnsetType = UNSET
    address: Value | UnsetType = UNSET
    channel: Channel | UnsetType = UNSET


class UserList(ListInService):
    """Users of a service."""

    sort: UserSort | UnsetType = UNSET
    identity: Value | UnsetType = UNSET


class UserConversationList(ListInService):
    """Conversations of a user."""

    sort: NamedSort | UnsetType = UNSET
    state: State | UnsetType = UNSET


class RoleList(ListInService):
    """Roles of a service."""

    sort: NamedSort | UnsetType = UNSET
    type: Literal["conversation", "service"] | UnsetType = UNSET


class AddressList(ResourceList):
    """Addresses of the account, of one kind if asked for."""

    theirs: ClassVar[frozenset[str]] = frozenset({"type"})

    type: AddressType | UnsetType = UNSET
    sort: NamedSort | UnsetType = UNSET


ListQuery = ResourceList | ConversationList
# About the page, not about what is in it.
PAGING = frozenset({"limit", "cursor", "service_sid"})


def given(query: Body) -> dict[str, Any]:
    """The parameters that were given, by name, without those about the page."""
    named = {name: getattr(query, name) for name in query.__struct_fields__ if name not in PAGING}
    return {name: value for name, value in named.items() if value is not UNSET}


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
