"""POST /webhook: Twilio's signature first, then the body's shape, then the disk, then 204."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from flask import Request, Response

from intelligence_webhooks import payload
from intelligence_webhooks.intake import WRITE_DEADLINE_S, Delivery, Ticket, arrived
from intelligence_webhooks.ledger import IDEMPOTENCY_HEADER
from intelligence_webhooks.payload import BadPayload, Payload
from intelligence_webhooks.replies import json_reply
from intelligence_webhooks.store import Store
from shared.journal import JournalError
from shared.problem import Problem
from shared.signature import SETTINGS_HEADER, BadSignature, check_form, check_json
from shared.telemetry import get_logger

BODY_BYTES = 256 * 1024
RETRY_AFTER_S = 5
# Where a server that can wait without a thread puts a list (see front.py).
LATER = "crosschannel.later"
SIGNATURE_HEADER = "X-Twilio-Signature"
# The headers that are kept, and their names in WSGI.
KEPT = {"content-type": "CONTENT_TYPE", IDEMPOTENCY_HEADER: "HTTP_I_TWILIO_IDEMPOTENCY_TOKEN"}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
log = get_logger("webhook")


def receive(store: Store, request: Request) -> Response:
    """204 (200 for an event we do not know) once it is durable, be it now or from an earlier delivery.

    Raises Problem 403 (signature, foreign account), 400 (body), 415 (its type), 503 (not durable: come again).
    """
    body = request.get_data()
    _check_signature(store, request, body)
    delivery = Delivery(body, _headers(request))
    later = request.environ.get(LATER)
    payload_ = _parse(store, request.mimetype, delivery, later)
    if payload_.account_sid not in (None, store.account.account_sid):
        store.tally.add("refused")
        raise _forbidden()
    try:
        acknowledgement = Acknowledgement(store, payload_.kind, store.intake.begin(payload_, delivery))
        if later is None:  # a plain WSGI server: this thread waits
            acknowledgement.ticket.wait()
            acknowledgement.count()
        else:
            later.append(acknowledgement)
    except JournalError as error:
        raise acknowledgement_refused(store, error) from error
    if payload_.kind == "unknown":
        return json_reply({"stored": True, "detail": "This kind of event is not known here; it is kept."})
    return Response(status=204)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a server that puts a list into the environment under LATER waits for before it sends the answer."""

    store: Store
    kind: str
    ticket: Ticket

    async def ready(self) -> None:
        """Returns when the event is durable. Raises Problem 503, which is the answer then."""
        try:
            await self.ticket.arrive()
        except JournalError as error:
            raise acknowledgement_refused(self.store, error) from error
        self.count()

    def count(self) -> None:
        self.store.tally.add(self.kind if self.ticket.is_new else "duplicate")


@dataclass(frozen=True, slots=True)
class Rejection:
    """A body that cannot be used, on its way to the dead letters; waited for like an acknowledgement."""

    store: Store
    written: Future[None]

    async def ready(self) -> None:
        """Returns when the dead letter is durable. Raises Problem 503."""
        try:
            await arrived(self.written)
        except (JournalError, TimeoutError) as error:
            raise _not_stored(error) from error
        self.store.intake.notify()


def _keep_rejected(store: Store, delivery: Delivery, detail: str, later: list[Any] | None) -> None:
    try:
        written = store.intake.keep_rejected("malformed", delivery, detail)
        if later is None:
            written.result(WRITE_DEADLINE_S)
            store.intake.notify()
        else:
            later.append(Rejection(store, written))
    except (JournalError, TimeoutError) as error:
        raise _not_stored(error) from error


def acknowledgement_refused(store: Store, error: JournalError) -> Problem:
    store.tally.add("not_stored")
    return _not_stored(error)


def _check_signature(store: Store, request: Request, body: bytes) -> None:
    """Passes what Twilio signed for our public address; forwarded headers have no say. Raises Problem."""
    if request.mimetype not in (JSON, FORM):
        raise Problem(415, "Send application/json.", code=41500)
    if not store.settings.validate_signatures:
        return
    url = store.settings.intelligence_public_url + raw_target(request)
    header = request.headers.get(SIGNATURE_HEADER)
    try:
        tokens, algorithm = store.signing_keys.chosen(request.headers.get(SETTINGS_HEADER))
        # A signed JSON address covers the body by its hash, so it must never be checked as a form without fields.
        if request.mimetype == JSON or "bodySHA256" in request.args:
            check_json(url, body, header, tokens, algorithm)
        else:
            check_form(url, payload.form_fields(body), header, tokens, algorithm)
    except (BadSignature, BadPayload):
        store.tally.add("refused")
        raise _forbidden() from None


def _parse(store: Store, mimetype: str, delivery: Delivery, later: list[Any] | None) -> Payload:
    try:
        if mimetype == FORM:
            return payload.parse_form(delivery.body)
        return payload.parse(delivery.body)
    except BadPayload as fault:
        store.tally.add("malformed")
        log.warning("webhook body cannot be used", reason=str(fault), size_bytes=len(delivery.body))
        _keep_rejected(store, delivery, str(fault), later)
        raise Problem(400, f"The body cannot be used: {fault}.", code=40000) from fault


def raw_target(request: Request) -> str:
    """The request's path and query as they were sent: re-encoding them would break the signature."""
    target = request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI")
    if isinstance(target, str) and target.startswith("/"):
        return target
    query = request.query_string.decode("latin-1")
    return request.path + (f"?{query}" if query else "")


def _headers(request: Request) -> dict[str, str]:
    return {name: request.environ[variable] for name, variable in KEPT.items() if variable in request.environ}


def _forbidden() -> Problem:
    return Problem(403, "This request is not accepted.", code=40300)


def _not_stored(error: Exception) -> Problem:
    log.error("event not stored", error=str(error))
    return Problem(
        503,
        "The event could not be stored. Send it again.",
        code=50300,
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )
