"""Whether there is room for one more call."""

from __future__ import annotations

from aiohttp import web

from relay_server.parts import BOOK, LIVE
from shared.service import READINESS, SETTINGS

BUSY = "busy"  # the reason code of a session that ends before it begins


def has_room(app: web.Application) -> bool:
    """True while the service is ready: not stopping, its journals written, and not all lines taken."""
    return not app[READINESS].reasons() and app[BOOK].live_count() < app[SETTINGS].max_calls


def lines_taken(app: web.Application) -> bool:
    """True when as many sockets are held as may be: more must not come in, however they were let through."""
    return len(app[LIVE]) >= app[SETTINGS].max_calls
