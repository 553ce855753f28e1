"""The sandbox's composition root: one store, one desk, and the products behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from aiohttp import web

from sandbox.account_api import AccountApi
from sandbox.clock import Clock
from sandbox.control import Control, ControlDesk, ControlRoutes
from sandbox.control_faults import FaultsDesk
from sandbox.control_intelligence import IntelligenceDesk
from sandbox.control_model import ModelDesk
from sandbox.control_state import StateDesk
from sandbox.conversations import ConversationsApi
from sandbox.conversations_configuration import ConversationsConfiguration
from sandbox.conversations_events import ConversationEvents
from sandbox.conversations_jobs import ConversationJobs
from sandbox.conversations_joins import ConversationJoins
from sandbox.conversations_table import RESOURCES
from sandbox.exchange import Exchange
from sandbox.faults import FaultBook
from sandbox.inbound import InboundDesk
from sandbox.intelligence import IntelligenceApi
from sandbox.intelligence_admin import IntelligenceAdmin
from sandbox.intelligence_services import IntelligenceServices
from sandbox.intelligence_v3 import IntelligenceV3
from sandbox.limits import DEFAULT_PER_S, MutationLimit
from sandbox.mcs_product import MediaApi
from sandbox.openai_product import ModelApi, openai_product, unknown_url
from sandbox.pacing import Pacing
from sandbox.phone_desk import PhoneDesk
from sandbox.post_office import PostOffice
from sandbox.product import FrontDesk, Handler, Product, Refusal
from sandbox.request_log import RequestLog
from sandbox.rule_executions import RuleExecutions
from sandbox.segment import SegmentApi, open_segment_product, segment_not_found, segment_product
from sandbox.segment_profiles import Profiles
from sandbox.segment_tracking import TrackingApi
from sandbox.sids import derived_sid
from sandbox.transcripts import Transcription
from sandbox.twilio_product import not_found, open_product, twilio_product
from sandbox.voice_api import VoiceApi
from sandbox.world import World, make_world
from shared.config import ConfigError, SegmentSettings, Settings, TwilioAccount
from shared.door import PUBLIC
from shared.service import READINESS, add_route, create_service

MEDIA_FOLDER = "sandbox_media"
DRAIN_S = 2.0
Routes = Iterable[tuple[str, str, Handler]]
Missing = Callable[[web.Request], Refusal]


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
    account = settings.twilio
    clock, office = Clock(), PostOffice()
    faults, log = FaultBook(clock.now), RequestLog()
    world = make_world(settings, account, clock, office, MutationLimit(mutations_per_s))

    intelligence = _Intelligence(world, settings, account)
    conversations = _Conversations(world, settings, account)
    model = ModelApi(pacing or Pacing())
    products: list[tuple[Product, Routes, Missing | None]] = [
        (twilio_product("conversations", account), conversations.routes(), not_found),
        (twilio_product("intelligence", account), intelligence.routes(), not_found),
        (open_product("mcs"), conversations.media.open_handlers(), None),
        (twilio_product("mcs", account), conversations.media.handlers(), not_found),
        (openai_product(settings.openai), model.handlers(), unknown_url),
    ]
    segment = None if settings.segment is None else _Segment(world, settings.segment)
    if segment is not None:
        products += segment.products()

    def begin() -> None:
        conversations.configuration.make_default_service()
        intelligence.services.make_first()
        intelligence.admin.make_operators()
        if segment is not None:
            segment.profiles.make_first()

    def begin_again() -> None:
        for forgetful in (faults.clear, office.clear, model.forget, conversations.media.clear, begin):
            forgetful()
        if segment is not None:
            segment.forget()

    exchange = Exchange(settings, account, world.store, intelligence.transcription.take)
    products.append((twilio_product("api", account), _voice(world, exchange), not_found))
    faults_desk, model_desk = FaultsDesk(faults, office, world.limit), ModelDesk(model)
    intelligence_desk = IntelligenceDesk(intelligence.transcription)
    parts = {
        "faults": faults_desk.describe,
        "model": model_desk.describe,
        "intelligence": intelligence_desk.describe,
    }
    state_desk = StateDesk(world.store, clock, world.agenda, log, parts, begin_again)
    desks: list[ControlDesk] = [
        state_desk,
        faults_desk,
        model_desk,
        intelligence_desk,
        conversations.inbound,
        PhoneDesk(exchange),
    ]
    desks += [segment] if segment is not None else []
    control = Control(account, desks)

    app = create_service(settings)
    app[READINESS].on_drain.append(lambda deadline_s: world.deliveries.idle(min(deadline_s, DRAIN_S)))
    app.cleanup_ctx.append(_running(world, begin, exchange))
    desk = _Desk(app, FrontDesk(faults, log))
    for product, routes, missing in products:
        desk.open(product, routes, missing)
    for method, path, handler in control.handlers():
        add_route(app, method, path, handler, PUBLIC)  # it checks its own two kinds of credentials
    return app


class _Intelligence:
    """The parts of Intelligence."""

    def __init__(self, world: World, settings: Settings, account: TwilioAccount) -> None:
        first_sid = account.intelligence_service_sid or derived_sid("GA", account.account_sid)
        self.services = IntelligenceServices(world, first_sid, settings.intelligence_public_url + "/webhook")
        self.transcription = Transcription(world, self.services)
        self.admin = IntelligenceAdmin(world, self.services)
        self._api = IntelligenceApi(world, self.services, self.transcription)
        executions = RuleExecutions(world)
        self.transcription.when_finished = executions.finished
        self._v3 = IntelligenceV3(world, executions)

    def routes(self) -> Routes:
        return [*self.admin.handlers(), *self._api.handlers(), *self._v3.handlers()]


class _Conversations:
    """The parts of Conversations, and the files of its messages."""

    def __init__(self, world: World, settings: Settings, account: TwilioAccount) -> None:
        webhook = settings.conversations_public_url + "/webhooks/conversations"
        self.configuration = ConversationsConfiguration(world, webhook)
        events = ConversationEvents(world, self.configuration.webhooks)
        self._api = ConversationsApi(world, self.configuration, events)
        self._joins = ConversationJoins(world, self._api, events)
        ConversationJobs(world, events)  # the agenda holds on to it
        self.media = MediaApi(world, settings.data_dir / MEDIA_FOLDER, account.auth_token)
        self.inbound = InboundDesk(world, self._api, self.configuration.default_service_sid)

    def routes(self) -> Routes:
        resources = (route for table in RESOURCES for route in self._api.handlers(table))
        return [*self.configuration.handlers(), *self._joins.handlers(), *resources]


class _Segment:
    """The parts of Segment. Tracking comes first: it has the narrower addresses and credentials of its own."""

    def __init__(self, world: World, settings: SegmentSettings) -> None:
        self.profiles = Profiles(world, settings.space_id)
        self._settings = settings
        self._tracking = TrackingApi(self.profiles, settings.write_key, world.clock.now_text)
        self._api = SegmentApi(world, self.profiles)

    def products(self) -> list[tuple[Product, Routes, Missing | None]]:
        return [
            (open_segment_product(), self._tracking.handlers(), None),
            (segment_product(self._settings), self._api.handlers(), segment_not_found),
        ]

    def handlers(self) -> ControlRoutes:
        return self._tracking.control_handlers()

    def forget(self) -> None:
        self._tracking.clear()


class _Desk:
    """Puts products behind the front desk into the application's router."""

    def __init__(self, app: web.Application, desk: FrontDesk) -> None:
        self._app = app
        self._desk = desk

    def open(self, product: Product, routes: Routes, missing: Missing | None) -> None:
        """Adds the product's routes, and after them its own way of saying that there is nothing else."""

        every_route = list(routes)
        if missing is not None:

            async def nothing_here(request: web.Request) -> web.StreamResponse:
                raise missing(request)

            every_route.append(("*", f"/{product.name}/{{rest:.*}}", nothing_here))
        for method, path, handler in every_route:
            # The products check their accounts' credentials themselves, as the real ones do.
            add_route(self._app, method, path, self._desk.guard(product, handler), PUBLIC)


def _voice(world: World, exchange: Exchange) -> Routes:
    """The account and its calls."""
    account, calls = AccountApi(world.account_sid), VoiceApi(world.account_sid, world.store, exchange)
    return [*calls.handlers(), *account.handlers()]


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
