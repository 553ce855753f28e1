"""Which other origins a browser may call this service from: those of WEB_ORIGINS, and nothing else.

CORS does not cover WebSocket upgrades; their Origin is checked by the door (shared.door).
"""

from __future__ import annotations

import aiohttp_cors
from aiohttp import web

HEADERS = ("Authorization", "Content-Type", "Last-Event-ID")
EXPOSED = ("Retry-After",)
PREFLIGHT_AGE_S = 600


def setup_cors(app: web.Application, origins: tuple[str, ...]) -> None:
    """Allows `origins`, with the session cookie, on every API route added so far; call it last."""
    options = {
        "allow_credentials": True,
        "allow_headers": HEADERS,
        "expose_headers": EXPOSED,
        "max_age": PREFLIGHT_AGE_S,
    }
    cors = aiohttp_cors.setup(app, defaults=dict.fromkeys(origins, options))
    for route in list(app.router.routes()):
        resource = route.resource
        if resource is not None and resource.canonical.startswith(("/api/", "/svc/")):
            cors.add(route)
    app.on_response_prepare.append(_vary)


async def _vary(request: web.Request, response: web.StreamResponse) -> None:
    """The same address answers differently by Origin: a shared cache must know."""
    if request.path.startswith(("/api/", "/svc/")):
        known = response.headers.get("Vary")
        response.headers["Vary"] = f"{known}, Origin" if known else "Origin"
