"""Where the parts of this service are found: typed keys of its application."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from conversations_api.bulk_runner import BulkRunner
from conversations_api.bulk_store import BulkStore
from conversations_api.console import Console
from conversations_api.default_service import Services
from conversations_api.deliveries import Intake
from conversations_api.health import HealthBoard
from conversations_api.index_sync import IndexSync
from conversations_api.media_host import MediaHost
from conversations_api.search_index import SearchIndex
from conversations_api.upstream import TwilioClient
from shared.journal import Journal
from shared.live_feed import LiveFeed

TWILIO = web.AppKey("twilio", TwilioClient)
SERVICES = web.AppKey("services", Services)
INDEX = web.AppKey("index", SearchIndex)
SYNC = web.AppKey("sync", IndexSync)
BULK = web.AppKey("bulk", BulkStore)
RUNNER = web.AppKey("runner", BulkRunner)
MEDIA = web.AppKey("media", MediaHost)
EVENTS = web.AppKey("events", Journal)
INTAKE = web.AppKey("intake", Intake)
FEED = web.AppKey("feed", LiveFeed)
BOARD = web.AppKey("board", HealthBoard)
NEIGHBOURS = web.AppKey("neighbours", aiohttp.ClientSession)
CONSOLE = web.AppKey("console", Console)
