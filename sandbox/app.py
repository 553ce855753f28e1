"""The sandbox's composition root: one store, one desk, and the products behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from aiohttp import web

from sandbox.account_api import AccountApi
from sandbox.control import Control
from sandbox.conversations import ConversationsApi
from sandbox.conversations_configuration import ConversationsConfiguration
from sandbox.conversations_events import ConversationEvents
from sandbox.conversations_table import RESOURCES
from sandbox.deliveries import Deliveries
from sandbox.faults import FaultBook
from sandbox.intelligence import IntelligenceApi
from sandbox.openai_product import ModelApi, Pacing, openai_product, unknown_url
from sandbox.product import FrontDesk, Handler, Product, Refusal
from sandbox.request_log import RequestLog
from sandbox.segment import SegmentApi, segment_error, segment_product
from sandbox.sids import derived_sid
from sandbox.store import Store
from sandbox.transcripts import Transcription
from sandbox.twilio_product import not_found, twilio_product
from shared.config import ConfigError, Settings
from shared.door import PUBLIC
from shared.service import READINESS, add_route, create_service

STORE_FILE = "sandbox.sqlite"
DRAIN_S = 2.0
Routes = Iterable[tuple[str, str, Handler]]


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


def create_app(settings: Settings, pacing: Pacing | None = None) -> web.Application:
    """The whole sandbox; its state is in DATA_DIR/sandbox.sqlite. Raises ConfigError without an account."""
    if settings.twilio is None or settings.openai is None:
        raise ConfigError(["the sandbox needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and OPENAI_API_KEY"])
    account = settings.twilio
    sid = account.account_sid
    intelligence_sid = account.intelligence_service_sid or derived_sid("GA", sid)
    intelligence_webhook = settings.intelligence_public_url + "/webhook"

    store = Store(settings.data_dir / STORE_FILE)
    deliveries = Deliveries(account.auth_token)
    faults, log = FaultBook(), RequestLog()
    conversations_webhook = settings.conversations_public_url + "/webhooks/conversations"
    configuration = ConversationsConfiguration(store, sid, conversations_webhook)
    events = ConversationEvents(store, deliveries, configuration.webhooks)
    conversations = ConversationsApi(store, sid, configuration.default_service_sid, events)
    transcription = Transcription(store, deliveries, sid, intelligence_sid, intelligence_webhook)
    model = ModelApi(pacing or Pacing())

    app = create_service(settings)
    app[READINESS].on_drain.append(lambda deadline_s: deliveries.idle(min(deadline_s, DRAIN_S)))
    app.cleanup_ctx.append(_running(store, deliveries, configuration, transcription))
    desk = _Desk(app, FrontDesk(faults, log))
    conversations_routes = [
        *configuration.handlers(),
        *(r for table in RESOURCES for r in conversations.handlers(table)),
    ]
    desk.open(twilio_product("conversations", account), conversations_routes, not_found)
    intelligence = IntelligenceApi(store, sid, intelligence_sid, intelligence_webhook)
    desk.open(twilio_product("intelligence", account), intelligence.handlers(), not_found)
    desk.open(twilio_product("api", account), AccountApi(sid).handlers(), not_found)
    desk.open(openai_product(settings.openai), model.handlers(), unknown_url)
    if settings.segment is not None:
        segment = SegmentApi(settings.segment.space_id)
        desk.open(
            segment_product(settings.segment), segment.handlers(), lambda _: segment_error(404, "Not found.")
        )
    for method, path, handler in Control(account, transcription, model, faults, log).handlers():
        add_route(app, method, path, handler, PUBLIC)  # it checks its own two kinds of credentials
    return app


class _Desk:
    """Puts products behind the front desk into the application's router."""

    def __init__(self, app: web.Application, desk: FrontDesk) -> None:
        self._app = app
        self._desk = desk

    def open(self, product: Product, routes: Routes, missing: Callable[[web.Request], Refusal]) -> None:
        """Adds the product's routes, and after them its own way of saying that there is nothing else."""

        async def nothing_here(request: web.Request) -> web.StreamResponse:
            raise missing(request)

        every_route = [*routes, ("*", f"/{product.name}/{{rest:.*}}", nothing_here)]
        for method, path, handler in every_route:
            # The products check their accounts' credentials themselves, as the real ones do.
            add_route(self._app, method, path, self._desk.guard(product, handler), PUBLIC)


def _running(
    store: Store, deliveries: Deliveries, configuration: ConversationsConfiguration, transcription: Transcription
) -> Callable[[web.Application], AsyncIterator[None]]:
    async def running(_: web.Application) -> AsyncIterator[None]:
        store.open()
        await deliveries.open()
        configuration.make_default_service()
        transcription.resume()
        yield
        await transcription.close()
        await deliveries.close()
        store.close()

    return running
