"""The background worker: open events in, one result line each out, dead letters for what cannot be resolved."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from intelligence_webhooks.ledger import ERASED
from intelligence_webhooks.ledger_views import Work
from intelligence_webhooks.metrics import RESOLVE_SECONDS, RESOLVED
from intelligence_webhooks.payload import parse_execution
from intelligence_webhooks.results import (
    call_sid_of,
    result_of_encrypted,
    result_of_execution,
    result_of_transcript,
)
from intelligence_webhooks.schedule import NeverCompleted, NotCompleted, Schedule, reason_of
from intelligence_webhooks.store import Store
from intelligence_webhooks.twilio_reads import READ_FAULTS, BadAnswer, NotFound, TwilioReads
from intelligence_webhooks.wire import Transcript, channel_of
from shared.journal import JournalError
from shared.records import DeadLetter, IntelResult
from shared.telemetry import get_logger

CONCURRENT_EVENTS = 8
POLL_S = 0.2
# What arrives within this time is taken into the ledger at once: under load a hundred events cost one transaction.
GATHER_S = 0.03
DISK_PAUSE_S = 1.0
FAULTS = (*READ_FAULTS, NotCompleted, NeverCompleted)
UNFINISHED = {"queued", "in-progress", "new"}
log = get_logger("resolver")


class Erased(Exception):
    """The transcript is about somebody who was erased; the message names its sid."""


class Resolver:
    """Resolves what the ledger lists as open; its state is the ledger's, so that it may be stopped at any time."""

    def __init__(self, store: Store, reads: TwilioReads, schedule: Schedule | None = None) -> None:
        self._store = store
        self._reads = reads
        self._schedule = schedule or Schedule()
        self._wake = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._follows = True
        self._loop = asyncio.get_running_loop()
        store.intake.notify = self.wake

    def wake(self) -> None:
        """Says that there is something new; safe to call from any thread."""
        self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Works until it is cancelled, then lets go of what it was doing; the events stay open."""
        try:
            while True:
                self._wake.clear()
                await self._start_due_work()
                # Not wait_for: before Python 3.12 it may swallow a cancellation that comes with the wake-up.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()
                        await asyncio.sleep(GATHER_S)
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due_work(self) -> None:
        free = CONCURRENT_EVENTS - len(self._busy)
        for work in await asyncio.to_thread(self._due_work, free, list(self._busy)):
            self._busy[work.subject] = asyncio.create_task(self._handle(work))

    def _due_work(self, limit: int, busy: Sequence[str]) -> list[Work]:
        """What may be started now; nothing while the ledger's file cannot be used.

        The ledger catches up first, so that what was answered since is open no more; what is being answered
        meanwhile is among `busy`.
        """
        try:
            self._store.intake.settle()
            work = self._store.ledger.due(limit, busy) if limit > 0 else []
        except (sqlite3.Error, OSError) as error:  # the derived file's disk; the journals are not affected
            if self._follows:  # once, since a full disk holds the logs as well
                log.exception("the ledger cannot follow the journals")
            self._follows = False
            self._store.readiness.set_failed("ledger", type(error).__name__)
            return []
        self._follows = True
        self._store.readiness.clear("ledger")
        return work

    async def _handle(self, work: Work) -> None:
        """One event from open to answered or postponed. The outermost shell of an event: logs and lets go."""
        try:
            await self._try(work)
        except (JournalError, sqlite3.Error, OSError) as error:
            log.error("event stays open, it could not be stored", event_id=work.event.id, error=str(error))
            await asyncio.sleep(DISK_PAUSE_S)
        finally:
            del self._busy[work.subject]
            self._wake.set()

    async def _try(self, work: Work) -> None:
        try:
            result = await self._result(work)
        except Erased as fault:
            await self._leave_erased(work, str(fault))
            return
        except FAULTS as fault:
            await self._failed(work, fault)
            return
        except Exception as error:  # a poison event must not stop the others
            log.exception("event failed", event_id=work.event.id)
            await self._failed(work, error)
            return
        await self._store.results.commit(result)
        RESOLVED.labels("result").inc()
        RESOLVE_SECONDS.observe(max(0.0, time.time() - work.event.at.timestamp()))
        log.info("resolved", transcript_sid=result.transcript_sid, call_sid=result.call_sid)

    async def _result(self, work: Work) -> IntelResult:
        event = work.event
        if event.kind == "v3":
            execution = parse_execution(event.body)
            previous = self._store.ledger.result(execution.conversation_id)
            return result_of_execution(event.id, execution, previous, self._store.rules)
        return await self._read_transcript(event.id, work.subject)

    async def _read_transcript(self, event_id: str, sid: str) -> IntelResult:
        transcript = await self._reads.transcript(sid)
        if transcript.status in UNFINISHED:
            raise NotCompleted(f"the transcript is {transcript.status}")
        if transcript.status != "completed":
            raise NeverCompleted(f"the transcript is {transcript.status}")
        if self._is_erased(transcript):
            raise Erased(sid)
        try:
            sentences, operator_results = await asyncio.gather(
                self._reads.sentences(sid), self._reads.operator_results(sid)
            )
        except (NotFound, BadAnswer):
            if transcript.encryption_credential_sid is None:
                raise
            return result_of_encrypted(event_id, transcript, self._store.rules)
        return result_of_transcript(event_id, transcript, sentences, operator_results, self._store.rules)

    def _is_erased(self, transcript: Transcript) -> bool:
        """True when the call was erased, or its caller after the call: reconcile may have found the transcript."""
        tombstones = self._store.tombstones
        channel = channel_of(transcript.channel)
        at = transcript.media_start_time or transcript.date_created or datetime.min.replace(tzinfo=UTC)
        if tombstones.covers([transcript.sid, call_sid_of(channel, transcript.customer_key)]):
            return True
        numbers = [transcript.customer_key, *(person.media_participant_id for person in channel.participants)]
        return any(tombstones.covers_phone(number, at) for number in numbers if number)

    async def _leave_erased(self, work: Work, sid: str) -> None:
        """Answers the event for good; nothing of the transcript is kept but its tombstone."""
        store = self._store
        await asyncio.to_thread(store.tombstones.add, store.settings.service, [("sid", sid)])
        await store.dead_letters.commit(DeadLetter(reason=ERASED, event_id=work.event.id))
        log.info("left out, it was erased", event_id=work.event.id)

    async def _failed(self, work: Work, fault: Exception) -> None:
        delay_s = self._schedule.delay_s(work.tries, fault)
        if delay_s is not None:
            RESOLVED.labels("postponed").inc()
            self._store.ledger.postpone(work.event.id, delay_s)
            return
        letter = DeadLetter(
            reason=reason_of(fault),
            event_id=work.event.id,
            body=work.event.body,
            headers=work.event.headers,
            detail=f"{fault} (try {work.tries + 1})",
        )
        await self._store.dead_letters.commit(letter)
        RESOLVED.labels("dead_letter").inc()
        log.warning("dead letter", event_id=work.event.id, reason=letter.reason)
