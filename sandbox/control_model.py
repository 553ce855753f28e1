"""`/control/model`: the pace and the scripted answers of the model."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from sandbox.control import ControlRoutes
from sandbox.model_script import Script, ScriptedAnswer
from sandbox.openai_product import ModelApi
from sandbox.pacing import PROFILES, PacingOrder
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response, read_json


class ModelDesk:
    """Sets how the model answers."""

    def __init__(self, model: ModelApi) -> None:
        self._model = model

    def handlers(self) -> ControlRoutes:
        yield "GET", "model", self.show, Role.SUPERVISOR
        yield "PUT", "model", self.set_pacing, Role.ADMIN
        yield "GET", "model/script", self.show_script, Role.SUPERVISOR
        yield "POST", "model/script", self.add_script, Role.ADMIN
        yield "PUT", "model/script", self.replace_script, Role.ADMIN
        yield "DELETE", "model/script", self.clear_script, Role.ADMIN
        yield "POST", "model/verify", self.verify, Role.ADMIN

    def describe(self) -> dict[str, Any]:
        script = self._model.script
        return {
            **msgspec.to_builtins(self._model.pacing),
            "profiles": list(PROFILES),
            "scripted_answers": len(script.waiting),
            "strict": script.strict,
            "unexpected_requests": len(script.unexpected),
        }

    async def show(self, _: web.Request) -> web.Response:
        return json_response(self.describe())

    async def set_pacing(self, request: web.Request) -> web.Response:
        self._model.pacing = (await read_json(request, PacingOrder)).pacing()
        return json_response(self._model.pacing)

    async def show_script(self, _: web.Request) -> web.Response:
        script = self._model.script
        return json_response({"strict": script.strict, "waiting": script.waiting, "unexpected": script.unexpected})

    async def add_script(self, request: web.Request) -> web.Response:
        """Answers to give before the agent is asked, in this order; added to those still waiting."""
        self._model.script.waiting += await read_json(request, list[ScriptedAnswer])
        return json_response({"scripted_answers": len(self._model.script.waiting)}, status=201)

    async def replace_script(self, request: web.Request) -> web.Response:
        self._model.script.replace(await read_json(request, Script))
        return json_response({"scripted_answers": len(self._model.script.waiting)})

    async def clear_script(self, _: web.Request) -> web.Response:
        self._model.script.clear()
        return web.Response(status=204)

    async def verify(self, _: web.Request) -> web.Response:
        """204 when everything came as scripted; a problem that says what did not."""
        complaint = self._model.script.complaint()
        if complaint is not None:
            raise Problem(409, f"The script was not followed: {complaint}.", code=40900)
        return web.Response(status=204)
