"""Twilio Intelligence v2: services, operators and their attachment."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from aiohttp import web

from sandbox.forms import read_form
from sandbox.intelligence_services import IntelligenceServices
from sandbox.operators import OPERATORS, Operator
from sandbox.product import Handler, json_answer
from sandbox.resources import Field
from sandbox.sids import derived_sid, new_sid
from sandbox.store import Condition, Document
from sandbox.twilio_product import Listing, PageLimits, base_url, not_found, read_page, twilio_error
from sandbox.world import World

PREFIX = "/intelligence/v2"
KIND = "Operators"
LIMITS = PageLimits(50, 1000)
OUTPUT_TYPES = {
    "conversation-classify": "text-classification",
    "utterance-classify": "text-classification",
    "extract": "text-extraction",
    "extract-normalize": "text-extraction-normalized",
    "pii-extract": "text-extraction",
    "text-generation": "text-generation",
    "json": "json",
}
CUSTOM_FIELDS = (
    Field("FriendlyName", "friendly_name", required=True, max_chars=64),
    Field("OperatorType", "operator_type", "choice", required=True, on_update=False, choices=tuple(OUTPUT_TYPES)),
    Field("Config", "config", "json", required=True),
)
FAMILIES: dict[str, tuple[Condition, ...]] = {
    "": (),
    "/PreBuilt": (Condition("author", "=", "twilio"),),
    "/Custom": (Condition("author", "!=", "twilio"),),
}
AVAILABILITIES = ("internal", "beta", "public", "retired", "general-availability", "deprecated")
LANGUAGES = ("en", "es", "pt")  # those of lexicon.toml


class IntelligenceAdmin:
    """The settings side of Intelligence. Operators that an account makes itself are kept but give no results."""

    def __init__(self, world: World, services: IntelligenceServices) -> None:
        self._world = world
        self._services = services

    def make_operators(self) -> None:
        """Stores the operators that are always there; nothing happens to those that are stored."""
        for operator in OPERATORS:
            if self._world.store.get(KIND, self._world.account_sid, operator.sid) is None:
                document = self._document(operator)
                self._world.store.add(KIND, self._world.account_sid, operator.sid, document)

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        service = f"{PREFIX}/Services/{{service}}"
        yield "GET", f"{PREFIX}/Services", self.list_services
        yield "POST", f"{PREFIX}/Services", self.create_service
        yield "GET", service, self.fetch_service
        yield "POST", service, self.update_service
        yield "DELETE", service, self.delete_service
        yield "GET", f"{service}/Operators", self.list_attached
        yield "POST", f"{service}/Operators/{{operator}}", self.attach
        yield "DELETE", f"{service}/Operators/{{operator}}", self.detach
        for family in ("/PreBuilt", "/Custom", ""):
            yield "GET", f"{PREFIX}/Operators{family}", self._of_family(family, self.list_operators)
            yield "GET", f"{PREFIX}/Operators{family}/{{operator}}", self._of_family(family, self.fetch_operator)
        yield "POST", f"{PREFIX}/Operators/Custom", self.create_operator
        yield "POST", f"{PREFIX}/Operators/Custom/{{operator}}", self.update_operator
        yield "DELETE", f"{PREFIX}/Operators/Custom/{{operator}}", self.delete_operator
        yield "GET", f"{PREFIX}/OperatorTypes", self.list_types
        yield "GET", f"{PREFIX}/OperatorTypes/{{type}}", self.fetch_type

    # ---- services ----

    async def list_services(self, request: web.Request) -> web.Response:
        page = self._services.list(request)
        return json_answer({"services": [_service(s, request) for s in page.documents], "meta": page.meta})

    async def create_service(self, request: web.Request) -> web.Response:
        return json_answer(_service(self._services.create(await request.post()), request), 201)

    async def fetch_service(self, request: web.Request) -> web.Response:
        return json_answer(_service(self._service(request), request))

    async def update_service(self, request: web.Request) -> web.Response:
        form = await request.post()
        return json_answer(_service(self._services.update(self._service(request), form), request))

    async def delete_service(self, request: web.Request) -> web.Response:
        self._services.delete(self._service(request))
        return web.Response(status=204)

    def _service(self, request: web.Request) -> Document:
        found = self._services.get(request.match_info["service"])
        if found is None:
            raise not_found(request)
        return found

    # ---- attached operators ----

    async def list_attached(self, request: web.Request) -> web.Response:
        service = self._service(request)
        sids = service["read_only_attached_operator_sids"]
        url = f"{base_url(request)}{PREFIX}/Services/{service['sid']}/Operators"
        return json_answer({"service_sid": service["sid"], "operator_sids": sids, "url": url})

    async def attach(self, request: web.Request) -> web.Response:
        service, operator = self._service(request), self._operator(request, "")
        sids = service["read_only_attached_operator_sids"]
        if operator["sid"] not in sids:
            self._services.store({**service, "read_only_attached_operator_sids": [*sids, operator["sid"]]})
        url = f"{base_url(request)}{PREFIX}/Services/{service['sid']}/Operators/{operator['sid']}"
        shown = {"service_sid": service["sid"], "operator_sid": operator["sid"], "url": url}
        return json_answer(shown, 202)

    async def detach(self, request: web.Request) -> web.Response:
        service, sid = self._service(request), request.match_info["operator"]
        sids = service["read_only_attached_operator_sids"]
        if sid not in sids:
            raise not_found(request)
        self._services.store({**service, "read_only_attached_operator_sids": [s for s in sids if s != sid]})
        return web.Response(status=204)

    # ---- operators ----

    @staticmethod
    def _of_family(family: str, method: Callable[[str, web.Request], Any]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            answer: web.StreamResponse = await method(family, request)
            return answer

        return handle

    async def list_operators(self, family: str, request: web.Request) -> web.Response:
        conditions = [*FAMILIES[family], *self._filters(request)]
        listing = Listing(KIND, self._world.account_sid, "operators", conditions, limits=LIMITS)
        page = read_page(self._world.store, listing, request)
        shown = [_operator(o, family, request) for o in page.documents]
        return json_answer({"operators": shown, "meta": page.meta})

    def _filters(self, request: web.Request) -> Iterator[Condition]:
        """What the query asks for. The operators that are always there know the lexicon's languages; one that the
        account made is taken to know every language. Raises Refusal."""
        availability = request.query.get("Availability")
        if availability and availability not in AVAILABILITIES:
            raise twilio_error(400, 20001, f"Availability must be one of {', '.join(AVAILABILITIES)}")
        if availability:
            yield Condition("availability", "=", availability)
        language = request.query.get("LanguageCode", "")
        if language and language.partition("-")[0].lower() not in LANGUAGES:
            yield Condition("author", "=", self._world.account_sid)

    async def fetch_operator(self, family: str, request: web.Request) -> web.Response:
        return json_answer(_operator(self._operator(request, family), family, request))

    async def create_operator(self, request: web.Request) -> web.Response:
        given = read_form(CUSTOM_FIELDS, await request.post(), creating=True)
        sid = new_sid("LY")
        document = self._operator_document(sid, given, self._world.account_sid, self._world.account_sid)
        self._world.store.add(KIND, self._world.account_sid, sid, document)
        return json_answer(_operator(document, "/Custom", request), 202)

    async def update_operator(self, request: web.Request) -> web.Response:
        given = read_form(CUSTOM_FIELDS, await request.post(), creating=False)
        operator = copy.deepcopy(self._operator(request, "/Custom"))
        operator |= {**_decoded(given), "version": operator["version"] + 1}
        operator["date_updated"] = self._world.clock.now_text()
        self._world.store.replace(KIND, self._world.account_sid, operator["sid"], operator)
        return json_answer(_operator(operator, "/Custom", request), 202)

    async def delete_operator(self, request: web.Request) -> web.Response:
        operator = self._operator(request, "/Custom")
        self._world.store.delete(KIND, self._world.account_sid, operator["sid"])
        return web.Response(status=204)

    def _operator(self, request: web.Request, family: str) -> Document:
        found = self._world.store.get(KIND, self._world.account_sid, request.match_info["operator"])
        if found is None or family not in ("", _family(found)):
            raise not_found(request)
        return found

    def _document(self, operator: Operator) -> Document:
        given = {"friendly_name": operator.name, "operator_type": operator.operator_type, "config": "{}"}
        return self._operator_document(operator.sid, given, self._world.account_sid, operator.author)

    def _operator_document(self, sid: str, given: dict[str, Any], account_sid: str, author: str) -> Document:
        moment = self._world.clock.now_text()
        return {
            "account_sid": account_sid,
            "sid": sid,
            **_decoded(given),
            "description": "",
            "author": author,
            "version": 1,
            "availability": "public",
            "date_created": moment,
            "date_updated": moment,
        }

    # ---- types ----

    async def list_types(self, request: web.Request) -> web.Response:
        shown = [self._type(name, request) for name in OUTPUT_TYPES]
        page = read_page(self._world.store, Listing("OperatorTypes", "", "operator_types", limits=LIMITS), request)
        return json_answer({"operator_types": shown, "meta": page.meta})

    async def fetch_type(self, request: web.Request) -> web.Response:
        for name in OUTPUT_TYPES:
            if request.match_info["type"] in (name, derived_sid("EY", name)):
                return json_answer(self._type(name, request))
        raise not_found(request)

    def _type(self, name: str, request: web.Request) -> dict[str, Any]:
        sid = derived_sid("EY", name)
        return {
            "name": name,
            "sid": sid,
            "friendly_name": name.replace("-", " ").title(),
            "description": "",
            "docs_link": "https://www.twilio.com/docs/conversation-intelligence-classic",
            "output_type": OUTPUT_TYPES[name],
            "supported_languages": ["en", "es", "pt"],
            "provider": "twilio",
            "availability": "general-availability",
            "configurable": name in ("text-generation", "json"),
            "config_schema": {},
            "date_created": "2025-01-01T00:00:00Z",
            "date_updated": "2025-01-01T00:00:00Z",
            "url": f"{base_url(request)}{PREFIX}/OperatorTypes/{sid}",
        }


def _service(document: Document, request: web.Request) -> dict[str, Any]:
    shown = {key: value for key, value in document.items() if not key.startswith("_")}
    return {**shown, "url": f"{base_url(request)}{PREFIX}/Services/{document['sid']}"}


def _operator(document: Document, family: str, request: web.Request) -> dict[str, Any]:
    return {**document, "url": f"{base_url(request)}{PREFIX}/Operators{family}/{document['sid']}"}


def _family(operator: Document) -> str:
    return "/PreBuilt" if operator["author"] == "twilio" else "/Custom"


def _decoded(given: dict[str, Any]) -> dict[str, Any]:
    """The form's values with `config` as the object it describes. Raises Refusal when it is none."""
    if "config" not in given:
        return given
    config = msgspec.json.decode(given["config"])
    if not isinstance(config, dict):
        raise twilio_error(400, 20001, "Invalid parameter Config: must be a JSON object")
    return {**given, "config": config}
