"""Where the relay's parts are found: typed keys of its application."""

from __future__ import annotations

from aiohttp import web

from relay_server.call import Call
from relay_server.call_book import CallBook
from relay_server.dialler import Dialler
from relay_server.recovery import Recovery
from relay_server.surroundings import Surroundings
from relay_server.tickets import Tickets
from shared.journal import Journal
from shared.live_feed import LiveFeed

AROUND = web.AppKey("around", Surroundings)
BOOK = web.AppKey("book", CallBook)
RECOVERY = web.AppKey("recovery", Recovery)
TICKETS = web.AppKey("tickets", Tickets)
DIALLER = web.AppKey("dialler", Dialler)
FEED = web.AppKey("feed", LiveFeed)
JOURNAL = web.AppKey("journal", Journal)
LIVE: web.AppKey[dict[str, Call]] = web.AppKey("live", dict)
