"""Twilio Intelligence v2: transcripts of the simulated calls, their sentences and operator results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from sandbox.operators import OPERATORS
from sandbox.product import Handler, json_answer
from sandbox.sids import date_text, is_sid, now_text, parse_date
from sandbox.store import Condition, Document, Store
from sandbox.twilio_product import (
    Listing,
    PageLimits,
    base_url,
    not_found,
    query_conditions,
    read_page,
    twilio_error,
)

PREFIX = "/intelligence/v2"
TRANSCRIPTS = "Transcripts"
SENTENCES = "Sentences"
RESULTS = "OperatorResults"
FILTERS = {
    "ServiceSid": Condition("service_sid", "=", ""),
    "Status": Condition("status", "=", ""),
    "LanguageCode": Condition("language_code", "=", ""),
    "SourceSid": Condition("channel.media_properties.source_sid", "=", ""),
}
DATE_FILTERS = {
    "AfterDateCreated": Condition("date_created", ">=", ""),
    "BeforeDateCreated": Condition("date_created", "<=", ""),
    "AfterStartTime": Condition("media_start_time", ">=", ""),
    "BeforeStartTime": Condition("media_start_time", "<=", ""),
}


class IntelligenceApi:
    """The read side of Intelligence over the store; calls are put there by `transcripts.Transcription`."""

    def __init__(self, store: Store, account_sid: str, service_sid: str, webhook_url: str) -> None:
        self._store = store
        self._account_sid = account_sid
        self._service_sid = service_sid
        self._webhook_url = webhook_url
        self._made_at = now_text()

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        transcript = f"{PREFIX}/Transcripts/{{transcript}}"
        yield "GET", f"{PREFIX}/Services", self.list_services
        yield "GET", f"{PREFIX}/Services/{{service}}", self.fetch_service
        yield "GET", f"{PREFIX}/Transcripts", self.list_transcripts
        yield "GET", transcript, self.fetch_transcript
        yield "GET", f"{transcript}/Media", self.fetch_media
        yield "GET", f"{transcript}/Sentences", self.list_sentences
        yield "GET", f"{transcript}/OperatorResults", self.list_results
        yield "GET", f"{transcript}/OperatorResults/{{operator}}", self.fetch_result

    # ---- services ----

    async def list_services(self, request: web.Request) -> web.Response:
        page = read_page(self._store, Listing("IntelligenceServices", "", "services"), request)
        return json_answer({"services": [self._service(request)], "meta": page.meta})

    async def fetch_service(self, request: web.Request) -> web.Response:
        if request.match_info["service"] not in (self._service_sid, "sandbox"):
            raise not_found(request)
        return json_answer(self._service(request))

    def _service(self, request: web.Request) -> dict[str, Any]:
        return {
            "account_sid": self._account_sid,
            "sid": self._service_sid,
            "unique_name": "sandbox",
            "friendly_name": "Sandbox Intelligence",
            "auto_redaction": False,
            "media_redaction": False,
            "auto_transcribe": False,
            "data_logging": False,
            "language_code": "en-US",
            "webhook_url": self._webhook_url,
            "webhook_http_method": "POST",
            "read_only_attached_operator_sids": [operator.sid for operator in OPERATORS],
            "version": 1,
            "encryption_credential_sid": None,
            "date_created": self._made_at,
            "date_updated": self._made_at,
            "url": f"{base_url(request)}{PREFIX}/Services/{self._service_sid}",
        }

    # ---- transcripts ----

    async def list_transcripts(self, request: web.Request) -> web.Response:
        listing = Listing(
            kind=TRANSCRIPTS,
            scope=self._account_sid,
            key="transcripts",
            conditions=[*query_conditions(request.query, FILTERS), *_date_conditions(request)],
            descending=True,
            limits=PageLimits(50, 1000),
        )
        page = read_page(self._store, listing, request)
        shown = [_present_transcript(document, request) for document in page.documents]
        return json_answer({"transcripts": shown, "meta": page.meta})

    async def fetch_transcript(self, request: web.Request) -> web.Response:
        return json_answer(_present_transcript(self._transcript(request), request))

    async def fetch_media(self, request: web.Request) -> web.Response:
        """ConversationRelay transcripts have no audio: `media_url` is null."""
        transcript = self._transcript(request)
        url = f"{_transcript_url(transcript, request)}/Media"
        shown = {name: transcript[name] for name in ("account_sid", "service_sid", "sid")}
        return json_answer({**shown, "media_url": None, "url": url})

    async def list_sentences(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        listing = Listing(SENTENCES, transcript["sid"], "sentences", limits=PageLimits(50, 5000))
        page = read_page(self._store, listing, request)
        with_words = request.query.get("WordTimestamps", "").lower() == "true"
        shown = [{**document, "words": document["words"] if with_words else None} for document in page.documents]
        return json_answer({"sentences": shown, "meta": page.meta})

    async def list_results(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        listing = Listing(RESULTS, transcript["sid"], "operator_results", limits=PageLimits(50, 1000))
        page = read_page(self._store, listing, request)
        shown = [_present_result(document, request) for document in page.documents]
        return json_answer({"operator_results": shown, "meta": page.meta})

    async def fetch_result(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        document = self._store.get(RESULTS, transcript["sid"], request.match_info["operator"])
        if document is None:
            raise not_found(request)
        return json_answer(_present_result(document, request))

    def _transcript(self, request: web.Request) -> Document:
        sid = request.match_info["transcript"]
        document = self._store.get(TRANSCRIPTS, self._account_sid, sid) if is_sid(sid, "GT") else None
        if document is None:
            raise not_found(request)
        return document


def _date_conditions(request: web.Request) -> list[Condition]:
    conditions = []
    for condition in query_conditions(request.query, DATE_FILTERS):
        try:
            value = date_text(parse_date(condition.value))
        except ValueError as error:
            raise twilio_error(400, 20001, f"Invalid date {condition.value}") from error
        conditions.append(Condition(condition.field, condition.comparison, value))
    return conditions


def _transcript_url(transcript: Document, request: web.Request) -> str:
    return f"{base_url(request)}{PREFIX}/Transcripts/{transcript['sid']}"


def _present_transcript(document: Document, request: web.Request) -> dict[str, Any]:
    url = _transcript_url(document, request)
    links = {"media": "Media", "sentences": "Sentences", "operator_results": "OperatorResults"}
    shown = {key: value for key, value in document.items() if not key.startswith("_")}
    return {**shown, "url": url, "links": {name: f"{url}/{path}" for name, path in links.items()}}


def _present_result(document: Document, request: web.Request) -> dict[str, Any]:
    base = f"{base_url(request)}{PREFIX}/Transcripts/{document['transcript_sid']}"
    return {**document, "url": f"{base}/OperatorResults/{document['operator_sid']}"}
