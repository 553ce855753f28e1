"""`/control`: what the sandbox holds and was asked, its clock, and beginning again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web

from sandbox.agenda import Agenda
from sandbox.clock import Clock
from sandbox.control import ControlRoutes
from sandbox.request_log import KEPT, RequestLog
from sandbox.store import Store
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response, read_json

LONGEST_STEP_S = 366 * 86_400


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the clock is to go."""

    advance_s: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_STEP_S)]


class StateDesk:
    """`parts` tell about themselves in the overview; `begin_again` makes what every account begins with."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        agenda: Agenda,
        log: RequestLog,
        parts: Mapping[str, Callable[[], Any]],
        begin_again: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._log = log
        self._parts = parts
        self._begin_again = begin_again

    def handlers(self) -> ControlRoutes:
        yield "GET", "state", self.show_state, Role.SUPERVISOR
        yield "GET", "clock", self.show_clock, Role.SUPERVISOR
        yield "POST", "clock", self.advance, Role.ADMIN
        yield "POST", "reset", self.reset, Role.ADMIN
        yield "GET", "requests", self.list_requests, Role.SUPERVISOR
        yield "DELETE", "requests", self.clear_requests, Role.ADMIN

    async def show_state(self, _: web.Request) -> web.Response:
        state = {
            "clock": self._clock_state(),
            "records": self._store.counts(),
            "agenda": {"planned": self._agenda.size()},
            "requests": self._log.counts(),
            **{name: describe() for name, describe in self._parts.items()},
        }
        return json_response(state)

    async def show_clock(self, _: web.Request) -> web.Response:
        return json_response(self._clock_state())

    async def advance(self, request: web.Request) -> web.Response:
        """Moves the clock; what thereby became due has happened when this answers."""
        step = await read_json(request, Step)
        self._clock.advance(timedelta(seconds=step.advance_s))
        return json_response({**self._clock_state(), "jobs_run": self._agenda.run_due()})

    async def reset(self, _: web.Request) -> web.Response:
        """Forgets every record, fault, scripted answer and request seen; the clock stays where it is."""
        self._store.clear()
        self._begin_again()
        self._log.clear()
        return web.Response(status=204)

    async def list_requests(self, request: web.Request) -> web.Response:
        text = request.query.get("limit", "50")
        if not (text.isascii() and text.isdigit()):
            raise Problem(400, "limit must be a whole number.", code=40000)
        seen = self._log.last(request.query.get("product"), min(int(text), KEPT))
        return json_response({"items": seen})

    async def clear_requests(self, _: web.Request) -> web.Response:
        self._log.clear()
        return web.Response(status=204)

    def _clock_state(self) -> dict[str, Any]:
        return {"now": self._clock.now(), "ahead_s": self._clock.ahead.total_seconds()}
