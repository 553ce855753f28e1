"""The vocabulary in which a REST resource is described: its fields, limits, place and rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.store import Condition, Document, Store
from sandbox.twilio_product import PageLimits
from sandbox.world import World

USUAL_LIMITS = PageLimits()
Kind = Literal["text", "json", "integer", "boolean", "list", "date", "choice"]


@dataclass(frozen=True, slots=True)
class Field:
    """One form parameter and the place of its value in the document (dots go into nested objects).

    A place that begins with `_` is remembered and never shown.
    """

    param: str
    place: str
    kind: Kind = "text"
    required: bool = False
    on_create: bool = True
    on_update: bool = True
    max_chars: int | None = None
    max_bytes: int | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something to announce. What the API itself changed is announced only when the request asks for it;
    what a channel or a timer did is `unasked`."""

    name: str
    fields: Mapping[str, str]
    unasked: bool = False


@dataclass(slots=True)
class Change:
    """A document about to be stored: what it will be, what was asked for, and where it belongs."""

    world: World
    service_sid: str
    scope: str
    parent: Document | None
    document: Document
    before: Document | None
    given: Mapping[str, Any]
    events: list[Event] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def account_sid(self) -> str:
        return self.world.account_sid

    @property
    def creating(self) -> bool:
        return self.before is None


Rule = Callable[[Change], None]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record of the Conversations API, as the generic handlers need to know it.

    `path` is its segment in the URL and its kind in the store; `owner` says whether it belongs to a service
    (the account's default one when the URL names none) or to the account. `counted` says whether changes count
    for the service's or the conversation's limit; with "create" a conversation's own update counts for itself.
    """

    path: str
    key: str
    prefix: str
    fields: tuple[Field, ...]
    parent: Resource | None = None
    owner: Literal["service", "account"] = "service"
    only_scoped: bool = False
    template: Mapping[str, Any] = field(default_factory=dict)
    limits: PageLimits = USUAL_LIMITS
    filters: Mapping[str, Condition] = field(default_factory=dict)
    can_reverse: bool = False
    name_place: str | None = None
    taken: tuple[int, str] = (50353, "already exists")
    show_service: Literal["always", "scoped", "never"] = "scoped"
    links: tuple[tuple[str, str], ...] = ()
    rules: tuple[Rule, ...] = ()
    after_change: tuple[Rule, ...] = ()
    before_delete: tuple[Rule, ...] = ()
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    counted: Literal["service", "conversation", "create", "no"] = "no"
    event_noun: str | None = None
    event_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def line(self) -> tuple[Resource, ...]:
        """The resource's ancestors, outermost first, and itself."""
        return (*self.parent.line, self) if self.parent else (self,)


@dataclass(frozen=True, slots=True)
class Singleton:
    """A configuration document that always exists: its fields and what it says before anyone changes it."""

    path: str
    level: Literal["account", "service"]
    fields: tuple[Field, ...]
    template: Mapping[str, Any]
    links: tuple[tuple[str, str], ...] = ()
    with_account: bool = True


def get_place(document: Mapping[str, Any], place: str) -> Any:
    """The value at a dotted place, or None when the way there does not exist."""
    value: Any = document
    for part in place.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def set_place(document: Document, place: str, value: Any) -> None:
    """Puts the value at a dotted place and makes the objects on the way."""
    *way, last = place.split(".")
    for part in way:
        inner = document.get(part)
        if not isinstance(inner, dict):
            inner = document[part] = {}
        document = inner
    document[last] = value
