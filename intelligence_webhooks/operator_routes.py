"""What operators ask and do: status, results, dead letters, replay, reconcile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from flask import Request, Response

from intelligence_webhooks import payload
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.payload import BadPayload, Payload
from intelligence_webhooks.reconcile import AlreadyRunning, Report, reconcile
from intelligence_webhooks.replies import audit, json_reply, read_json
from intelligence_webhooks.store import Store
from intelligence_webhooks.twilio_reads import READ_FAULTS, TwilioReads
from shared.journal import JournalError
from shared.problem import Problem
from shared.records import DeadLetter, IntelResult

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
RECONCILE_TIMEOUT_S = 60.0
POLL_S = 0.1
FORM = "application/x-www-form-urlencoded"
Listed = TypeVar("Listed", IntelResult, DeadLetter)


class Stopping(Exception):
    """The service has been told to stop."""


class Since(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /reconcile: how far back to look; absent means the watermark less a day."""

    since: datetime | None = None


def status(store: Store, _: Request) -> Response:
    """Counts over everything the journals hold; duplicates and rejected since this process started."""
    totals = msgspec.to_builtins(store.ledger.totals())
    tally = store.tally
    return json_reply(
        {
            **totals,
            "duplicates": tally.count("duplicate"),
            "rejected": tally.count("refused", "malformed"),
            "watermark": store.ledger.watermark,
        }
    )


def data(store: Store, request: Request) -> Response:
    """The current result of each transcript or conversation, newest first."""
    limit = _limit(request)
    return _page(store.ledger.results(limit + 1, request.args.get("cursor")), limit)


def dead_letters(store: Store, request: Request) -> Response:
    """What could not be accepted or resolved and waits for a decision, newest first."""
    limit = _limit(request)
    return _page(store.ledger.dead_letters(limit + 1, request.args.get("cursor")), limit)


def replay(store: Store, request: Request, letter_id: str) -> Response:
    """202 when the dead letter is open work again, under the event's own key.

    Raises Problem 404, 409 when it was replayed before or still cannot be used.
    """
    letter = store.ledger.dead_letter(letter_id)
    if letter is None:
        raise Problem(404, "There is no dead letter with this id.", code=40400)
    if store.ledger.is_replayed(letter_id):
        raise Problem(409, "This dead letter has been replayed already.", code=40900)
    parsed = _parsed(letter)
    try:
        store.intake.accept(parsed, Delivery(letter.body.encode(), letter.headers), replay_of=letter.id)
        store.intake.settle()
    except JournalError as error:
        raise Problem(503, "The replay could not be stored.", code=50300, headers={"Retry-After": "5"}) from error
    audit(store, request, "dead_letter_replayed", letter_id)
    return json_reply({"id": letter_id, "event_key": parsed.natural_key}, status=202)


def run_reconcile(store: Store, request: Request) -> Response:
    """What the reconcile listed and filled, when it is through. Raises Problem 400, 409, 502 or 503."""
    body = read_json(request, Since) if request.content_length else Since()
    since = body.since
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    try:
        report = asyncio.run(_reconcile(store, since))
    except AlreadyRunning:
        raise Problem(409, "A reconcile is under way.", code=40900) from None
    except Stopping as error:
        raise Problem(503, "The service is stopping.", code=50300, headers={"Retry-After": "5"}) from error
    except (*READ_FAULTS, TimeoutError) as fault:
        raise Problem(502, "Twilio could not be asked for its transcripts.", code=50200) from fault
    except JournalError as error:
        raise Problem(503, "Not everything could be stored.", code=50300, headers={"Retry-After": "5"}) from error
    audit(store, request, "reconciled", outcome=f"{report.filled} of {report.listed}")
    return json_reply(report)


async def _reconcile(store: Store, since: datetime | None) -> Report:
    """The report of one pass. Raises Stopping when the service is told to stop, which must not wait for this."""
    async with asyncio.timeout(RECONCILE_TIMEOUT_S), TwilioReads(store.account) as reads:
        work = asyncio.create_task(reconcile(store, reads, since))
        while not work.done():
            await asyncio.wait({work}, timeout=POLL_S)
            if store.readiness.draining and work.cancel():
                await asyncio.gather(work, return_exceptions=True)
                raise Stopping
        return work.result()


def _parsed(letter: DeadLetter) -> Payload:
    try:
        if letter.headers.get("content-type", "").startswith(FORM):
            return payload.parse_form(letter.body.encode())
        return payload.parse(letter.body.encode())
    except BadPayload as fault:
        raise Problem(409, f"This body still cannot be used: {fault}.", code=40900) from fault


def _limit(request: Request) -> int:
    """The page size asked for; larger ones are cut. Raises Problem 400."""
    text = request.args.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        raise Problem(400, "limit must be a positive whole number.", code=40000)
    return min(int(text[:9]), MAX_LIMIT)


def _page(found: Sequence[Listed], limit: int) -> Response:
    """The page, and the cursor of the next one when there is one more row than asked for."""
    items: list[Any] = list(found[:limit])
    return json_reply({"items": items, "nextCursor": items[-1].id if len(found) > limit else None})
