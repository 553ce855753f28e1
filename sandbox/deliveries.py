"""Webhooks on their way: signed as Twilio signs, posted in the background, repeated once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from shared.signature import sign_form, sign_json
from shared.telemetry import get_logger

TIMEOUT_S = 15.0
ATTEMPTS = 2
RETRY_S = 0.5
log = get_logger("sandbox.deliveries")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed request."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]


class Deliveries:
    """Posts webhooks without making anyone wait; `close` drops what is still under way."""

    def __init__(self, auth_token: str, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._auth_token = auth_token
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._session = aiohttp.ClientSession()

    def form(self, url: str, fields: Mapping[str, str], method: str = "POST") -> None:
        """Sends form fields: in the body, or in the query for GET."""
        if method == "GET":
            full = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
            self._start(Delivery("GET", full, b"", self._signed(sign_form(full, {}, self._auth_token))))
            return
        headers = self._signed(sign_form(url, fields, self._auth_token))
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        self._start(Delivery("POST", url, urlencode(fields).encode(), headers))

    def json(self, url: str, body: bytes) -> None:
        """Sends a JSON body; the URL gets its hash, as Twilio does."""
        signed_url, signature = sign_json(url, body, self._auth_token)
        headers = {**self._signed(signature), "Content-Type": "application/json"}
        self._start(Delivery("POST", signed_url, body, headers))

    async def idle(self, timeout_s: float) -> None:
        """Returns when nothing is under way, or the time is up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_s)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @staticmethod
    def _signed(signature: str) -> dict[str, str]:
        """The headers of a delivery; the idempotency token is the same when it is repeated."""
        return {
            "X-Twilio-Signature": signature,
            "I-Twilio-Idempotency-Token": str(uuid.uuid4()),
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        """Twilio's default: one repetition, and only when no connection came about."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._send(delivery)
            except aiohttp.ClientConnectorError:
                log.warning("webhook could not be delivered", attempt=attempt)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("webhook failed", error=type(error).__name__)
                return
            else:
                return
            if attempt < ATTEMPTS:
                await self._pause(RETRY_S)

    async def _send(self, delivery: Delivery) -> None:
        if self._session is None:
            raise RuntimeError("deliveries are not open")
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        # The address is sent as signed: yarl must not rewrite its escapes.
        async with self._session.request(
            delivery.method,
            URL(delivery.url, encoded=True),
            data=delivery.body or None,
            headers=delivery.headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            await response.read()
            if response.status >= 400:
                log.warning("webhook was refused", status=response.status)
