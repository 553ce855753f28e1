"""Taking events in: each one once, and acknowledged only when its line is on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from intelligence_webhooks.ledger import Ledger, keys_of
from intelligence_webhooks.payload import Payload
from shared.journal import Journal, JournalError
from shared.person import SID
from shared.records import DeadLetter, IntelEvent
from shared.tombstones import Tombstones

# Twilio waits 15 s in all; a disk that hangs longer than this is answered with 503.
WRITE_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it came, or what reconcile made in its place; `headers` are the ones kept, in lower case."""

    body: bytes
    headers: Mapping[str, str]


class Intake:
    """The way into the `intel_events` journal. Safe to use from any thread.

    Known events are those of the ledger and those still on their way to it: the ledger follows the journal, so
    that an event stays `in flight` here until `settle` has let the ledger catch up.
    """

    def __init__(self, events: Journal, dead_letters: Journal, ledger: Ledger, tombstones: Tombstones) -> None:
        self._events = events
        self._dead_letters = dead_letters
        self._ledger = ledger
        self._tombstones = tombstones
        self._lock = threading.Lock()
        self._in_flight: dict[str, Future[None]] = {}
        # Events whose write failed may stand in the file without being durable: a retry is written again.
        self._unsure: set[str] = set()
        self.notify: Callable[[], object] = lambda: None

    def accept(self, payload: Payload, delivery: Delivery, replay_of: str = "") -> bool:
        """True when the event is new and durable now, False when it was known (and durable) before, or erased.

        Raises JournalError when it could not be made durable; it must not be acknowledged then.
        """
        event = _event(payload, delivery, replay_of)
        if self.is_erased(event):
            return False
        written, is_new = self._written(event)
        if written is not None:
            self._wait(event, written)
        if is_new:
            self.notify()
        return is_new

    def is_erased(self, event: IntelEvent) -> bool:
        """True when the event is about somebody who was erased: it must not come in again."""
        if not len(self._tombstones):
            return False
        named = SID.findall(event.body.encode())
        return self._tombstones.covers([*keys_of(event), event.transcript_sid, *(sid.decode() for sid in named)])

    def keep_rejected(self, reason: str, delivery: Delivery, detail: str) -> None:
        """Keeps a signed body that cannot be used as a dead letter. Raises JournalError."""
        letter = DeadLetter(
            reason=reason, body=_text(delivery.body), headers=dict(delivery.headers), detail=detail
        )
        self._dead_letters.append(letter).result(WRITE_DEADLINE_S)
        self.notify()

    def settle(self) -> int:
        """Lets the ledger catch up and forgets the events that it knows by then; how many lines it took in."""
        with self._lock:
            done = {key: future for key, future in self._in_flight.items() if future.done()}
        taken = self._ledger.catch_up()
        with self._lock:
            self._forget(done)
        return taken

    def _written(self, event: IntelEvent) -> tuple[Future[None] | None, bool]:
        """The write to wait for, None when it is long done; and whether it is of this event."""
        keys = keys_of(event)
        with self._lock:
            if not event.replay_of:
                under_way = next((self._in_flight[key] for key in keys if key in self._in_flight), None)
                if under_way is not None:
                    return under_way, False
                if self._unsure.isdisjoint(keys) and self._ledger.knows(keys):
                    return None, False
            written = self._events.append(event)
            self._in_flight.update(dict.fromkeys(keys, written))
            return written, True

    def _forget(self, writes: Mapping[str, Future[None]]) -> None:
        for key, written in writes.items():
            if self._in_flight.get(key) is written:  # not a newer write of the same event
                del self._in_flight[key]

    def _wait(self, event: IntelEvent, written: Future[None]) -> None:
        try:
            written.result(WRITE_DEADLINE_S)
        except TimeoutError as error:
            raise JournalError("the disk does not answer") from error
        except JournalError:
            with self._lock:
                self._forget(dict.fromkeys(keys_of(event), written))
                self._unsure.update(keys_of(event))
            raise
        if self._unsure:
            with self._lock:
                self._unsure.difference_update(keys_of(event))


def _event(payload: Payload, delivery: Delivery, replay_of: str) -> IntelEvent:
    return IntelEvent(
        event_key=payload.natural_key,
        body=_text(delivery.body),
        headers=dict(delivery.headers),
        content_type=delivery.headers.get("content-type", ""),
        kind=payload.kind,
        transcript_sid=payload.transcript_sid,
        conversation_sid=payload.conversation_sid,
        replay_of=replay_of,
    )


def _text(body: bytes) -> str:
    """The body as text that JSON can hold; bytes that are no UTF-8 become visible escapes."""
    return body.decode("utf-8", "backslashreplace")
