"""Lists of every resource with the same parameters: from Twilio, else from the index or a bounded scan.

Twilio filters and sorts next to nothing. What it cannot do is done here, and every answer says where its rows
come from, of when they are, and whether they are all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from conversations_api.cursor import next_cursor, own_cursor, own_position, page_pairs, page_parameters
from conversations_api.index_documents import channel_of, folded, leaves, plain_address
from conversations_api.index_messages import holds
from conversations_api.index_words import search_words
from conversations_api.queries import ListQuery, given
from conversations_api.resources import Resource
from conversations_api.upstream import Call, TwilioClient
from conversations_api.views import View
from conversations_api.wire import form_value, page, pascal

SCANNED_ROWS = 2000
SORT_FIELDS = {
    "created": "dateCreated",
    "updated": "dateUpdated",
    "name": "friendlyName",
    "identity": "identity",
    "index": "index",
}


class Page(msgspec.Struct, kw_only=True, rename="camel"):
    """A page of a list. `complete`: chosen from all there are.

    `total` is null where nobody has counted; unless `total_is_exact` there are more than it says.
    """

    items: list[Any]
    next_cursor: str | None = None
    total: int | None = None
    total_is_exact: bool = True
    source: str = "twilio"
    complete: bool = True
    as_of: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as it was asked for: where it stands at Twilio, and its parameters."""

    resource: Resource
    path: str
    query: ListQuery

    @property
    def parameters(self) -> dict[str, Any]:
        return given(self.query)

    @property
    def ours(self) -> bool:
        """Whether Twilio cannot answer it alone."""
        return not set(self.parameters) <= self.query.theirs

    @property
    def their_filters(self) -> list[tuple[str, str]]:
        """Twilio's own filters, in its spelling."""
        named = self.parameters
        return [(pascal(name), form_value(named[name])) for name in named if name in self.query.theirs]

    @property
    def print_of(self) -> list[tuple[str, str]]:
        """Everything a cursor of this list depends on."""
        return [(name, str(value)) for name, value in self.parameters.items()]


async def from_twilio(client: TwilioClient, asked: Asked) -> Page:
    """A page as Twilio gives it. Raises Problem, Unreadable."""
    cursor = asked.query.cursor
    pages = page_parameters(cursor, asked.path, asked.their_filters) if isinstance(cursor, str) else []
    size = ("PageSize", str(min(asked.query.limit, asked.resource.page_max)))
    raw = await client.send(Call("GET", asked.path, [size, *asked.their_filters, *pages]))
    items, following = page(raw, asked.resource.view)
    return Page(items=items, next_cursor=next_cursor(following, asked.path, asked.their_filters))


async def from_scan(client: TwilioClient, asked: Asked) -> Page:
    """A page of what a look at the list's first two thousand rows finds. Raises Problem, Unreadable."""
    begun = datetime.now(UTC)
    rows, complete = await _scan(client, asked)
    chosen = select(asked, [msgspec.to_builtins(row) for row in rows])
    return cut(asked, chosen, Page(items=[], source="scan", complete=complete, as_of=begun))


async def _scan(client: TwilioClient, asked: Asked) -> tuple[list[View], bool]:
    rows: list[View] = []
    pages: list[tuple[str, str]] = []
    size = ("PageSize", str(asked.resource.page_max))
    while True:
        raw = await client.send(Call("GET", asked.path, [size, *asked.their_filters, *pages]))
        found, following = page(raw, asked.resource.view)
        rows += found
        if not following:
            return rows, True
        if len(rows) >= SCANNED_ROWS:
            return rows, False
        pages = page_pairs(following)


def select(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows that are asked for, in the order asked for."""
    named = asked.parameters
    words = search_words(named.pop("q", ""))
    sort = named.pop("sort", None)
    filters = {name: value for name, value in named.items() if name not in asked.query.theirs}
    chosen = [row for row in rows if _fits(row, filters) and _holds(row, words)]
    return sorted(chosen, key=_key(sort), reverse=sort.startswith("-")) if sort else chosen


def cut(asked: Asked, rows: Sequence[Any], page: Page) -> Page:
    """One page of rows that are all at hand."""
    cursor = asked.query.cursor
    start = own_position(cursor, asked.path, asked.print_of, int)[0] if isinstance(cursor, str) else 0
    end = start + asked.query.limit
    page.items = list(rows[start:end])
    page.total = len(rows)
    page.next_cursor = own_cursor([end], asked.path, asked.print_of) if end < len(rows) else None
    return page


def _holds(row: Mapping[str, Any], words: Sequence[str]) -> bool:
    return not words or holds(" ".join(leaves(list(row.values()))), words)


def _fits(row: Mapping[str, Any], filters: Mapping[str, Any]) -> bool:
    return all(_found(row, name) == _wanted(name, value) for name, value in filters.items())


def _found(row: Mapping[str, Any], name: str) -> Any:
    if name == "channel":
        return channel_of(row)
    if name == "address":
        binding = row.get("messagingBinding")
        return plain_address(str(binding.get("address") or "")) if isinstance(binding, Mapping) else None
    return row.get("conversationState" if name == "state" else name)


def _wanted(name: str, value: Any) -> Any:
    return plain_address(value) if name == "address" else value


def _key(sort: str) -> Any:
    name = SORT_FIELDS[sort.lstrip("-")]

    def key(row: Mapping[str, Any]) -> tuple[bool, Any]:
        value = row.get(name)
        return (value is not None, folded(value) if isinstance(value, str) else value or 0)

    return key
