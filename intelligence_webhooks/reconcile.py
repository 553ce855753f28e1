"""Filling gaps: transcripts that Twilio has and no webhook told us about."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec

from intelligence_webhooks import payload
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.store import Store
from intelligence_webhooks.twilio_reads import READ_FAULTS, TwilioReads
from shared.journal import JournalError
from shared.records import utc_now
from shared.telemetry import get_logger

LOOK_BACK = timedelta(hours=24)
INTERVAL_S = 15 * 60.0
log = get_logger("reconcile")


class AlreadyRunning(Exception):
    """Another reconcile is under way."""


class Report(msgspec.Struct):
    """What a reconcile did: transcripts listed since a time, and those of them that were missing here."""

    since: datetime
    listed: int = 0
    filled: int = 0


async def reconcile(store: Store, reads: TwilioReads, since: datetime | None = None) -> Report:
    """One pass over the transcripts since the watermark less a day, or since `since`; takes in unknown ones.

    The watermark moves only when the pass came to its end. Raises AlreadyRunning, JournalError, or what
    TwilioReads raises.
    """
    if not store.reconciling.acquire(blocking=False):
        raise AlreadyRunning
    try:
        return await _one_pass(store, reads, since)
    finally:
        store.reconciling.release()


async def reconcile_regularly(store: Store, reads: TwilioReads, interval_s: float = INTERVAL_S) -> None:
    """Reconciles at once and then at every interval, until it is cancelled. Faults are logged and survived."""
    while True:
        try:
            await reconcile(store, reads)
        except (*READ_FAULTS, JournalError, AlreadyRunning) as fault:
            log.warning("reconcile failed", reason=str(fault) or type(fault).__name__)
        await asyncio.sleep(interval_s)


async def _one_pass(store: Store, reads: TwilioReads, since: datetime | None) -> Report:
    started_at = utc_now()
    watermark = store.ledger.watermark
    report = Report(since=since or (watermark or started_at) - LOOK_BACK)
    cleared = store.ledger.archived_until
    if cleared is not None:  # what was cleared was known or unwanted: it does not come back
        report.since = max(report.since, cleared)
    async for sid in reads.transcript_sids(report.since, store.account.intelligence_service_sid):
        report.listed += 1
        if not store.ledger.has_result(sid) and await asyncio.to_thread(_fill, store, sid):
            report.filled += 1
    store.ledger.move_watermark(max(started_at, watermark or started_at))
    log.info("reconciled", listed=report.listed, filled=report.filled)
    return report


def _fill(store: Store, sid: str) -> bool:
    """True when the transcript was unknown; its event then has the key that a late webhook will have."""
    body = msgspec.json.encode({"transcript_sid": sid, "event_type": payload.V2_EVENT})
    headers = {"content-type": "application/json", "x-origin": "reconcile"}
    return store.intake.accept(payload.parse(body), Delivery(body, headers))
