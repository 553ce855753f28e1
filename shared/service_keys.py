"""Where the parts of an aiohttp service are found: typed keys of its application and requests."""

from __future__ import annotations

from aiohttp import web

from shared.config import Settings
from shared.door import Access, Door
from shared.journal import Journal
from shared.operators import Identity, Operators
from shared.readiness import Readiness

SETTINGS = web.AppKey("settings", Settings)
OPERATORS = web.AppKey("operators", Operators)
DOOR = web.AppKey("door", Door)
READINESS = web.AppKey("readiness", Readiness)
AUDIT = web.AppKey("audit", Journal)
ACCESS: web.AppKey[dict[web.AbstractRoute, Access]] = web.AppKey("access", dict)
IDENTITY = web.RequestKey("identity", Identity)
