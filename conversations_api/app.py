"""The composition root: what this service consists of, from top to bottom."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import aiohttp
from aiohttp import web

from conversations_api.bulk_runner import BulkRunner
from conversations_api.bulk_store import BulkStore
from conversations_api.console import Console, console_folder, serve
from conversations_api.cors import setup_cors
from conversations_api.default_service import Services
from conversations_api.deliveries import STREAM, Deliveries, Intake
from conversations_api.docs_page import docs
from conversations_api.followers import JournalFollower
from conversations_api.forward import add_forward_routes
from conversations_api.health import HealthBoard
from conversations_api.index_erasing import index_eraser
from conversations_api.index_feed import IndexFeed
from conversations_api.index_status import StatusTeller
from conversations_api.index_sync import IndexSync
from conversations_api.media_host import open_media_host
from conversations_api.openapi import ROUTES, document
from conversations_api.pace import MOST_READS, ReadWindow
from conversations_api.parts import (
    BOARD,
    BULK,
    CONSOLE,
    EVENTS,
    FEED,
    INDEX,
    INTAKE,
    MEDIA,
    NEIGHBOURS,
    RUNNER,
    SERVICES,
    SYNC,
    TWILIO,
)
from conversations_api.recording import bulk_recorder
from conversations_api.rest import add_resource_routes
from conversations_api.routes import add_routes
from conversations_api.search_index import SearchIndex
from conversations_api.upstream import INDEX_AGENT, Patience, open_client
from conversations_api.webhook import receive
from shared.config import ConfigError, Settings
from shared.door import PUBLIC
from shared.door import TWILIO as BY_TWILIO
from shared.erase_route import DERIVED, TOMBSTONES
from shared.journal import Journal
from shared.live_feed import LiveFeed, start_seq
from shared.live_socket import serve_live
from shared.operators import Role
from shared.service import READINESS, SETTINGS, add_route, create_service, json_response
from shared.telemetry import get_logger

# Not for the API's own prefixes: an unknown path there is a 404 and never the console.
CONSOLE_PATHS = r"/{path:(?!(?:api|svc|webhooks)(?:/|$)).*}"
INDEX_EVERY_S = 60.0
CONNECTIONS = 200
log = get_logger("conversations")

Part = Callable[[web.Application], AsyncIterator[None]]


def create_app(
    settings: Settings, *, console: Path | None = None, patience: Patience | None = None
) -> web.Application:
    """The service. `console` is the build's folder; `patience` how long Twilio is waited for."""
    if settings.twilio is None:
        raise ConfigError(["TWILIO_ACCOUNT_SID is missing", "TWILIO_AUTH_TOKEN is missing"])
    app = create_service(settings)
    app[FEED] = LiveFeed(start_seq())
    app[CONSOLE] = Console(console or console_folder())
    app.cleanup_ctx.append(_twilio(patience or Patience()))
    app.cleanup_ctx.append(_events)
    app.cleanup_ctx.append(_neighbours)
    app.cleanup_ctx.append(_index)
    app.cleanup_ctx.append(_bulk)
    app.cleanup_ctx.append(_live_feed)
    add_routes(app, ROUTES)
    add_resource_routes(app)
    add_route(app, "POST", "/webhooks/conversations", receive, BY_TWILIO)
    add_route(app, "GET", "/api/live", _live, Role.VIEWER)
    add_route(app, "GET", "/api/health", _health, Role.VIEWER)
    add_route(app, "GET", "/openapi.json", _openapi, PUBLIC)
    add_route(app, "GET", "/docs", docs, PUBLIC)
    add_forward_routes(app)
    add_route(app, "GET", CONSOLE_PATHS, _console, PUBLIC)
    add_route(app, "HEAD", CONSOLE_PATHS, _console, PUBLIC)
    setup_cors(app, settings.web_origins)
    return app


def _twilio(patience: Patience) -> Part:
    async def part(app: web.Application) -> AsyncIterator[None]:
        account = app[SETTINGS].twilio
        assert account is not None  # noqa: S101 - create_app has refused otherwise
        async with open_client(account, patience) as client, open_media_host(client.session, account) as media:
            app[TWILIO] = client
            app[MEDIA] = media
            app[SERVICES] = Services(client)
            yield

    return part


async def _events(app: web.Application) -> AsyncIterator[None]:
    """The journal of events, and which deliveries it holds already."""
    data_dir = app[SETTINGS].data_dir
    journal = Journal.open(data_dir, STREAM)
    deliveries = Deliveries(data_dir)
    await asyncio.to_thread(deliveries.catch_up)
    app[EVENTS] = journal
    app[INTAKE] = Intake(journal, deliveries, app[TOMBSTONES])
    app[READINESS].watch(journal)
    async with _running(_keep_index(deliveries)):
        yield
    journal.close()
    deliveries.close()


async def _keep_index(deliveries: Deliveries) -> None:
    """Moves the index's position on, so that the next start has little to read."""
    while True:
        await asyncio.sleep(INDEX_EVERY_S)
        await asyncio.to_thread(deliveries.catch_up)


async def _index(app: web.Application) -> AsyncIterator[None]:
    """The search index, kept by the journals and compared with Twilio."""
    data_dir, account = app[SETTINGS].data_dir, app[SETTINGS].twilio
    assert account is not None  # noqa: S101 - create_app has refused otherwise
    index = await asyncio.to_thread(SearchIndex, data_dir)
    feed = IndexFeed(data_dir, index, app[TOMBSTONES])
    teller = StatusTeller(index, app[FEED])
    window = ReadWindow()
    async with open_client(
        account, Patience(), agent=INDEX_AGENT, connections=MOST_READS, limited=window.limited
    ) as client:
        sync = IndexSync(client, window, index, feed, app[TOMBSTONES], teller.tell)
        app[INDEX], app[SYNC] = index, sync
        app[DERIVED].append(index_eraser(index))
        await feed.start()
        async with _running(feed.run()), _running(sync.run()):
            yield
    index.close()


async def _bulk(app: web.Application) -> AsyncIterator[None]:
    """The bulk jobs: those that a stop has interrupted go on at once."""
    store = await asyncio.to_thread(BulkStore, app[SETTINGS].data_dir)
    app[BULK] = store
    app[RUNNER] = BulkRunner(store, app[TWILIO], app[FEED], bulk_recorder(app))
    async with _running(app[RUNNER].run()):
        yield
    store.close()


async def _neighbours(app: web.Application) -> AsyncIterator[None]:
    """The session to the other services; it holds no credentials of ours and no cookies."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        app[NEIGHBOURS] = session
        yield


async def _live_feed(app: web.Application) -> AsyncIterator[None]:
    """What follows the journals and the services' health; on drain every listener is sent away."""
    feed, settings = app[FEED], app[SETTINGS]
    board = HealthBoard(app[NEIGHBOURS], settings, app[READINESS], feed)
    app[BOARD] = board

    async def drain(_: float) -> None:
        feed.close()

    app[READINESS].on_drain.append(drain)
    follower = await asyncio.to_thread(JournalFollower, settings.data_dir, feed)
    async with _running(follower.run()), _running(board.run()):
        yield


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A background task: held here, cancelled and awaited at the end; one that dies is logged."""
    task = asyncio.create_task(work)
    task.add_done_callback(_log_death)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background task died", exc_info=error)


async def _live(request: web.Request) -> web.StreamResponse:
    """Every topic; health is published when it changes, and who has just come needs what it is now."""
    board = request.app[BOARD]
    return await serve_live(request, request.app[FEED], lambda: [("health", board.states)])


async def _health(request: web.Request) -> web.Response:
    return json_response(await request.app[BOARD].health())


async def _openapi(_: web.Request) -> web.Response:
    return json_response(document())


async def _console(request: web.Request) -> web.StreamResponse:
    return serve(request.app[CONSOLE], request.match_info["path"])
