"""The products of the sandbox, each with what it shows in `/control` and how it begins and begins again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from sandbox.account_api import AccountApi
from sandbox.control import ControlDesk, ControlRoutes
from sandbox.control_intelligence import IntelligenceDesk
from sandbox.control_model import ModelDesk
from sandbox.conversations import ConversationsApi
from sandbox.conversations_configuration import ConversationsConfiguration
from sandbox.conversations_events import ConversationEvents
from sandbox.conversations_jobs import ConversationJobs
from sandbox.conversations_joins import ConversationJoins
from sandbox.conversations_table import RESOURCES
from sandbox.exchange import Exchange
from sandbox.inbound import InboundDesk
from sandbox.intelligence import IntelligenceApi
from sandbox.intelligence_admin import IntelligenceAdmin
from sandbox.intelligence_services import IntelligenceServices
from sandbox.intelligence_v3 import IntelligenceV3
from sandbox.mcs_product import MediaApi
from sandbox.openai_product import ModelApi, openai_product, unknown_url
from sandbox.pacing import Pacing
from sandbox.phone_desk import PhoneDesk
from sandbox.product import Handler, Product, Refusal
from sandbox.rule_executions import RuleExecutions
from sandbox.segment import SegmentApi, open_segment_product, segment_not_found, segment_product
from sandbox.segment_profiles import Profiles
from sandbox.segment_tracking import TrackingApi
from sandbox.sids import derived_sid
from sandbox.transcripts import Transcription
from sandbox.twilio_product import not_found, open_product, twilio_product
from sandbox.voice_api import VoiceApi
from sandbox.world import World
from shared.config import OpenAISettings, SegmentSettings, Settings, TwilioAccount

MEDIA_FOLDER = "sandbox_media"
Routes = Iterable[tuple[str, str, Handler]]
Missing = Callable[[web.Request], Refusal] | None  # what a product says where there is nothing
OpenedProduct = tuple[Product, Routes, Missing]
Descriptions = Mapping[str, Callable[[], Any]]


class Part(ABC):
    """One of the sandbox's products, or several that belong together."""

    @abstractmethod
    def products(self) -> list[OpenedProduct]:
        """Narrower addresses come first."""

    def desks(self) -> list[ControlDesk]:
        """What it has in `/control`."""
        return []

    def descriptions(self) -> Descriptions:
        """What it tells about itself in the overview, by name."""
        return {}

    def begin(self) -> None:  # noqa: B027 - most have nothing to do
        """Makes what an account has from the beginning; what is there stays."""

    def forget(self) -> None:  # noqa: B027 - most keep everything in the store
        """Forgets what is not in the store, when the account begins again."""


class IntelligencePart(Part):
    """Intelligence v2 and v3."""

    def __init__(self, world: World, settings: Settings, account: TwilioAccount) -> None:
        first_sid = account.intelligence_service_sid or derived_sid("GA", account.account_sid)
        self._account = account
        self._services = IntelligenceServices(world, first_sid, settings.intelligence_public_url + "/webhook")
        self.transcription = Transcription(world, self._services)
        self._admin = IntelligenceAdmin(world, self._services)
        self._api = IntelligenceApi(world, self._services, self.transcription)
        executions = RuleExecutions(world)
        self.transcription.when_finished = executions.finished
        self._v3 = IntelligenceV3(world, executions)
        self._desk = IntelligenceDesk(self.transcription)

    def products(self) -> list[OpenedProduct]:
        routes = [*self._admin.handlers(), *self._api.handlers(), *self._v3.handlers()]
        return [(twilio_product("intelligence", self._account), routes, not_found)]

    def desks(self) -> list[ControlDesk]:
        return [self._desk]

    def descriptions(self) -> Descriptions:
        return {"intelligence": self._desk.describe}

    def begin(self) -> None:
        self._services.make_first()
        self._admin.make_operators()


class ConversationsPart(Part):
    """Conversations, and the files of its messages."""

    def __init__(self, world: World, settings: Settings, account: TwilioAccount) -> None:
        webhook = settings.conversations_public_url + "/webhooks/conversations"
        self._account = account
        self._configuration = ConversationsConfiguration(world, webhook)
        events = ConversationEvents(world, self._configuration.webhooks)
        self._api = ConversationsApi(world, self._configuration, events)
        self._joins = ConversationJoins(world, self._api, events)
        ConversationJobs(world, events)  # the agenda holds on to it
        self._media = MediaApi(world, settings.data_dir / MEDIA_FOLDER, account.auth_token)
        self._inbound = InboundDesk(world, self._api, self._configuration.default_service_sid)

    def products(self) -> list[OpenedProduct]:
        resources = (route for table in RESOURCES for route in self._api.handlers(table))
        routes = [*self._configuration.handlers(), *self._joins.handlers(), *resources]
        return [
            (twilio_product("conversations", self._account), routes, not_found),
            (open_product("mcs"), self._media.open_handlers(), None),
            (twilio_product("mcs", self._account), self._media.handlers(), not_found),
        ]

    def desks(self) -> list[ControlDesk]:
        return [self._inbound]

    def begin(self) -> None:
        self._configuration.make_default_service()

    def forget(self) -> None:
        self._media.clear()


class ModelPart(Part):
    """The model."""

    def __init__(self, settings: OpenAISettings, pacing: Pacing) -> None:
        self._settings = settings
        self._api = ModelApi(pacing)
        self._desk = ModelDesk(self._api)

    def products(self) -> list[OpenedProduct]:
        return [(openai_product(self._settings), self._api.handlers(), unknown_url)]

    def desks(self) -> list[ControlDesk]:
        return [self._desk]

    def descriptions(self) -> Descriptions:
        return {"model": self._desk.describe}

    def forget(self) -> None:
        self._api.forget()


class VoicePart(Part):
    """The account and its calls."""

    def __init__(self, world: World, account: TwilioAccount, exchange: Exchange) -> None:
        self._account = account
        self._calls = VoiceApi(world.account_sid, world.store, exchange)
        self._desk = PhoneDesk(exchange)

    def products(self) -> list[OpenedProduct]:
        routes = [*self._calls.handlers(), *AccountApi(self._account.account_sid).handlers()]
        return [(twilio_product("api", self._account), routes, not_found)]

    def desks(self) -> list[ControlDesk]:
        return [self._desk]


class SegmentPart(Part):
    """Segment. Tracking comes first: it has the narrower addresses and credentials of its own."""

    def __init__(self, world: World, settings: SegmentSettings) -> None:
        self._settings = settings
        self._profiles = Profiles(world, settings.space_id)
        self._tracking = TrackingApi(self._profiles, settings.write_key, world.clock.now_text)
        self._api = SegmentApi(world, self._profiles)

    def products(self) -> list[OpenedProduct]:
        return [
            (open_segment_product(), self._tracking.handlers(), None),
            (segment_product(self._settings), self._api.handlers(), segment_not_found),
        ]

    def desks(self) -> list[ControlDesk]:
        return [self]

    def handlers(self) -> ControlRoutes:
        """Its desk's."""
        return self._tracking.control_handlers()

    def begin(self) -> None:
        self._profiles.make_first()

    def forget(self) -> None:
        self._tracking.clear()
