"""Tickets: what binds a socket to a call that this service has answered.

The TwiML of a call carries one as a parameter and Twilio repeats it in `setup`. It names no secret, holds for one
call sid, and opens one socket; a call that is still going on may come back with it, for Twilio reconnects with
the parameters of the first time. Nothing is stored but the tickets used in the last minute, so that any process
with the same SESSION_SECRET accepts what another has issued.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

FRESH_S = 60.0
PARAMETER = "ticket"


class Tickets:
    """Issues and accepts tickets; times are Unix seconds."""

    def __init__(self, session_secret: str) -> None:
        self._key = hmac.digest(session_secret.encode(), b"relay tickets", "sha256")
        self._used: dict[str, float] = {}  # ticket -> when it was used, oldest first

    def issue(self, call_sid: str, now_s: float) -> str:
        """A new ticket for this call."""
        body = f"{int(now_s)}.{secrets.token_urlsafe(9)}"
        return f"{body}.{self._mac(body, call_sid)}"

    def accept(self, ticket: str, call_sid: str, now_s: float, *, call_is_open: bool) -> bool:
        """True for a ticket of this call that is fresh and not used yet, or whose call is still going on."""
        body, _, mac = ticket.rpartition(".")
        if not body or not mac.isascii() or not hmac.compare_digest(mac, self._mac(body, call_sid)):
            return False
        self._forget(now_s)
        fresh = now_s - int(body.partition(".")[0]) <= FRESH_S and ticket not in self._used
        self._used.setdefault(ticket, now_s)
        return fresh or call_is_open

    def _mac(self, body: str, call_sid: str) -> str:
        return hmac.new(self._key, f"{body}\n{call_sid}".encode(), hashlib.sha256).hexdigest()[:32]

    def _forget(self, now_s: float) -> None:
        """Drops used tickets that are too old to be taken for fresh."""
        for ticket, used_s in list(self._used.items()):
            if now_s - used_s <= FRESH_S:
                break
            del self._used[ticket]
