"""The relay's composition root: reads top to bottom as the list of its parts."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web

from dialogue.agent import Agent, load_agent, primary
from dialogue.breaker import Breaker
from dialogue.customer import Customers
from dialogue.detection import build_detector
from dialogue.http_tools import HttpTools
from dialogue.model import ModelClient
from dialogue.models import Models
from dialogue.tools import tool_specs
from relay_server import operator_pages as pages
from relay_server import voice
from relay_server.call import Call
from relay_server.call_book import CallBook
from relay_server.dialler import Dialler
from relay_server.facts import Shutdown
from relay_server.observer import CallObserver
from relay_server.parts import AROUND, BOOK, DIALLER, FEED, JOURNAL, LIVE, RECOVERY, TICKETS
from relay_server.recovery import Recovery, journalled_calls
from relay_server.socket import websocket
from relay_server.surroundings import Surroundings
from relay_server.tickets import Tickets
from relay_server.tool_runner import ToolRunner
from shared.config import Settings
from shared.door import PUBLIC, TWILIO
from shared.erase_route import DERIVED
from shared.journal import Journal
from shared.live_feed import LiveFeed, start_seq
from shared.person import Person
from shared.readiness import Drain
from shared.service import READINESS, SETTINGS, add_route, create_service
from shared.telemetry import get_logger
from shared.tombstones import Tombstones

SWEEP_S = 10.0
TICK_S = 0.05
log = get_logger("relay")


def create_app(settings: Settings) -> web.Application:
    """The relay as an application. Raises AgentError when the agent file cannot be used."""
    agent = load_agent(settings.agent_file, settings.conversation, settings.tool_environ)
    app = create_service(settings)
    app[LIVE] = {}
    app[BOOK] = CallBook(agent.prices)
    app[RECOVERY] = Recovery()
    app[TICKETS] = Tickets(settings.session_secret)
    app[DIALLER] = Dialler(agent.outbound)
    app[FEED] = LiveFeed(start_seq())
    app.cleanup_ctx.append(_journal)
    app.cleanup_ctx.append(_surroundings(agent))
    app.cleanup_ctx.append(_sweeper)
    app[READINESS].on_drain.append(_drain(app))
    app.on_shutdown.append(_close_feed)
    for path, handler in (("/voice", voice.voice), ("/voice/ended", voice.ended), ("/voice/status", voice.status)):
        add_route(app, "POST", path, handler, TWILIO)
    for path in ("/websocket", "/ws"):
        add_route(app, "GET", path, websocket, TWILIO)
    pages.add_operator_pages(app)
    add_route(app, "GET", "/dashboard", pages.dashboard, PUBLIC)
    add_route(app, "GET", "/dashboard/static/{name}", pages.asset, PUBLIC)
    return app


async def _journal(app: web.Application) -> AsyncIterator[None]:
    settings = app[SETTINGS]
    journal = Journal.open(settings.data_dir, "calls")
    app[JOURNAL] = journal
    app[READINESS].watch(journal)
    for record in journalled_calls(settings.data_dir):
        app[RECOVERY].apply(record)
        app[BOOK].apply(record)

    async def forget(_: Person, tombstones: Tombstones) -> dict[str, int]:
        return {"call book": app[BOOK].forget(tombstones)}

    app[DERIVED].append(forget)
    for started in app[RECOVERY].all_gone(time.monotonic()):
        log.warning("a call was open when the relay stopped", call_sid=started.call_sid)
    yield
    journal.close()


def _surroundings(agent: Agent) -> Callable[[web.Application], AsyncIterator[None]]:
    async def build(app: web.Application) -> AsyncIterator[None]:
        settings = app[SETTINGS]
        if settings.openai is None:  # load_settings has made sure of it
            raise RuntimeError("the relay needs OPENAI_API_KEY")
        client = ModelClient(settings.openai)
        tags = [primary(language.code) for language in agent.languages]
        detect = await asyncio.to_thread(build_detector, tags)
        async with aiohttp.ClientSession() as http:
            customers = Customers(http, settings.segment, agent.customer)
            app[AROUND] = Surroundings(
                agent=agent,
                tools={persona.name: tool_specs(agent, persona) for persona in agent.cast},
                runner=ToolRunner(agent, HttpTools(agent, settings.tool_environ, http), customers),
                models=Models(client, agent.conversation, Breaker()),
                customers=customers,
                http=http,
                observer=CallObserver(app[JOURNAL], app[BOOK], app[RECOVERY], app[FEED]),
                detect=detect,
                requests=agent.language_requests(),
            )
            yield
        await client.close()

    return build


async def _sweeper(app: web.Application) -> AsyncIterator[None]:
    """Ends the calls that never came back."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for record in app[RECOVERY].overdue(time.monotonic()):
                app[AROUND].observer.record(record)

    task = asyncio.create_task(sweep())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _drain(app: web.Application) -> Drain:
    async def drain(deadline_s: float) -> None:
        """Every live call finishes its sentence and gets `end`; returns when all are gone or time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while calls := list(app[LIVE].values()):
                    await asyncio.gather(*map(_shut_down, calls))
                    await asyncio.sleep(TICK_S)  # a call whose setup came meanwhile is told too

    return drain


async def _shut_down(call: Call) -> None:
    """Tells a call; one whose line is stuck must not keep the others from being told."""
    await call.feed(Shutdown())
    await call.closed.wait()


async def _close_feed(app: web.Application) -> None:
    app[FEED].close()
