"""From a reported call to a finished transcript: queued, in progress, completed, webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.assessment import assess
from sandbox.deliveries import Deliveries
from sandbox.intelligence import RESULTS, SENTENCES, TRANSCRIPTS
from sandbox.operators import results
from sandbox.reported_call import ReportedCall, Sentence
from sandbox.sids import date_text, derived_sid, now_text
from sandbox.store import Document, Store

EVENT_TYPE = "voice_intelligence_transcript_available"
STEP_S = 0.15
AGENT_CHANNEL, CALLER_CHANNEL = 1, 2


class Transcription:
    """Makes transcripts of reported calls and announces them to the Intelligence webhook."""

    def __init__(
        self, store: Store, deliveries: Deliveries, account_sid: str, service_sid: str, webhook_url: str
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._account_sid = account_sid
        self._service_sid = service_sid
        self._webhook_url = webhook_url
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, call: ReportedCall) -> str:
        """The transcript's sid. Stored at once as queued; the rest follows. The same call is taken once."""
        sid = derived_sid("GT", self._account_sid, call.call_sid)
        if self._store.get(TRANSCRIPTS, self._account_sid, sid) is None:
            document = self._queued(sid, call)
            with self._store.transaction():
                self._store.add(TRANSCRIPTS, self._account_sid, sid, document)
                for sentence in _sentences(sid, call.sentences):
                    self._store.add(SENTENCES, sid, sentence["sid"], sentence)
            self._start(document)
        return sid

    def resume(self) -> None:
        """Goes on with transcripts that a stop left unfinished."""
        for found in self._store.select(TRANSCRIPTS, self._account_sid):
            if found.body["status"] != "completed":
                self._start(found.body)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, document: Document) -> None:
        task = asyncio.create_task(self._transcribe(document))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _transcribe(self, document: Document) -> None:
        await asyncio.sleep(STEP_S)
        self._set_status(document, "in-progress")
        await asyncio.sleep(STEP_S)
        call = msgspec.convert(document["_call"], ReportedCall)
        with self._store.transaction():
            for result in results(call, assess(call), document["sid"]):
                self._store.add(RESULTS, document["sid"], result["operator_sid"], result)
            self._set_status(document, "completed")
        self._announce(document)

    def _announce(self, document: Document) -> None:
        notice = {
            "account_sid": self._account_sid,
            "service_sid": self._service_sid,
            "transcript_sid": document["sid"],
            "customer_key": document["customer_key"],
            "event_type": EVENT_TYPE,
        }
        self._deliveries.json(self._webhook_url, msgspec.json.encode(notice))

    def _set_status(self, document: Document, status: str) -> None:
        document["status"] = status
        document["date_updated"] = now_text()
        self._store.replace(TRANSCRIPTS, self._account_sid, document["sid"], document)

    def _queued(self, sid: str, call: ReportedCall) -> Document:
        moment = now_text()
        return {
            "account_sid": self._account_sid,
            "service_sid": self._service_sid,
            "sid": sid,
            "date_created": moment,
            "date_updated": moment,
            "status": "queued",
            "channel": _channel(call),
            "data_logging": False,
            "language_code": call.language,
            "customer_key": call.call_sid,
            "media_start_time": date_text(call.started_at),
            "duration": round(call.duration_s),
            "redaction": False,
            "encryption_credential_sid": None,
            "_call": msgspec.to_builtins(call),
        }


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
