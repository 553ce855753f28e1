"""A tiny application for the simulated phone: it answers TwiML, talks over the relay, and checks every signature
with Twilio's own RequestValidator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.request_validator import RequestValidator

from sandbox.call_identity import Numbers
from sandbox.line import Line, LineSettings
from sandbox.phone import PhoneCall
from sandbox.phone_events import CallEvent

ACCOUNT_SID = "ACdec0de" + "9" * 26
AUTH_TOKEN = "phone-test-token"
NUMBERS = Numbers("+15555550101", "+15555550100")
HANG_UP = "<Response><Hangup/></Response>"
EVENTS = 'events="speaker-events tokens-played"'

Frame = dict[str, Any]
Behaviour = Callable[["TinyRelay", web.WebSocketResponse, Frame], Awaitable[None]]


async def echo(relay: TinyRelay, socket: web.WebSocketResponse, frame: Frame) -> None:
    """Says back what it heard, in tokens."""
    if frame["type"] == "prompt" and frame["last"]:
        await relay.speak(socket, "You said:", f" {frame['voicePrompt']}.")


@dataclass
class TinyRelay:
    """The application. `greeting`, `attributes` and `inner` go into its TwiML; `behave` gets every frame."""

    behave: Behaviour = echo
    greeting: str = ""
    attributes: str = EVENTS
    inner: str = ""
    answers: list[str] = field(default_factory=list)
    voice_answer: str | None = None
    url: str = ""
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    closes: list[int | None] = field(default_factory=list)
    bad_signatures: int = 0
    refuse_sockets: bool = False
    voice_status: int = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/voice", self._voice)
        app.router.add_post("/voice/ended", self._ended)
        app.router.add_post("/voice/status", self._status)
        app.router.add_get("/websocket", self._socket)
        return app

    def twiml(self) -> str:
        greeting = f'welcomeGreeting="{self.greeting}"' if self.greeting else ""
        url = "ws" + self.url.removeprefix("http") + "/websocket"
        relay = f'<ConversationRelay url="{url}" {greeting} {self.attributes}>{self.inner}</ConversationRelay>'
        return f'<?xml version="1.0"?><Response><Connect action="/voice/ended">{relay}</Connect></Response>'

    async def _voice(self, request: web.Request) -> web.Response:
        await self._take_form(request)
        answer = self.voice_answer or self.twiml()
        return web.Response(text=answer, content_type="text/xml", status=self.voice_status)

    async def _ended(self, request: web.Request) -> web.Response:
        await self._take_form(request)
        answer = self.answers.pop(0) if self.answers else HANG_UP
        return web.Response(text=answer, content_type="text/xml")

    async def _status(self, request: web.Request) -> web.Response:
        await self._take_form(request)
        return web.Response(status=204)

    async def _take_form(self, request: web.Request) -> None:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self._check(self.url + request.path, form, request)
        self.forms.append((request.path, form))

    def _check(self, url: str, form: dict[str, str], request: web.Request) -> None:
        signature = request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(AUTH_TOKEN).validate(url, form, signature):
            self.bad_signatures += 1

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._check("ws" + self.url.removeprefix("http") + request.path, {}, request)
        if self.refuse_sockets:
            return web.Response(status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            frame = msgspec.json.decode(message.data)
            self.frames.append(frame)
            await self.behave(self, socket, frame)
        self.closes.append(socket.close_code)
        return socket

    async def speak(self, socket: web.WebSocketResponse, *tokens: str, **more: Any) -> None:
        """A talk cycle: the tokens, the last one marked."""
        for index, token in enumerate(tokens):
            await socket.send_json({"type": "text", "token": token, "last": index == len(tokens) - 1, **more})

    def of_type(self, type_: str) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == type_]

    def told(self) -> list[tuple[str, str]]:
        """The frames after setup in short: (type or info's name, its value)."""
        value = {"info": "value", "interrupt": "utteranceUntilInterrupt", "dtmf": "digit", "prompt": "voicePrompt"}
        rest = [frame for frame in self.frames if frame["type"] != "setup"]
        return [(f.get("name", f["type"]), str(f.get(value.get(f["type"], ""), ""))) for f in rest]

    def form_of(self, path: str) -> dict[str, str]:
        return next(form for seen, form in self.forms if seen == path)


@dataclass
class Phone:
    """The other side: calls to the tiny application, and what they told."""

    line: Line
    events: list[CallEvent] = field(default_factory=list)

    async def call(self, language: str | None = None, speed: float = 50.0) -> PhoneCall:
        """A call that is already connected, fifty times as fast as life."""
        call = PhoneCall(self.line, NUMBERS, language=language, speed=speed, tell=self.events.append)
        await asyncio.wait_for(call.start(), 5)
        return call

    def seen(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def open_phone(relay: TinyRelay) -> AsyncIterator[Phone]:
    async with TestServer(relay.app()) as server, aiohttp.ClientSession() as session:
        relay.url = str(server.make_url("")).rstrip("/")
        yield Phone(Line(session, LineSettings(ACCOUNT_SID, AUTH_TOKEN, relay.url, relay.url)))


async def finish(call: PhoneCall) -> bool:
    """Waits until the agent has answered; a short pause is enough at this speed."""
    return await call.agent_is_done(timeout_s=5, settle_s=0.05)
