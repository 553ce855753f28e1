"""The door of every service: who may use a route. Framework-neutral, for aiohttp and Flask alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from shared.config import Settings
from shared.operators import Identity, Operators, Role
from shared.problem import Problem

SESSION_COOKIE = "crosschannel_session"
REQUESTS_PER_MINUTE = 1200
UNSAFE_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
BODY_TYPES = {"application/json", "multipart/form-data"}


class Open(Enum):
    """Routes that no operator signs in for."""

    PUBLIC = "anyone"
    TWILIO = "Twilio, whose signature the route checks itself"


PUBLIC = Open.PUBLIC
TWILIO = Open.TWILIO
Access = Role | Open


@dataclass(frozen=True, slots=True)
class Facts:
    """What the door looks at in a request; missing headers are None, `address` is the peer's."""

    method: str
    path: str
    address: str
    authorization: str | None = None
    cookie: str | None = None
    origin: str | None = None
    content_type: str | None = None
    has_body: bool = False
    is_websocket: bool = False


class Door:
    """Admits requests by role, refuses cross-site ones, and limits the rate per operator and address."""

    def __init__(self, settings: Settings, operators: Operators) -> None:
        own = {f"http://{host}:{settings.port}" for host in ("127.0.0.1", "localhost")}
        self._origins = {*own, *settings.web_origins, settings.public_url, settings.conversations_public_url}
        self._operators = operators
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._limit = RateLimitItemPerMinute(REQUESTS_PER_MINUTE)

    def admit(self, access: Access, facts: Facts) -> Identity | None:
        """Who is asking; None on open routes. Raises Problem 401, 403, 415 or 429; nothing has happened then."""
        if isinstance(access, Open):
            return None
        self.check_site(facts)
        identity = self._operators.identify(facts.authorization, facts.cookie)
        if identity is None:
            raise Problem(401, "Sign in first: this needs an operator's token or session.", code=40100)
        self._check_rate(identity, facts.address)
        if identity.role < access:
            needed = access.name.lower()
            raise Problem(403, f"This needs the role {needed}; yours is {identity.role.name.lower()}.", code=40300)
        return identity

    def check_site(self, facts: Facts) -> None:
        """Refuses requests that another site makes a browser send. Raises Problem 403 or 415.

        An Origin that is not ours is refused on sockets and on anything that changes state; bodies must be
        of a type that a plain HTML form cannot send without asking first, or come from our own pages.
        """
        changes = facts.method in UNSAFE_METHODS
        if (changes or facts.is_websocket) and facts.origin is not None and facts.origin not in self._origins:
            raise Problem(403, "Requests from this site are not accepted.", code=40301)
        if changes and facts.has_body and _media_type(facts.content_type) not in BODY_TYPES:
            raise Problem(415, "Send the body as application/json.", code=41500)
        upload = _media_type(facts.content_type) == "multipart/form-data"
        if changes and upload and facts.origin is None and facts.authorization is None:
            raise Problem(403, "Uploads from a browser must name their origin.", code=40301)

    def _check_rate(self, identity: Identity, address: str) -> None:
        key = (identity.name, address)
        if self._limiter.hit(self._limit, *key):
            return
        raise Problem(429, "Too many requests. Wait a moment.", code=42900, headers={"Retry-After": "5"})


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
