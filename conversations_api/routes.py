"""Routes outside the resource table: one description each, for the router and for `/openapi.json` alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from conversations_api.bodies import Body
from conversations_api.queries import Nothing
from shared.door import Access
from shared.service import Handler, add_route


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `answer` is what a success holds (None: nothing), `content` its type where it is no JSON.

    `takes` is the body's schema where it is no JSON body, by media type.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    summary: str
    tag: str
    status: int = 200
    answer: Any = None
    content: str = "application/json"
    query: type[Body] = Nothing
    body: type[Body] | None = None
    takes: tuple[str, dict[str, Any]] | None = None


def add_routes(app: web.Application, routes: Iterable[Route]) -> None:
    """Adds them with their access."""
    for route in routes:
        add_route(app, route.method, route.path, route.handler, route.access)
