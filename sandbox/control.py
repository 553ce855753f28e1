"""The sandbox's own desk: calls reported, faults ordered, answers scripted, requests looked at."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from aiohttp import web

from sandbox.faults import Fault, FaultBook
from sandbox.openai_product import ModelApi, Pacing, ScriptedAnswer
from sandbox.product import Handler, has_basic
from sandbox.reported_call import ReportedCall
from sandbox.request_log import KEPT, RequestLog
from sandbox.transcripts import Transcription
from shared.config import TwilioAccount
from shared.operators import Role
from shared.problem import Problem
from shared.service import facts_of, json_response, read_json
from shared.service_keys import DOOR

PREFIX = "/control"


class Control:
    """Routes for tests, the simulated phone and an administrator."""

    def __init__(
        self,
        account: TwilioAccount,
        transcription: Transcription,
        model: ModelApi,
        faults: FaultBook,
        log: RequestLog,
    ) -> None:
        self._account = account
        self._transcription = transcription
        self._model = model
        self._faults = faults
        self._log = log

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route; each admits an administrator or the account itself."""
        for method, path, handler in (
            ("POST", "calls", self.report_call),
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.order_fault),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "model", self.show_model),
            ("PUT", "model", self.set_pacing),
            ("POST", "model/script", self.add_script),
            ("DELETE", "model/script", self.clear_script),
            ("GET", "requests", self.list_requests),
            ("DELETE", "requests", self.clear_requests),
        ):
            yield method, f"{PREFIX}/{path}", self._guarded(handler)

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not has_basic(request, self._account.account_sid, self._account.auth_token):
                request.app[DOOR].admit(Role.ADMIN, facts_of(request))
            return await handler(request)

        return guarded

    async def report_call(self, request: web.Request) -> web.Response:
        call = await read_json(request, ReportedCall)
        return json_response({"transcript_sid": self._transcription.take(call)}, status=201)

    async def list_faults(self, _: web.Request) -> web.Response:
        return json_response({"items": self._faults.pending()})

    async def order_fault(self, request: web.Request) -> web.Response:
        fault = await read_json(request, Fault)
        self._faults.order(fault)
        return json_response(fault, status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def show_model(self, _: web.Request) -> web.Response:
        return json_response(
            {**msgspec.to_builtins(self._model.pacing), "scripted_answers": len(self._model.script)}
        )

    async def set_pacing(self, request: web.Request) -> web.Response:
        self._model.pacing = await read_json(request, Pacing)
        return json_response(self._model.pacing)

    async def add_script(self, request: web.Request) -> web.Response:
        """Answers to give before the agent is asked, in this order; added to those still waiting."""
        self._model.script += await read_json(request, list[ScriptedAnswer])
        return json_response({"scripted_answers": len(self._model.script)}, status=201)

    async def clear_script(self, _: web.Request) -> web.Response:
        self._model.script.clear()
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
