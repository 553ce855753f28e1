"""From a reported call to a finished transcript: queued, in progress, completed, webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from sandbox.assessment import assess
from sandbox.intelligence_services import IntelligenceServices
from sandbox.operators import results
from sandbox.reported_call import ReportedCall, Sentence
from sandbox.sids import date_text, derived_sid, new_sid
from sandbox.store import Condition, Document
from sandbox.world import World

TRANSCRIPTS = "Transcripts"
SENTENCES = "Sentences"
RESULTS = "OperatorResults"

EVENT_TYPE = "voice_intelligence_transcript_available"
STEP = timedelta(milliseconds=150)
UNFINISHED = ("queued", "in-progress")
AGENT_CHANNEL, CALLER_CHANNEL = 1, 2


class Transcription:
    """Makes transcripts of reported calls and announces them to the service's webhook.

    `step` is the time that each status takes; the next `failing` transcripts fail instead of being completed.
    """

    def __init__(self, world: World, services: IntelligenceServices) -> None:
        self._world = world
        self._store = world.store
        self._services = services
        self.step = STEP
        self.failing = 0
        self.when_finished: Callable[[ReportedCall], None] = lambda _: None
        world.agenda.on("transcript.begin", lambda payload: self._begin(payload["sid"]))
        world.agenda.on("transcript.finish", lambda payload: self._finish(payload["sid"]))

    def take(self, call: ReportedCall) -> str:
        """The transcript's sid. Stored at once as queued; the rest follows. The same call is taken once."""
        sid = derived_sid("GT", self._world.account_sid, call.call_sid)
        if self._get(sid) is None:
            self.add(self._queued(sid, call), call.sentences)
        return sid

    def add(self, document: Document, sentences: list[Sentence]) -> None:
        """Stores a queued transcript and plans its next step."""
        sid = document["sid"]
        with self._store.transaction():
            self._store.add(TRANSCRIPTS, self._world.account_sid, sid, document)
            for sentence in _sentences(sid, sentences):
                self._store.add(SENTENCES, sid, sentence["sid"], sentence)
            self._world.agenda.put("transcript.begin", sid, self.step, {"sid": sid})

    def requested(self, service: Document, channel: dict[str, Any], given: Mapping[str, Any]) -> Document:
        """A queued transcript that someone asked for, of the reported call that its channel names, if any."""
        media = channel["media_properties"]
        names = {media.get("source_sid"), *(media.get("reference_sids") or {}).values()} - {None}
        call = next((call for name in names if (call := self._reported(str(name)))), None)
        document = {
            **self._queued(new_sid("GT"), call or _unknown_call(self._world.clock.now())),
            "service_sid": service["sid"],
            "language_code": service["language_code"],
            "redaction": service["auto_redaction"],
            "data_logging": service["data_logging"],
            "channel": {"type": "voice", "participants": [], **channel},
            "customer_key": given.get("customer_key"),
        }
        document["media_start_time"] = given.get("media_start_time") or document["media_start_time"]
        if call is None:
            document["_call"] = None
        self.add(document, call.sentences if call else [])
        return document

    def _reported(self, name: str) -> ReportedCall | None:
        """The call with this sid, or the call of this session."""
        found = self._get(derived_sid("GT", self._world.account_sid, name))
        if found is None:
            of_session = Condition("channel.media_properties.source_sid", "=", name)
            documents = self._store.select(TRANSCRIPTS, self._world.account_sid, [of_session], limit=1)
            found = documents[0].body if documents else None
        return msgspec.convert(found["_call"], ReportedCall) if found and found.get("_call") else None

    def _begin(self, sid: str) -> None:
        if (document := self._get(sid)) is not None:
            self._set_status(document, "in-progress")
            self._world.agenda.put("transcript.finish", sid, self.step, {"sid": sid})

    def _finish(self, sid: str) -> None:
        document = self._get(sid)
        if document is None or document["status"] not in UNFINISHED:
            return
        if self.failing > 0 or document.get("_call") is None:
            self.failing = max(self.failing - 1, 0)
            self._set_status(document, "failed")
            return
        call = msgspec.convert(document["_call"], ReportedCall)
        attached = self._services.attached(document["service_sid"])
        with self._store.transaction():
            for result in results(call, assess(call), sid):
                if result["operator_sid"] in attached:
                    self._store.add(RESULTS, sid, result["operator_sid"], result)
            self._set_status(document, "completed")
        self._announce(document)
        self.when_finished(call)

    def _announce(self, document: Document) -> None:
        service = self._services.get(document["service_sid"]) or {}
        if not service.get("webhook_url") or service.get("webhook_http_method") == "NULL":
            return
        notice = {
            "account_sid": self._world.account_sid,
            "service_sid": document["service_sid"],
            "transcript_sid": document["sid"],
            "customer_key": document["customer_key"],
            "event_type": EVENT_TYPE,
        }
        self._world.deliveries.json(service["webhook_url"], msgspec.json.encode(notice), "intelligence")

    def _get(self, sid: str) -> Document | None:
        return self._store.get(TRANSCRIPTS, self._world.account_sid, sid)

    def _set_status(self, document: Document, status: str) -> None:
        document["status"] = status
        document["date_updated"] = self._world.clock.now_text()
        self._store.replace(TRANSCRIPTS, self._world.account_sid, document["sid"], document)

    def _queued(self, sid: str, call: ReportedCall) -> Document:
        moment = self._world.clock.now_text()
        service = self._services.default()
        return {
            "account_sid": self._world.account_sid,
            "service_sid": service["sid"],
            "sid": sid,
            "date_created": moment,
            "date_updated": moment,
            "status": "queued",
            "channel": _channel(call),
            "data_logging": service["data_logging"],
            "language_code": call.language,
            "customer_key": call.call_sid,
            "media_start_time": date_text(call.started_at),
            "duration": round(call.duration_s),
            "redaction": service["auto_redaction"],
            "encryption_credential_sid": None,
            "_call": msgspec.to_builtins(call),
        }


def _unknown_call(now: datetime) -> ReportedCall:
    return ReportedCall("", "", "", "", "en-US", now, 0.0, [])


def _channel(call: ReportedCall) -> dict[str, Any]:
    return {
        "type": "voice",
        "media_properties": {
            "source": "ConversationRelay",
            "source_sid": call.session_id,
            "reference_sids": {"call_sid": call.call_sid},
            "media_url": None,
        },
        "participants": [
            _participant(AGENT_CHANNEL, "Virtual Agent", "Virtual Agent"),
            _participant(CALLER_CHANNEL, call.caller, "Customer"),
        ],
    }


def _participant(channel: int, name: str, role: str) -> dict[str, Any]:
    return {
        "user_id": None,
        "channel_participant": channel,
        "media_participant_id": name,
        "image_url": None,
        "full_name": name,
        "role": role,
        "email": None,
    }


def _sentences(transcript_sid: str, sentences: list[Sentence]) -> Iterator[Document]:
    for index, sentence in enumerate(sentences):
        yield {
            "media_channel": AGENT_CHANNEL if sentence.speaker == "agent" else CALLER_CHANNEL,
            "sentence_index": index,
            "start_time": f"{sentence.start_s:.2f}",
            "end_time": f"{sentence.end_s:.2f}",
            "transcript": sentence.text,
            "sid": derived_sid("GX", transcript_sid, str(index)),
            "confidence": "1.00" if sentence.speaker == "agent" else "0.94",
            "words": list(_words(sentence)),
        }


def _words(sentence: Sentence) -> Iterator[dict[str, str]]:
    """Each word with its share of the sentence's time, by its letters."""
    words = sentence.text.split()
    letters = sum(len(word) for word in words) or 1
    at_s = sentence.start_s
    for word in words:
        end_s = at_s + (sentence.end_s - sentence.start_s) * len(word) / letters
        yield {"word": word, "start_time": f"{at_s:.2f}", "end_time": f"{end_s:.2f}"}
        at_s = end_s
