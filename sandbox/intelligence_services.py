"""The Intelligence services of the account: their settings, and the operators attached to them."""

from __future__ import annotations

import copy
from typing import Any

from aiohttp import web

from sandbox.forms import read_form
from sandbox.operators import DEFAULT_OPERATORS
from sandbox.resources import Field
from sandbox.sids import new_sid
from sandbox.store import Document, NameTaken
from sandbox.twilio_product import Listing, Page, PageLimits, read_page, twilio_error
from sandbox.world import World

SERVICES = "IntelligenceServices"
METHODS = ("GET", "POST", "NULL")
FIELDS = (
    Field("UniqueName", "unique_name", required=True, max_chars=64),
    Field("FriendlyName", "friendly_name", max_chars=64),
    Field("AutoTranscribe", "auto_transcribe", "boolean"),
    Field("DataLogging", "data_logging", "boolean"),
    Field("LanguageCode", "language_code", on_update=False),
    Field("AutoRedaction", "auto_redaction", "boolean"),
    Field("MediaRedaction", "media_redaction", "boolean"),
    Field("WebhookUrl", "webhook_url"),
    Field("WebhookHttpMethod", "webhook_http_method", "choice", choices=METHODS),
    Field("EncryptionCredentialSid", "encryption_credential_sid"),
)
TEMPLATE: dict[str, Any] = {
    "friendly_name": "",
    "auto_redaction": False,
    "media_redaction": False,
    "auto_transcribe": False,
    "data_logging": False,
    "language_code": "en-US",
    "webhook_url": None,
    "webhook_http_method": "POST",
    "read_only_attached_operator_sids": [],
    "version": 1,
    "encryption_credential_sid": None,
}


class IntelligenceServices:
    """Services by sid or unique name. The first one is made at start, with all our operators attached."""

    def __init__(self, world: World, first_sid: str, first_webhook_url: str) -> None:
        self._world = world
        self._first_sid = first_sid
        self._first_webhook_url = first_webhook_url

    def make_first(self) -> None:
        """Makes the service that the account begins with; nothing happens when it exists."""
        if self.get(self._first_sid) is not None:
            return
        given = {
            "unique_name": "sandbox",
            "friendly_name": "Sandbox Intelligence",
            "read_only_attached_operator_sids": [operator.sid for operator in DEFAULT_OPERATORS],
        }
        self._add(self._first_sid, given)

    def default(self) -> Document:
        """The service whose transcripts the sandbox's own calls become."""
        found = self.get(self._first_sid)
        if found is not None:
            return found
        self.make_first()  # it was deleted: a call still needs one
        return self.default()

    def get(self, key: str) -> Document | None:
        return self._filled(self._world.store.get(SERVICES, self._world.account_sid, key))

    def list(self, request: web.Request) -> Page:
        """The page of services that the request names."""
        listing = Listing(SERVICES, self._world.account_sid, "services", limits=PageLimits(50, 1000))
        page = read_page(self._world.store, listing, request)
        filled = [found for document in page.documents if (found := self._filled(document)) is not None]
        return Page(filled, page.meta)

    def attached(self, sid: str) -> set[str]:
        """The sids of the operators that run on this service's transcripts."""
        service = self.get(sid)
        return set(service["read_only_attached_operator_sids"]) if service else set()

    def create(self, form: Any) -> Document:
        """A new service. Raises Refusal for a bad or taken value."""
        return self._add(new_sid("GA"), read_form(FIELDS, form, creating=True))

    def update(self, service: Document, form: Any) -> Document:
        """The service with the given values; its version is one higher. Raises Refusal."""
        given = read_form(FIELDS, form, creating=False)
        own_webhook = service.get("_own_webhook", False) or "webhook_url" in given
        return self.store({**service, **given, "_own_webhook": own_webhook})

    def store(self, service: Document) -> Document:
        """Stores a changed service as a new version."""
        changed = {
            **service,
            "version": service["version"] + 1,
            "date_updated": self._world.clock.now_text(),
        }
        try:
            self._world.store.replace(
                SERVICES, self._world.account_sid, changed["sid"], changed, changed["unique_name"]
            )
        except NameTaken as error:
            raise _taken(changed["unique_name"]) from error
        return changed

    def delete(self, service: Document) -> None:
        self._world.store.delete(SERVICES, self._world.account_sid, service["sid"])

    def _filled(self, service: Document | None) -> Document | None:
        """The first service posts to our own address, wherever that is today, until it is given another one."""
        if service is None or service["sid"] != self._first_sid or service.get("_own_webhook"):
            return service
        return {**service, "webhook_url": self._first_webhook_url}

    def _add(self, sid: str, given: dict[str, Any]) -> Document:
        moment = self._world.clock.now_text()
        service = {
            **copy.deepcopy(TEMPLATE),
            "account_sid": self._world.account_sid,
            "sid": sid,
            "date_created": moment,
            "date_updated": moment,
            **given,
        }
        try:
            self._world.store.add(SERVICES, self._world.account_sid, sid, service, service["unique_name"])
        except NameTaken as error:
            raise _taken(service["unique_name"]) from error
        return service


def _taken(name: str) -> Exception:
    return twilio_error(409, 20409, f"A service with the unique name {name} already exists")
