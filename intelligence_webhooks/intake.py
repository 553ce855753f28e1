"""Taking events in: each one once, and acknowledged only when its line is on the disk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
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
        ticket = self.begin(payload, delivery, replay_of)
        ticket.wait()
        return ticket.is_new

    def begin(self, payload: Payload, delivery: Delivery, replay_of: str = "") -> Ticket:
        """The event on its way to the disk; it may be acknowledged when its ticket has been waited for.

        Never blocks on the disk. Raises JournalFull when nothing more is taken.
        """
        event = _event(payload, delivery, replay_of)
        if self.is_erased(event):
            return Ticket(self, event, None, is_new=False)
        written, is_new = self._written(event)
        return Ticket(self, event, written, is_new)

    def is_erased(self, event: IntelEvent) -> bool:
        """True when the event is about somebody who was erased: it must not come in again."""
        if not len(self._tombstones):
            return False
        named = SID.findall(event.body.encode())
        sids = [sid.decode() for sid in named]
        return self._tombstones.covers([*keys_of(event), event.transcript_sid, *sids], event.at)

    def keep_rejected(self, reason: str, delivery: Delivery, detail: str) -> Future[None]:
        """A signed body that cannot be used, on its way to the dead letters. Raises JournalFull."""
        letter = DeadLetter(
            reason=reason, body=_text(delivery.body), headers=dict(delivery.headers), detail=detail
        )
        return self._dead_letters.append(letter)

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
                if written.done() and written.exception() is not None:  # whoever waits for it may not know yet
                    self._unsure.add(key)

    def settled(self, event: IntelEvent, written: Future[None], *, durable: bool) -> None:
        """Takes note of how the write of an event ended."""
        if not durable:
            with self._lock:
                self._forget(dict.fromkeys(keys_of(event), written))
                self._unsure.update(keys_of(event))
        elif self._unsure:
            with self._lock:
                self._unsure.difference_update(keys_of(event))


@dataclass(frozen=True, slots=True)
class Ticket:
    """An event on its way to the disk; `written` is None when it is long there."""

    intake: Intake
    event: IntelEvent
    written: Future[None] | None
    is_new: bool

    def wait(self) -> None:
        """Blocks until the event is durable. Raises JournalError when it is not."""
        if self.written is not None:
            with self._noting():
                self.written.result(WRITE_DEADLINE_S)

    async def arrive(self) -> None:
        """The same for asyncio: costs no thread while the disk works."""
        if self.written is not None:
            with self._noting():
                await arrived(self.written)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        assert self.written is not None  # noqa: S101 - both callers have asked
        try:
            yield
        except TimeoutError as error:
            raise JournalError("the disk does not answer") from error
        except JournalError:
            self.intake.settled(self.event, self.written, durable=False)
            raise
        self.intake.settled(self.event, self.written, durable=True)
        if self.is_new:
            self.intake.notify()


async def arrived(written: Future[None]) -> None:
    """Returns when the write has ended well. Raises JournalError, or TimeoutError for a disk that hangs."""
    # Not wrap_future with wait_for: they cost four times this, and who goes away first would cancel the write that
    # others wait for as well.
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def tell(_: Future[None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, waiter, None)

    written.add_done_callback(tell)
    deadline = loop.call_later(WRITE_DEADLINE_S, _settle, waiter, TimeoutError())
    try:
        await waiter
    finally:
        deadline.cancel()
    written.result(0)


def _settle(waiter: asyncio.Future[None], fault: Exception | None) -> None:
    if waiter.done():
        return
    if fault is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(fault)


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
