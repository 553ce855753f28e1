"""What operators see of calls: the JSON lists, the dashboard page and its live socket."""

from __future__ import annotations

from importlib import resources
from typing import Any

import aiohttp_jinja2
import jinja2
import msgspec
from aiohttp import web

from relay_server.operator_actions import add_operator_actions
from relay_server.outbound import place_call
from relay_server.parts import AROUND, BOOK, FEED
from shared.door import SESSION_COOKIE
from shared.live_socket import serve_live
from shared.operators import Role
from shared.problem import Problem
from shared.service import OPERATORS, add_route, json_response

STATIC = resources.files("relay_server") / "static"
SCRIPTS = ("dashboard", "calls", "desk", "format", "state", "transcript", "waterfall")
ASSETS = {"dashboard.css": "text/css", **{f"{name}.js": "text/javascript" for name in SCRIPTS}}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def add_operator_pages(app: web.Application) -> None:
    """Adds the routes for operators; their templates and scripts come out of the package."""
    aiohttp_jinja2.setup(app, loader=jinja2.PackageLoader("relay_server"), autoescape=True)
    add_route(app, "GET", "/api/calls", list_calls, Role.VIEWER)
    add_route(app, "POST", "/api/calls", place_call, Role.AGENT)
    add_route(app, "GET", "/api/calls/{callSid}", show_call, Role.VIEWER)
    add_operator_actions(app)
    add_route(app, "GET", "/dashboard-ws", dashboard_socket, Role.VIEWER)


async def list_calls(request: web.Request) -> web.Response:
    """`{items, nextCursor}`: live calls first, then the latest that ended."""
    return json_response({"items": request.app[BOOK].list(), "nextCursor": None})


async def show_call(request: web.Request) -> web.Response:
    """A call with its transcript."""
    found = request.app[BOOK].detail(request.match_info["callSid"])
    if found is None:
        raise Problem(404, "This server holds no such call. Older calls are found in the analytics.", code=20404)
    return json_response(found)


async def dashboard_socket(request: web.Request) -> web.StreamResponse:
    """Records, text and what was heard as they happen; after a gap the client reads the lists anew."""
    book = request.app[BOOK]

    def now() -> list[tuple[str, bytes]]:
        return [("calls", msgspec.json.encode({"items": book.list()}))]

    return await serve_live(request, request.app[FEED], now)


async def dashboard(request: web.Request) -> web.Response:
    """The page; whoever is not signed in gets its sign-in form with status 401."""
    known = request.app[OPERATORS].identify(
        request.headers.get("Authorization"), request.cookies.get(SESSION_COOKIE)
    )
    context: dict[str, Any] = {"operator": None}
    if known is not None:
        context = {
            "operator": known.name,
            "role": known.role.name.lower(),
            "may_speak": known.role >= Role.AGENT,
            "may_end": known.role >= Role.SUPERVISOR,
            "languages": request.app[AROUND].agent.languages,
        }
    response = aiohttp_jinja2.render_template("dashboard.html", request, context, status=200 if known else 401)
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


async def asset(request: web.Request) -> web.Response:
    """The dashboard's script and style; nothing else of the package is served."""
    name = request.match_info["name"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    body = (STATIC / name).read_bytes()
    return web.Response(body=body, content_type=ASSETS[name], charset="utf-8")
