"""The exchange's part of `/control`: simulated calls placed and followed, and how numbers answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from aiohttp import web

from sandbox.browser_phone import serve_phone
from sandbox.exchange import Callee, Exchange, LiveCall
from sandbox.outgoing import Pickup
from sandbox.product import Handler
from sandbox.scenarios.grammar import Caller, Scenario
from sandbox.scenarios.personas import personas
from sandbox.scenarios.reader import BadScenario, read_text
from sandbox.scenarios.run import LANGUAGES
from shared.operators import Role
from shared.problem import Problem
from shared.service import json_response, read_json

Routes = Iterator[tuple[str, str, Handler, Role]]
Speed = Annotated[float, msgspec.Meta(gt=0, le=100)]


class PlaceCall(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """A call to place: a script, or a persona with a seed; who calls, in which language, how fast."""

    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    language: str = ""
    script: str | dict[str, Any] | None = None
    persona: str = ""
    seed: int = 0
    speed: Speed = 1.0


class SetCallee(msgspec.Struct, forbid_unknown_fields=True):
    """How a number answers from now on."""

    answer: Pickup = "answered"
    script: str | dict[str, Any] | None = None
    persona: str = ""
    ring_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 2.0
    speed: Speed = 1.0


class PhoneDesk:
    """Calls for a console, a test or a script."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def handlers(self) -> Routes:
        """(method, path behind /control/, handler, the operator's role that it needs)."""
        yield "POST", "calls", self.place, Role.AGENT
        yield "GET", "calls", self.list, Role.AGENT
        yield "GET", "calls/{call}", self.show, Role.AGENT
        yield "POST", "calls/{call}/hangup", self.hang_up, Role.AGENT
        yield "GET", "personas", self.list_personas, Role.AGENT
        yield "GET", "callees", self.list_callees, Role.AGENT
        yield "PUT", "callees/{number}", self.set_callee, Role.AGENT
        yield "DELETE", "callees/{number}", self.forget_callee, Role.AGENT
        yield "GET", "phone", self.phone, Role.AGENT

    async def place(self, request: web.Request) -> web.Response:
        order = await read_json(request, PlaceCall)
        scenario = _scenario(order.script, order.persona or "friendly", order.from_, order.language)
        sid = self._exchange.ring_in(scenario, order.seed, order.speed, order.to or None)
        return json_response({"callSid": sid, "url": f"/control/calls/{sid}"}, status=202)

    async def list(self, _: web.Request) -> web.Response:
        """The calls under way and the latest that are over, newest first."""
        calls = sorted(self._exchange.live.values(), key=lambda call: call.started_at, reverse=True)
        return json_response({"items": [self._progress(call) for call in calls]})

    async def show(self, request: web.Request) -> web.Response:
        return json_response(self._progress(self._call(request)))

    async def hang_up(self, request: web.Request) -> web.Response:
        call = self._call(request)
        await call.phone.put_down()
        return json_response({"callSid": call.phone.call_sid, "status": call.phone.status.now}, status=202)

    async def list_personas(self, _: web.Request) -> web.Response:
        items = [
            {"name": persona.name, "description": persona.description, "languages": list(LANGUAGES)}
            for persona in personas().values()
        ]
        return json_response({"items": items})

    async def list_callees(self, _: web.Request) -> web.Response:
        items = [{"number": number, **_shown(callee)} for number, callee in self._exchange.callees.items()]
        return json_response({"items": items})

    async def set_callee(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        wanted = await read_json(request, SetCallee)
        scenario = None
        if wanted.script is not None or wanted.persona:
            scenario = _scenario(wanted.script, wanted.persona, number, "")
        callee = Callee(wanted.answer, scenario, wanted.ring_s, wanted.speed)
        self._exchange.callees[number] = callee
        return json_response({"number": number, **_shown(callee)})

    async def forget_callee(self, request: web.Request) -> web.Response:
        self._exchange.callees.pop(request.match_info["number"], None)
        return web.Response(status=204)

    async def phone(self, request: web.Request) -> web.StreamResponse:
        return await serve_phone(request, self._exchange)

    def _call(self, request: web.Request) -> LiveCall:
        call = self._exchange.of(request.match_info["call"])
        if call is None:
            raise Problem(404, "The sandbox knows of no such call, or it is long over.", code=20404)
        return call

    def _progress(self, call: LiveCall) -> dict[str, Any]:
        document = self._exchange.document(call.phone.call_sid) or {}
        outcome = call.outcome
        steps = outcome.steps if outcome else []
        is_over = call.over_at is not None
        duration_s = document.get("duration") or call.phone.report().duration_s
        return {
            "callSid": call.phone.call_sid,
            "from": call.numbers.caller,
            "to": call.numbers.called,
            "direction": call.direction,
            "status": document.get("status", call.phone.status.now),
            "language": call.phone.language,
            "startedAt": call.started_at,
            "durationS": float(duration_s),
            "step": len(steps),
            "steps": call.steps,
            "passed": outcome.passed if outcome and is_over else None,
            "failures": outcome.all_failures if outcome else [],
            "turns": [
                {
                    "caller": step.caller,
                    "agent": step.agent,
                    "firstTextMs": step.first_text_ms,
                    "language": step.language,
                }
                for step in steps
            ],
            "transcriptSid": call.transcript_sid,
        }


def _shown(callee: Callee) -> dict[str, Any]:
    scenario = callee.scenario
    return {
        "answer": callee.pickup,
        "ring_s": callee.ring_s,
        "speed": callee.speed,
        "persona": scenario.persona if scenario else "",
        "scripted": bool(scenario and scenario.turns),
    }


def _scenario(script: str | dict[str, Any] | None, persona: str, number: str, language: str) -> Scenario:
    """The scenario that a request describes. Raises Problem 400 with the line at fault."""
    try:
        if script is None:
            text = msgspec.json.encode({"persona": persona}).decode()
        else:
            text = script if isinstance(script, str) else msgspec.json.encode(script).decode()
        scenario = read_text(text)
    except BadScenario as error:
        raise Problem(400, f"{error}.", code=40000) from error
    caller = scenario.caller
    wanted = Caller(number or caller.number, language or caller.language, caller.network)
    return msgspec.structs.replace(scenario, caller=wanted)
