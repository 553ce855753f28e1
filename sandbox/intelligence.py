"""Twilio Intelligence v2: transcripts of the simulated calls, their sentences and operator results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from aiohttp import web

from sandbox.forms import read_form
from sandbox.intelligence_services import IntelligenceServices
from sandbox.product import Handler, json_answer
from sandbox.redaction import redacted
from sandbox.resources import Field
from sandbox.sids import date_text, is_sid, parse_date
from sandbox.store import Condition, Document
from sandbox.transcripts import RESULTS, SENTENCES, TRANSCRIPTS, Transcription
from sandbox.twilio_product import (
    Listing,
    PageLimits,
    base_url,
    not_found,
    query_conditions,
    read_page,
    twilio_error,
)
from sandbox.world import World

PREFIX = "/intelligence/v2"
CREATE_FIELDS = (
    Field("ServiceSid", "service_sid", required=True),
    Field("Channel", "channel", "json", required=True),
    Field("CustomerKey", "customer_key", max_chars=64),
    Field("MediaStartTime", "media_start_time", "date"),
)
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
    """Transcripts over the store; calls are put there by `transcripts.Transcription`."""

    def __init__(self, world: World, services: IntelligenceServices, transcription: Transcription) -> None:
        self._world = world
        self._store = world.store
        self._account_sid = world.account_sid
        self._services = services
        self._transcription = transcription

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        transcript = f"{PREFIX}/Transcripts/{{transcript}}"
        yield "GET", f"{PREFIX}/Transcripts", self.list_transcripts
        yield "POST", f"{PREFIX}/Transcripts", self.create_transcript
        yield "GET", transcript, self.fetch_transcript
        yield "DELETE", transcript, self.delete_transcript
        yield "GET", f"{transcript}/Media", self.fetch_media
        yield "GET", f"{transcript}/Sentences", self.list_sentences
        yield "GET", f"{transcript}/OperatorResults", self.list_results
        yield "GET", f"{transcript}/OperatorResults/{{operator}}", self.fetch_result

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

    async def create_transcript(self, request: web.Request) -> web.Response:
        """Asks for a transcript of a recording. There is no audio here: it is completed when the channel names a
        call that was reported (by its sid or its session's), and fails otherwise."""
        given = read_form(CREATE_FIELDS, await request.post(), creating=True)
        service = self._services.get(given["service_sid"])
        if service is None:
            raise twilio_error(400, 20001, f"Invalid parameter ServiceSid: there is no {given['service_sid']}")
        document = self._transcription.requested(service, _channel(given["channel"]), given)
        return json_answer(_present_transcript(document, request), 202)

    async def delete_transcript(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        with self._store.transaction():
            self._store.delete_scope(transcript["sid"])
            self._store.delete(TRANSCRIPTS, self._account_sid, transcript["sid"])
        return web.Response(status=204)

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
        hidden = _wants_redaction(transcript, request)
        shown = [_present_sentence(document, hidden, with_words) for document in page.documents]
        return json_answer({"sentences": shown, "meta": page.meta})

    async def list_results(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        listing = Listing(RESULTS, transcript["sid"], "operator_results", limits=PageLimits(50, 1000))
        page = read_page(self._store, listing, request)
        hidden = _wants_redaction(transcript, request)
        shown = [_present_result(document, hidden, request) for document in page.documents]
        return json_answer({"operator_results": shown, "meta": page.meta})

    async def fetch_result(self, request: web.Request) -> web.Response:
        transcript = self._transcript(request)
        document = self._store.get(RESULTS, transcript["sid"], request.match_info["operator"])
        if document is None:
            raise not_found(request)
        return json_answer(_present_result(document, _wants_redaction(transcript, request), request))

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


def _wants_redaction(transcript: Document, request: web.Request) -> bool:
    """True when the transcript is a redacted one and the request does not ask for the words as they were."""
    return bool(transcript["redaction"]) and request.query.get("Redacted", "true").lower() != "false"


def _present_sentence(document: Document, hidden: bool, with_words: bool) -> dict[str, Any]:
    text = redacted(document["transcript"]) if hidden else document["transcript"]
    words = document["words"] if with_words and not hidden else None
    return {**document, "transcript": text, "words": words}


def _present_result(document: Document, hidden: bool, request: web.Request) -> dict[str, Any]:
    """The result with its address. Of a redacted text only its operator's name is left, as in real accounts."""
    base = f"{base_url(request)}{PREFIX}/Transcripts/{document['transcript_sid']}"
    shown = {**document, "url": f"{base}/OperatorResults/{document['operator_sid']}"}
    text = document["text_generation_results"]
    if hidden and text is not None and redacted(text["result"]) != text["result"]:
        shown["text_generation_results"] = {**text, "result": f"[Redacted:{document['name']}]"}
    return shown


def _channel(text: str) -> dict[str, Any]:
    channel = msgspec.json.decode(text)
    if not isinstance(channel, dict) or not isinstance(channel.get("media_properties"), dict):
        raise twilio_error(400, 20001, "Invalid parameter Channel: must be an object with media_properties")
    return channel
