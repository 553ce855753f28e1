"""How the services are, as their own `/readyz` says, asked every few seconds on behalf of all consoles."""

from __future__ import annotations

import asyncio
from typing import Literal

import aiohttp
import msgspec

from shared.bodies import BodyTooLarge, read_whole
from shared.config import Settings
from shared.live_feed import LiveFeed
from shared.readiness import Readiness

POLL_S = 5.0
# While something is not ready, mostly because it is just starting.
UNREADY_POLL_S = 1.0
ANSWER_WITHIN_S = 2.0
LONGEST_ANSWER_BYTES = 64 * 1024
OWN_NAME = "conversations"

State = Literal["ready", "not_ready", "down"]


class ServiceHealth(msgspec.Struct, frozen=True):
    """One service; `detail` says why it is not ready, or is empty."""

    name: str
    state: State
    detail: str = ""


class Health(msgspec.Struct, frozen=True):
    """All services of the installation."""

    services: list[ServiceHealth]


class _Readyz(msgspec.Struct):
    reasons: dict[str, str] = {}


class HealthBoard:
    """The latest health, kept by `run`; `health` asks at once when nobody has asked before."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings, own: Readiness, feed: LiveFeed) -> None:
        self._session = session
        self._own = own
        self._feed = feed
        self._urls = {
            "relay": settings.urls.relay,
            "intelligence": settings.urls.intelligence,
            "analytics": settings.urls.analytics,
        }
        if settings.twilio is not None and settings.twilio.is_demo:
            self._urls["sandbox"] = settings.urls.sandbox
        self._known: dict[str, ServiceHealth] = {}
        self.states = b'{"services":{}}'  # what consoles were told last, as JSON

    async def run(self) -> None:
        """Asks until cancelled, and publishes what has changed."""
        while True:
            await self.ask()
            all_ready = all(service.state == "ready" for service in self._known.values())
            await asyncio.sleep(POLL_S if all_ready else UNREADY_POLL_S)

    async def ask(self) -> None:
        """Asks every service once, all at the same time."""
        answers = await asyncio.gather(*(self._ask(name, url) for name, url in self._urls.items()))
        states = {service.name: service.state for service in (self._own_health(), *answers)}
        self._known = {answer.name: answer for answer in answers}
        data = msgspec.json.encode({"services": states})
        if data != self.states:
            self.states = data
            self._feed.publish("health", data)

    async def health(self) -> Health:
        """The services by name, ours first."""
        if not self._known:
            await self.ask()
        return Health([self._own_health(), *self._known.values()])

    def _own_health(self) -> ServiceHealth:
        reasons = self._own.reasons()
        return ServiceHealth(OWN_NAME, "not_ready" if reasons else "ready", _sentence(reasons))

    async def _ask(self, name: str, url: str) -> ServiceHealth:
        try:
            async with self._session.get(
                f"{url}/readyz",
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
            ) as response:
                body = await read_whole(response.content, LONGEST_ANSWER_BYTES)
        except (aiohttp.ClientError, BodyTooLarge, OSError, TimeoutError):
            return ServiceHealth(name, "down", "does not answer")
        if response.status == 200:
            return ServiceHealth(name, "ready")
        return ServiceHealth(name, "not_ready", _detail(body))


def _detail(body: bytes) -> str:
    try:
        return _sentence(msgspec.json.decode(body, type=_Readyz).reasons)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "is not ready"


def _sentence(reasons: dict[str, str]) -> str:
    return "; ".join(f"{name}: {why}" for name, why in reasons.items())
