"""`/control`: faults of the products and of the webhooks on their way, and the limit of changes a second."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from sandbox.control import ControlRoutes
from sandbox.faults import Fault, FaultBook
from sandbox.limits import MutationLimit
from sandbox.post_office import PostFault, PostOffice
from shared.operators import Role
from shared.service import json_response, read_json


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits that can be set; 0 takes the limit away."""

    mutations_per_s: Annotated[int, msgspec.Meta(ge=0)]
    timers_need_state: bool = False


class FaultsDesk:
    """Orders faults and shows those that are still to happen."""

    def __init__(self, faults: FaultBook, office: PostOffice, limit: MutationLimit) -> None:
        self._faults = faults
        self._office = office
        self._limit = limit

    def handlers(self) -> ControlRoutes:
        yield "GET", "faults", self.list_faults, Role.SUPERVISOR
        yield "POST", "faults", self.order_fault, Role.ADMIN
        yield "DELETE", "faults", self.clear_faults, Role.ADMIN
        yield "GET", "webhooks", self.list_post_faults, Role.SUPERVISOR
        yield "POST", "webhooks", self.order_post_fault, Role.ADMIN
        yield "DELETE", "webhooks", self.clear_post_faults, Role.ADMIN
        yield "GET", "limits", self.show_limits, Role.SUPERVISOR
        yield "PUT", "limits", self.set_limits, Role.ADMIN

    def describe(self) -> dict[str, Any]:
        return {
            "requests": self._faults.pending(),
            "webhooks": self._office.pending(),
            "mutations_per_s": self._limit.per_s,
        }

    async def list_faults(self, _: web.Request) -> web.Response:
        return json_response({"items": self._faults.pending()})

    async def order_fault(self, request: web.Request) -> web.Response:
        fault = await read_json(request, Fault)
        self._faults.order(fault)
        return json_response(fault, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def list_post_faults(self, _: web.Request) -> web.Response:
        return json_response({"items": self._office.pending()})

    async def order_post_fault(self, request: web.Request) -> web.Response:
        fault = await read_json(request, PostFault)
        self._office.order(fault)
        return json_response(fault, status=201)

    async def clear_post_faults(self, _: web.Request) -> web.Response:
        self._office.clear()
        return web.Response(status=204)

    async def show_limits(self, _: web.Request) -> web.Response:
        return json_response(Limits(self._limit.per_s, self._limit.timers_need_state))

    async def set_limits(self, request: web.Request) -> web.Response:
        limits = await read_json(request, Limits)
        self._limit.per_s = limits.mutations_per_s
        self._limit.timers_need_state = limits.timers_need_state
        return json_response(limits)
