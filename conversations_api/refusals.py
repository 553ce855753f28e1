"""What the caller reads when Twilio refuses, breaks or stays silent: Twilio's code and our own sentence.

An upstream body never passes: it may hold addresses, other customers' data or HTML. Sources: Twilio's error
dictionary (50xxx Conversations, 20xxx REST); the status is ours where Twilio documents none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import msgspec

from shared.problem import Problem

DEFAULT_RETRY_AFTER_S = 2
ERROR_PAGES = "https://www.twilio.com/docs/errors/"
NOT_BEFORE_LOOKING = " The change may have been made all the same: look before trying again."
WRITES = {"POST"}
BUSY = "Twilio is limiting this account at the moment. Try again shortly."


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of Twilio."""

    status: int
    body: bytes
    retry_after_s: int | None = None


class Silence(Enum):
    """The ways to get no answer."""

    TIMED_OUT = "no answer in time"
    UNREACHABLE = "no connection"
    CUT_OFF = "the connection ended inside the answer"


Outcome = Reply | Silence

# Twilio's code -> (our status, sentence).
CODES: Mapping[int, tuple[int, str]] = {
    20003: (502, "Twilio does not accept this platform's credentials. An administrator has to check them."),
    20404: (404, "Twilio knows nothing under this address. It may have been deleted, or live in another service."),
    20429: (503, BUSY),
    21481: (400, "The cursor is no longer valid. Start again with the first page."),
    50063: (503, BUSY),
    50214: (409, "This identity already takes part in as many conversations as Twilio allows."),
    50353: (409, "Another conversation already has this unique name."),
    50361: (409, "A conversation can have five webhooks at most."),
    50377: (409, "The conversation is closed, and closed is final."),
    50382: (400, "Timers can be set at creation only together with `state`."),
    50408: (400, "The proxy address is not a number or sender of this account."),
    50409: (400, "Address and proxy address must be different."),
    50416: (409, "This address and proxy address are already joined in another active conversation."),
    50417: (409, "The conversation is full."),
    50418: (409, "The conversation has as many participants outside chat as Twilio allows."),
    50422: (409, "The conversation has as many participants as Twilio allows."),
    50425: (409, "One of these addresses is already in another active conversation."),
    50426: (400, "A conversation can be created with ten participants at most."),
    50427: (400, "Some of the participants cannot be added."),
    50436: (409, "The group conversation has as many participants as Twilio allows."),
    50437: (409, "This participant is already in the conversation."),
}
# Statuses that mean the caller's request and pass as they are; sentences for when the code says nothing.
STATUSES: Mapping[int, str] = {
    400: "Twilio cannot use a value of this request.",
    404: "Twilio knows nothing under this address. It may have been deleted, or live in another service.",
    409: "This collides with something that already exists.",
    410: "This no longer exists.",
    412: "This was changed in the meantime. Read it again first.",
    413: "This is larger than Twilio takes.",
    422: "Twilio cannot use a value of this request.",
}


class _Error(msgspec.Struct):
    """The part of Twilio's error documents that we use; the classic and the RFC 9457 form both have it."""

    code: int | None = None


def refusal(method: str, outcome: Outcome) -> Problem:
    """The problem to answer with for an outcome that is no success."""
    doubt = NOT_BEFORE_LOOKING if method in WRITES else ""
    if outcome is Silence.TIMED_OUT:
        return Problem(504, "Twilio did not answer in time." + doubt)
    if isinstance(outcome, Silence):
        return Problem(502, "Twilio cannot be reached." + doubt)
    code = _code(outcome.body)
    if outcome.status == 429:
        return Problem(503, BUSY, code=code or 20429, headers=_retry_after(outcome))
    if outcome.status == 503:
        return Problem(503, "Twilio is not available." + doubt, code=code, headers=_retry_after(outcome))
    if not 400 <= outcome.status < 500:
        return Problem(502, "Twilio answered with something that cannot be used." + doubt, code=code)
    return _client_error(outcome, code)


def unreadable(method: str) -> Problem:
    """The problem for a success whose body is not what Twilio's API describes."""
    doubt = NOT_BEFORE_LOOKING if method in WRITES else ""
    return Problem(502, "Twilio answered with something that cannot be used." + doubt)


def _client_error(reply: Reply, code: int | None) -> Problem:
    if code is not None and code in CODES:
        status, sentence = CODES[code]
        return Problem(status, sentence, code=code, headers=_retry_after(reply) if status == 503 else None)
    if reply.status in {401, 403}:  # about our credentials, never about the operator's
        return Problem(502, "Twilio does not let this platform do that.", code=code)
    if reply.status not in STATUSES:
        return Problem(502, "Twilio refused in a way that is not expected here.", code=code)
    more = f" Its error {code} is explained at {ERROR_PAGES}{code}." if code is not None else ""
    return Problem(reply.status, STATUSES[reply.status] + more, code=code)


def _code(body: bytes) -> int | None:
    try:
        return msgspec.json.decode(body, type=_Error).code
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _retry_after(reply: Reply) -> dict[str, str]:
    return {"Retry-After": str(reply.retry_after_s or DEFAULT_RETRY_AFTER_S)}
