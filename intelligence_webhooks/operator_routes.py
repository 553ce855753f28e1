"""What operators do: replay dead letters, one or many, and reconcile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

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
from shared.records import DeadLetter

MAX_REPLAYS = 1000
RECONCILE_TIMEOUT_S = 60.0
POLL_S = 0.1
FORM = "application/x-www-form-urlencoded"


class Stopping(Exception):
    """The service has been told to stop."""


class ReplayMany(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a bulk replay: these letters, or all (of one reason), at most `limit`."""

    reason: str = ""
    ids: list[str] | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_REPLAYS)] = MAX_REPLAYS


class NotReplayed(msgspec.Struct):
    id: str
    why: str


class ReplayReport(msgspec.Struct):
    """What a bulk replay did."""

    replayed: list[str] = []
    failed: list[NotReplayed] = []
    more: bool = False


class Since(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /reconcile: how far back to look; absent means the watermark less a day."""

    since: datetime | None = None


def replay(store: Store, request: Request, letter_id: str) -> Response:
    """202 when the dead letter is open work again, under the event's own key.

    Raises Problem 404, 409 when it was replayed before or still cannot be used, 410 when it was erased.
    """
    letter = store.ledger.dead_letter(letter_id)
    if letter is None:
        raise Problem(404, "There is no dead letter with this id.", code=40400)
    event_key = _replay(store, letter)
    store.intake.settle()
    audit(store, request, "dead_letter_replayed", letter_id)
    return json_reply({"id": letter_id, "event_key": event_key}, status=202)


def replay_many(store: Store, request: Request) -> Response:
    """202 with what was replayed and what could not be, oldest first; `more` says that letters are left.

    Raises Problem 503 when the disk refuses; what was replayed until then stays so.
    """
    asked = read_json(request, ReplayMany) if request.content_length else ReplayMany()
    where = {"reason = ?": asked.reason} if asked.reason else {}
    if asked.ids is None:
        found = store.ledger.dead_letters(MAX_REPLAYS + 1, where=where)
    else:
        known = [store.ledger.dead_letter(letter_id) for letter_id in asked.ids[:MAX_REPLAYS]]
        found = [letter for letter in known if letter is not None]
    report = ReplayReport(more=len(found) > asked.limit)
    for letter in sorted(found, key=lambda letter: letter.id)[: asked.limit]:
        try:
            _replay(store, letter)
        except Problem as problem:
            if problem.status == 503:
                raise
            report.failed.append(NotReplayed(letter.id, problem.detail))
        else:
            report.replayed.append(letter.id)
    store.intake.settle()
    audit(store, request, "dead_letters_replayed", outcome=f"{len(report.replayed)} of {len(found)}")
    return json_reply(report, status=202)


def _replay(store: Store, letter: DeadLetter) -> str:
    """The key of the event that is open again. Raises Problem."""
    if store.ledger.is_replayed(letter.id):
        raise Problem(409, "This dead letter has been replayed already.", code=40900)
    parsed = _parsed(letter)
    delivery = Delivery(letter.body.encode(), letter.headers)
    try:
        if not store.intake.accept(parsed, delivery, replay_of=letter.id):
            raise Problem(410, "What this dead letter is about was erased.", code=41000)
    except JournalError as error:
        raise Problem(503, "The replay could not be stored.", code=50300, headers={"Retry-After": "5"}) from error
    return parsed.natural_key


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
