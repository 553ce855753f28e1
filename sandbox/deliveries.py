"""Webhooks on their way: signed as Twilio signs, posted in the background, repeated once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from sandbox.post_office import PostFault, PostOffice
from shared.signature import sign_form, sign_json
from shared.telemetry import get_logger

TIMEOUT_S = 15.0
ATTEMPTS = 2
RETRY_S = 0.5
log = get_logger("sandbox.deliveries")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signed request of a product; the receiver has `timeout_s` to answer."""

    method: str
    url: str
    body: bytes
    headers: Mapping[str, str]
    product: str = ""
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered."""

    status: int
    body: bytes


class Deliveries:
    """Posts webhooks without making anyone wait; `close` drops what is still under way."""

    def __init__(
        self,
        auth_token: str,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        office: PostOffice | None = None,
    ) -> None:
        self._auth_token = auth_token
        self._pause = pause
        self._office = office or PostOffice()
        self._held: dict[
            int, tuple[PostFault, list[Delivery]]
        ] = {}  # by id: orders are equal when they say the same
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._session = aiohttp.ClientSession()

    def form(
        self,
        url: str,
        fields: Mapping[str, str],
        method: str = "POST",
        timeout_s: float = TIMEOUT_S,
        product: str = "",
    ) -> None:
        """Sends form fields: in the body, or in the query for GET."""
        self._start(self._form(url, fields, method, timeout_s, product))

    def json(self, url: str, body: bytes, product: str = "") -> None:
        """Sends a JSON body; the URL gets its hash, as Twilio does."""
        signed_url, signature = sign_json(_sent(url), body, self._auth_token)
        headers = {**self._signed(signature), "Content-Type": "application/json"}
        self._start(Delivery("POST", signed_url, body, headers, product))

    async def ask(self, url: str, fields: Mapping[str, str], method: str, timeout_s: float) -> Reply | None:
        """What the receiver says to a form; None when it cannot be reached or does not answer in time."""
        try:
            return await self._send(self._form(url, fields, method, timeout_s, ""))
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("webhook got no answer", error=type(error).__name__)
            return None

    def _form(self, url: str, fields: Mapping[str, str], method: str, timeout_s: float, product: str) -> Delivery:
        url = _sent(url)
        if method == "GET":
            full = f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"
            headers = self._signed(sign_form(full, {}, self._auth_token))
            return Delivery("GET", full, b"", headers, product, timeout_s)
        headers = self._signed(sign_form(url, fields, self._auth_token))
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        return Delivery("POST", url, urlencode(fields).encode(), headers, product, timeout_s)

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
        """Sends it in the background, in the way that was ordered for it."""
        fault = self._office.take(delivery.product, delivery.url)
        if fault is None:
            self._in_background([delivery])
        elif fault.hold:
            self._hold(fault, delivery)
        elif not fault.lose:
            self._in_background([delivery] * fault.copies, fault.delay_ms / 1000)

    def _hold(self, fault: PostFault, delivery: Delivery) -> None:
        """Keeps deliveries until the order is full; then they go one after the other, the last one first."""
        _, held = self._held.setdefault(id(fault), (fault, []))
        held.append(delivery)
        if fault.count == 0:
            del self._held[id(fault)]
            self._in_background(held[::-1], fault.delay_ms / 1000)

    def _in_background(self, deliveries: list[Delivery], delay_s: float = 0.0) -> None:
        task = asyncio.create_task(self._deliver_all(deliveries, delay_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_all(self, deliveries: list[Delivery], delay_s: float) -> None:
        if delay_s:
            await asyncio.sleep(delay_s)
        for delivery in deliveries:
            await self._deliver(delivery)

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

    async def _send(self, delivery: Delivery) -> Reply:
        if self._session is None:
            raise RuntimeError("deliveries are not open")
        timeout = aiohttp.ClientTimeout(total=delivery.timeout_s)
        # The address is sent as signed: yarl must not rewrite its escapes.
        async with self._session.request(
            delivery.method,
            URL(delivery.url, encoded=True),
            data=delivery.body or None,
            headers=delivery.headers,
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            body = await response.read()
            if response.status >= 400:
                log.warning("webhook was refused", status=response.status)
            return Reply(response.status, body)


def _sent(url: str) -> str:
    """The address as it is sent and signed: without connection overrides such as `#rc=5`."""
    return url.partition("#")[0]
