"""The sandbox's own desk, `/control`: who may use it, and the desks behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from aiohttp import web

from sandbox.product import Handler, has_basic
from shared.config import TwilioAccount
from shared.operators import Role
from shared.service import facts_of
from shared.service_keys import DOOR

PREFIX = "/control"
ControlRoutes = Iterator[tuple[str, str, Handler, Role]]


class ControlDesk(Protocol):
    """One subject of `/control`: (method, path behind the prefix, handler, the operator's role that it needs)."""

    def handlers(self) -> ControlRoutes: ...


class Control:
    """Routes for tests, the simulated phone and operators. The account's own credentials open all of them."""

    def __init__(self, account: TwilioAccount, desks: Sequence[ControlDesk]) -> None:
        self._account = account
        self._desks = desks

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route of every desk."""
        for desk in self._desks:
            for method, path, handler, role in desk.handlers():
                yield method, f"{PREFIX}/{path}", self._guarded(handler, role)

    def _guarded(self, handler: Handler, role: Role) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not has_basic(request, self._account.account_sid, self._account.auth_token):
                request.app[DOOR].admit(role, facts_of(request))
            return await handler(request)

        return guarded
