"""`/control`: a finished call is reported, and how its transcript is made."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web

from sandbox.control import ControlRoutes
from sandbox.reported_call import ReportedCall
from sandbox.transcripts import STEP, Transcription
from shared.operators import Role
from shared.service import json_response, read_json


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How transcripts go on: the time that each status takes, and how many of the next ones fail."""

    step_ms: Annotated[float, msgspec.Meta(ge=0)] = STEP.total_seconds() * 1000
    fail_next: Annotated[int, msgspec.Meta(ge=0)] = 0


class IntelligenceDesk:
    """Takes calls from the phone side."""

    def __init__(self, transcription: Transcription) -> None:
        self._transcription = transcription

    def handlers(self) -> ControlRoutes:
        yield "POST", "reports", self.report_call, Role.ADMIN
        yield "GET", "intelligence", self.show, Role.SUPERVISOR
        yield "PUT", "intelligence", self.set_course, Role.ADMIN

    def describe(self) -> dict[str, Any]:
        course: dict[str, Any] = msgspec.to_builtins(self._course())
        return course

    async def report_call(self, request: web.Request) -> web.Response:
        call = await read_json(request, ReportedCall)
        return json_response({"transcript_sid": self._transcription.take(call)}, status=201)

    async def show(self, _: web.Request) -> web.Response:
        return json_response(self._course())

    async def set_course(self, request: web.Request) -> web.Response:
        course = await read_json(request, Course)
        self._transcription.step = timedelta(milliseconds=course.step_ms)
        self._transcription.failing = course.fail_next
        return json_response(course)

    def _course(self) -> Course:
        return Course(self._transcription.step.total_seconds() * 1000, self._transcription.failing)
