"""How the index reads from Twilio: pages, whole lists, many things at once within what Twilio lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import msgspec

from conversations_api.cursor import page_pairs
from conversations_api.pace import MOST_READS, ReadWindow
from conversations_api.resources import Resource
from conversations_api.upstream import Call, TwilioClient
from conversations_api.wire import page


class Reader:
    """Reads through one client, as many at once as its window is wide. Raises Problem, Unreadable."""

    def __init__(self, client: TwilioClient, window: ReadWindow) -> None:
        self._client = client
        self._window = window

    async def page(
        self, resource: Resource, path: str, more: Sequence[tuple[str, str]], most: int | None = None
    ) -> tuple[list[dict[str, Any]], list[tuple[str, str]] | None]:
        """The rows of a page and the parameters of the next, None after the last."""
        size = ("PageSize", str(most or resource.page_max))
        items, following = page(await self.get(path, [size, *more]), resource.view)
        return [msgspec.to_builtins(item) for item in items], page_pairs(following) if following else None

    async def rows(self, resource: Resource, path: str) -> AsyncIterator[dict[str, Any]]:
        pages: list[tuple[str, str]] | None = []
        while pages is not None:
            rows, pages = await self.page(resource, path, pages)
            for row in rows:
                yield row

    async def get(self, path: str, query: Sequence[tuple[str, str]] = ()) -> bytes:
        async with self._window:
            return await self._client.send(Call("GET", path, query))


async def all_of(work: Sequence[Awaitable[Any]]) -> list[Any]:
    """Does everything, a few at a time. Raises the first failure, after the others have ended."""
    gate = asyncio.Semaphore(MOST_READS)

    async def one(job: Awaitable[Any]) -> Any:
        async with gate:
            return await job

    results = await asyncio.gather(*(one(job) for job in work), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results
