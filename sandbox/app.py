"""The sandbox's composition root: one store, one desk, and the products behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from aiohttp import web

from sandbox.clock import Clock
from sandbox.control import Control, ControlDesk
from sandbox.control_faults import FaultsDesk
from sandbox.control_state import StateDesk
from sandbox.exchange import Exchange
from sandbox.faults import FaultBook
from sandbox.limits import DEFAULT_PER_S, MutationLimit
from sandbox.pacing import Pacing
from sandbox.parts import (
    ConversationsPart,
    IntelligencePart,
    Missing,
    ModelPart,
    Part,
    Routes,
    SegmentPart,
    VoicePart,
)
from sandbox.post_office import PostOffice
from sandbox.product import FrontDesk, Product
from sandbox.request_log import RequestLog
from sandbox.world import World, make_world
from shared.config import ConfigError, Settings
from shared.door import PUBLIC
from shared.service import READINESS, add_route, create_service

DRAIN_S = 2.0


def read_pacing(environ: Mapping[str, str]) -> Pacing:
    """The model's speed from SANDBOX_FIRST_TOKEN_MS and SANDBOX_TOKEN_MS. Raises ConfigError."""
    usual = Pacing()
    try:
        return Pacing(
            first_token_ms=float(environ.get("SANDBOX_FIRST_TOKEN_MS") or usual.first_token_ms),
            token_ms=float(environ.get("SANDBOX_TOKEN_MS") or usual.token_ms),
        )
    except ValueError as error:
        raise ConfigError([f"SANDBOX_FIRST_TOKEN_MS or SANDBOX_TOKEN_MS: {error}"]) from error


def read_limit(environ: Mapping[str, str]) -> int:
    """How many changes a second Conversations takes, from SANDBOX_MUTATIONS_PER_S; 0 is no limit.

    Raises ConfigError.
    """
    text = environ.get("SANDBOX_MUTATIONS_PER_S") or str(DEFAULT_PER_S)
    if not (text.isascii() and text.isdigit()):
        raise ConfigError([f"SANDBOX_MUTATIONS_PER_S must be a whole number, not {text!r}"])
    return int(text)


def create_app(
    settings: Settings, pacing: Pacing | None = None, mutations_per_s: int = DEFAULT_PER_S
) -> web.Application:
    """The whole sandbox; its state is in DATA_DIR/sandbox.sqlite. Raises ConfigError without an account."""
    if settings.twilio is None or settings.openai is None:
        raise ConfigError(["the sandbox needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and OPENAI_API_KEY"])
    account, clock, office = settings.twilio, Clock(), PostOffice()
    faults, log = FaultBook(clock.now), RequestLog()
    world = make_world(settings, account, clock, office, MutationLimit(mutations_per_s))

    intelligence = IntelligencePart(world, settings, account)
    exchange = Exchange(settings, account, world.store, intelligence.transcription.take)
    parts: list[Part] = [
        ConversationsPart(world, settings, account),
        intelligence,
        ModelPart(settings.openai, pacing or Pacing()),
        VoicePart(world, account, exchange),
    ]
    if settings.segment is not None:
        parts.append(SegmentPart(world, settings.segment))

    app = create_service(settings)
    app[READINESS].on_drain.append(lambda deadline_s: world.deliveries.idle(min(deadline_s, DRAIN_S)))
    app.cleanup_ctx.append(_running(world, lambda: _begin(parts), exchange))
    desk = _Desk(app, FrontDesk(faults, log))
    for product, routes, missing in (opened for part in parts for opened in part.products()):
        desk.open(product, routes, missing)
    for method, path, handler in Control(account, _desks(world, parts, faults, office, log)).handlers():
        add_route(app, method, path, handler, PUBLIC)  # it checks its own two kinds of credentials
    return app


def _begin(parts: Sequence[Part]) -> None:
    for part in parts:
        part.begin()


def _desks(
    world: World, parts: Sequence[Part], faults: FaultBook, office: PostOffice, log: RequestLog
) -> list[ControlDesk]:
    """Everything in `/control`: the account as a whole, faults, and what the parts have."""

    def begin_again() -> None:
        for forgetful in (faults.clear, office.clear, *(part.forget for part in parts)):
            forgetful()
        _begin(parts)

    faults_desk = FaultsDesk(faults, office, world.limit)
    told = {"faults": faults_desk.describe}
    for part in parts:
        told |= part.descriptions()
    state_desk = StateDesk(world.store, world.clock, world.agenda, log, told, begin_again)
    return [state_desk, faults_desk, *(desk for part in parts for desk in part.desks())]


class _Desk:
    """Puts products behind the front desk into the application's router."""

    def __init__(self, app: web.Application, desk: FrontDesk) -> None:
        self._app = app
        self._desk = desk

    def open(self, product: Product, routes: Routes, missing: Missing) -> None:
        """Adds the product's routes, and after them its own way of saying that there is nothing else."""

        every_route = list(routes)
        if missing is not None:

            async def nothing_here(request: web.Request) -> web.StreamResponse:
                raise missing(request)

            every_route.append(("*", f"/{product.name}/{{rest:.*}}", nothing_here))
        for method, path, handler in every_route:
            # The products check their accounts' credentials themselves, as the real ones do.
            add_route(self._app, method, path, self._desk.guard(product, handler), PUBLIC)


def _running(
    world: World, begin: Callable[[], None], exchange: Exchange
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Opens the store and makes what an account begins with, runs the agenda meanwhile, and closes all."""

    async def running(_: web.Application) -> AsyncIterator[None]:
        world.store.open()
        await world.deliveries.open()
        begin()
        await exchange.open()
        agenda = asyncio.create_task(world.agenda.run())
        yield
        await exchange.close()
        agenda.cancel()
        await asyncio.gather(agenda, return_exceptions=True)
        await world.deliveries.close()
        world.store.close()

    return running
