"""Tells the journal, the call book, the recovery and the dashboard what happens in calls."""

from __future__ import annotations

from typing import Any

import msgspec

from relay_server.call_book import CallBook
from relay_server.metrics import LOST_RECORDS, count_record
from relay_server.recovery import Recovery
from shared.journal import Journal, JournalError
from shared.live_feed import LiveFeed
from shared.records import CallEnded, CallRecord, Turn, encode
from shared.telemetry import get_logger

log = get_logger("observer")


def _report(record: CallRecord, error: BaseException | None) -> None:
    """Counts a record that the journal or the disk did not take; also called in the writer's thread."""
    if error is not None:
        LOST_RECORDS.inc()
        log.error("record not journalled", kind=type(record).__name__, call_sid=record.call_sid, reason=str(error))


class CallObserver:
    """The one place every record of a call passes. A voice turn never waits for the disk."""

    def __init__(self, journal: Journal, book: CallBook, recovery: Recovery, feed: LiveFeed) -> None:
        self._journal = journal
        self._book = book
        self._recovery = recovery
        self._feed = feed

    def record(self, record: CallRecord) -> None:
        """Journals a record and shows it; one the journal does not take is counted and the call goes on."""
        if isinstance(record, CallEnded):
            record = self._with_costs(record)
        try:
            written = self._journal.append(record)
        except JournalError as error:
            _report(record, error)
        else:
            written.add_done_callback(lambda done: _report(record, done.exception()))
        before = self._book.turn(record.call_sid, record.turn) if isinstance(record, Turn) else None
        count_record(record, before)
        self._book.apply(record)
        self._recovery.apply(record)
        self._feed.publish("record", encode(record))
        view = self._book.view(record.call_sid)
        if view is not None:
            self._feed.publish("call", msgspec.json.encode(view))

    def _with_costs(self, record: CallEnded) -> CallEnded:
        """The end of a call with what all its turns took, those before a resume included."""
        view = self._book.view(record.call_sid)
        if view is None:
            return record
        return msgspec.structs.replace(record, usage=view.usage, cost_usd=view.cost_usd)

    def text(self, call_sid: str, turn: int, token: str) -> None:
        self._publish("text", {"call_sid": call_sid, "turn": turn, "token": token})

    def heard(self, call_sid: str, turn: int, heard_text: str) -> None:
        self._publish("heard", {"call_sid": call_sid, "turn": turn, "heard_text": heard_text})

    def _publish(self, topic: str, data: dict[str, Any]) -> None:
        self._feed.publish(topic, msgspec.json.encode(data))
