"""The client of Twilio's Conversations API: one pooled aiohttp session, deadlines, careful repeats.

Plain aiohttp and not the official SDK, because this is a door and not a consumer: the SDK (9.13) does not escape
ids in paths, loses status and code of a failed list, ignores its time-out, repeats POSTs on 5xx and drops the
next page's token. The twilio package serves where it is the authority: request signatures (shared.signature),
and in the tests as the independent client and as the list of parameters our table is compared with.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from math import ceil
from typing import Literal
from urllib.parse import urlencode

import aiohttp
from prometheus_client import Counter
from yarl import URL

from conversations_api.pace import MutationPaces
from conversations_api.refusals import BUSY, Outcome, Reply, Silence, refusal
from shared.config import TwilioAccount
from shared.problem import Problem
from shared.telemetry import get_logger

PRODUCT = "conversations"
WEBHOOK_HEADER = "X-Twilio-Webhook-Enabled"
REPEATABLE = {"GET", "DELETE"}
LONGEST_ANSWER_BYTES = 8 * 1024 * 1024
LONGEST_RETRY_AFTER_S = 3600
CONNECTIONS = 100
# What Twilio's request log shows as the sender.
AGENT = "crosschannel-conversations"
INDEX_AGENT = "crosschannel-index"
# Shorter than servers keep them, so that a POST seldom meets a connection that is just being closed.
KEEPALIVE_S = 15.0

ATTEMPTS = Counter("conversations_upstream_attempts_total", "Requests to Twilio", ["method", "outcome"])
log = get_logger("conversations.upstream")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take in all and per attempt, and how repeats are spaced (seconds)."""

    total_s: float = 10.0
    attempt_s: float = 6.0
    first_delay_s: float = 0.25
    longest_delay_s: float = 4.0
    attempts: int = 5


@dataclass(frozen=True, slots=True)
class Call:
    """One request to Twilio; `path` is escaped and relative to the product (`v1/…`)."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Sequence[tuple[str, str]] = ()
    form: Sequence[tuple[str, str]] = ()
    fires_webhooks: bool = False


def retry_delay_s(method: str, outcome: Outcome, attempt: int, patience: Patience, jitter: float) -> float | None:
    """How long to wait before attempt number `attempt` + 1, None when there must be none.

    A 429 was not processed and may always be repeated; a 5xx or silence may hide a write that was done, so only
    reading and deleting are. `jitter` in 0..1 spreads the clients that were refused together.
    """
    limited = isinstance(outcome, Reply) and outcome.status == 429
    broken = isinstance(outcome, Silence) or outcome.status >= 500
    if attempt >= patience.attempts or not (limited or (broken and method in REPEATABLE)):
        return None
    ceiling = min(patience.longest_delay_s, patience.first_delay_s * 2 ** (attempt - 1))
    asked = outcome.retry_after_s if isinstance(outcome, Reply) else None
    return float(asked) if asked else ceiling * (0.5 + jitter / 2)


def lane_of(method: str, path: str) -> str | None:
    """Whose rate a request counts for: None for reads; else a service or a conversation.

    Source: Twilio, Conversations limits: per service creating and deleting conversations, and all changes of users
    and roles; per conversation its own changes and those of what is in it.
    """
    if method == "GET":
        return None
    parts = path.split("/")[1:]
    service = parts[1] if parts[0] == "Services" and len(parts) > 1 else ""
    inside = parts[2:] if service else parts
    own = inside[:1] == ["Conversations"] and (len(inside) > 2 or (len(inside) == 2 and method == "POST"))
    return f"{service}/{inside[1]}" if own else service


class TwilioClient:
    """Sends calls to one account. Safe for concurrent use on its loop."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        account: TwilioAccount,
        patience: Patience,
        limited: Callable[[], None] = lambda: None,
    ) -> None:
        self._paces = MutationPaces()
        self._limited = limited
        self.session = session
        self._account = account
        self._patience = patience

    async def send(self, call: Call) -> bytes:
        """The body of the success. Raises Problem for anything else, after the repeats that are safe."""
        ends_at = time.monotonic() + self._patience.total_s
        perhaps_done = False
        for attempt in count(1):
            await self._take_turn(call, ends_at)
            outcome = await self._attempt(call, ends_at - time.monotonic())
            if isinstance(outcome, Reply) and 200 <= outcome.status < 300:
                return outcome.body
            if isinstance(outcome, Reply) and outcome.status == 429:
                self._limited()
            if perhaps_done and isinstance(outcome, Reply) and outcome.status == 404:
                return b""  # the DELETE that broke off had deleted it
            delay_s = retry_delay_s(call.method, outcome, attempt, self._patience, random.random())  # noqa: S311
            if delay_s is None or time.monotonic() + delay_s >= ends_at:
                log.warning("twilio refused", method=call.method, outcome=_word(outcome), attempts=attempt)
                break
            perhaps_done = perhaps_done or (call.method == "DELETE" and _word(outcome) != "429")
            await asyncio.sleep(delay_s)
        raise refusal(call.method, outcome)

    async def _take_turn(self, call: Call, ends_at: float) -> None:
        """Keeps changes under Twilio's rate. Raises Problem 503 when the wait would be too long."""
        lane = lane_of(call.method, call.path)
        if lane is None:
            return
        pace = self._paces.lane(lane)
        wait_s = pace.wait_s()
        if time.monotonic() + wait_s >= ends_at:
            raise Problem(503, BUSY, code=50063, headers={"Retry-After": str(ceil(wait_s))})
        await pace.turn()

    async def _attempt(self, call: Call, left_s: float) -> Outcome:
        outcome = await self._request(call, min(self._patience.attempt_s, max(0.01, left_s)))
        ATTEMPTS.labels(call.method, _word(outcome)).inc()
        return outcome

    async def _request(self, call: Call, timeout_s: float) -> Outcome:
        query = f"?{urlencode(call.query)}" if call.query else ""
        url = URL(self._account.url(PRODUCT, call.path) + query, encoded=True)
        headers = {WEBHOOK_HEADER: "true"} if call.fires_webhooks else {}
        try:
            async with self.session.request(
                call.method,
                url,
                data=urlencode(call.form).encode() if call.method == "POST" else None,
                headers={**headers, "Content-Type": "application/x-www-form-urlencoded"}
                if call.method == "POST"
                else headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                return await reply_of(response)
        except TimeoutError:
            return Silence.TIMED_OUT
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
            return Silence.CUT_OFF
        except (aiohttp.ClientError, OSError):
            return Silence.UNREACHABLE


@asynccontextmanager
async def open_client(
    account: TwilioAccount,
    patience: Patience,
    *,
    agent: str = AGENT,
    connections: int = CONNECTIONS,
    limited: Callable[[], None] = lambda: None,
) -> AsyncIterator[TwilioClient]:
    """The client; its connections are closed at the end. `limited` is told of every 429.

    Background work has a client of its own, so that it never takes a connection from an operator.
    """
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEPALIVE_S)
    authorization = aiohttp.encode_basic_auth(account.account_sid, account.auth_token)
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"Authorization": authorization, "Accept": "application/json", "User-Agent": agent},
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield TwilioClient(session, account, patience, limited)


async def reply_of(response: aiohttp.ClientResponse) -> Outcome:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LONGEST_ANSWER_BYTES:
            return Silence.CUT_OFF
    return Reply(response.status, bytes(body), _seconds(response.headers.get("Retry-After")))


def _seconds(text: str | None) -> int | None:
    """The delay of a Retry-After header; its date form is not used by Twilio and counts as absent."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:9]), LONGEST_RETRY_AFTER_S)


def _word(outcome: Outcome) -> str:
    return str(outcome.status) if isinstance(outcome, Reply) else outcome.name.lower()
