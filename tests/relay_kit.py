"""A relay on loopback with a model that has a memory, and a caller's end of the socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from relay_server.app import create_app
from relay_server.parts import LIVE
from relay_server.tickets import Tickets
from shared.config import Settings, load_settings
from shared.signature import relay_url, sign_form, sign_websocket

TOKEN = "0123456789abcdef0123456789abcdef"
ACCOUNT = "AC" + "1" * 32
# What a machine that does much else may add to any time, and still less than what a missing guard would take.
LOADED_S = 15.0
CALLER, CALLED = "+15555550111", "+15555550100"


@dataclass
class Reply:
    """What the model answers: pieces of text with a pause before each, tools, or a failure."""

    texts: tuple[str, ...] = ("Hello.",)
    pause_s: float = 0.0
    tools: tuple[tuple[str, str], ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    raw: bytes | None = None


class FakeModel:
    """An OpenAI-compatible endpoint: enqueue replies, later read what it was asked and when it was let go."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.asked: list[dict[str, Any]] = []
        self.let_go_s: list[float] = []
        self.written = 0  # pieces of text so far

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        reply = self.replies.popleft() if self.replies else Reply()
        if reply.status != 200:
            return web.json_response(
                {"error": {"message": "no"}}, status=reply.status, headers=dict(reply.headers)
            )
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await self._stream(response, reply)
        except (ConnectionError, asyncio.CancelledError):
            self.let_go_s.append(asyncio.get_running_loop().time())
            raise
        if reply.cut and request.transport is not None:
            request.transport.abort()
        return response

    async def _stream(self, response: web.StreamResponse, reply: Reply) -> None:
        if reply.raw is not None:
            await response.write(reply.raw)
            return
        for text in reply.texts:
            await asyncio.sleep(reply.pause_s)
            await response.write(_event({"choices": [{"delta": {"content": text}}]}))
            self.written += 1
        if reply.cut:
            return
        for index, (name, arguments) in enumerate(reply.tools):
            call = {"index": index, "id": f"call_{index}", "function": {"name": name, "arguments": arguments}}
            await response.write(_event({"choices": [{"delta": {"tool_calls": [call]}}]}))
        await response.write(_event({"choices": [{"delta": {}, "finish_reason": "stop"}]}))
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        await response.write(_event({"choices": [], "usage": usage}) + b"data: [DONE]\n\n")


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


@dataclass
class Relay:
    """A running relay and what is needed to talk to it."""

    settings: Settings
    model: FakeModel
    http: aiohttp.ClientSession
    app: web.Application | None = None

    @property
    def url(self) -> str:
        return self.settings.relay_public_url

    @property
    def operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.settings.operator_token}"}

    @property
    def live(self) -> bool:
        """True while a call's socket is open."""
        assert self.app is not None
        return bool(self.app[LIVE])

    def records(self, stream: str = "calls") -> list[dict[str, Any]]:
        """What the journal holds by now; a line that is being written does not count yet."""
        path = self.settings.data_dir / f"{stream}.ndjson"
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]

    def latest(self) -> dict[str, Any]:
        """The last record of the calls, {} before there is one."""
        return (self.records() or [{}])[-1]

    async def post(self, path: str, **form: str) -> tuple[int, str]:
        """Posts a signed form as Twilio does."""
        headers = {"X-Twilio-Signature": sign_form(self.url + path, form, TOKEN)}
        async with self.http.post(self.url + path, data=form, headers=headers) as response:
            return response.status, await response.text()

    def ticket(self, call_sid: str) -> str:
        """What the TwiML of this call would have carried."""
        return Tickets(self.settings.session_secret).issue(call_sid, time.time())

    @contextlib.asynccontextmanager
    async def call(self, call_sid: str = "CA1", *, setup: bool = True) -> AsyncIterator[CallerEnd]:
        """A signed socket with its `setup` sent."""
        url = relay_url(self.url)
        headers = {"X-Twilio-Signature": sign_websocket(url, TOKEN)}
        async with self.http.ws_connect(url, headers=headers) as socket:
            caller = CallerEnd(socket)
            if setup:
                await caller.send(
                    type="setup",
                    sessionId="VX1",
                    callSid=call_sid,
                    accountSid=ACCOUNT,
                    customParameters={"ticket": self.ticket(call_sid)},
                    **{"from": CALLER, "to": CALLED, "direction": "inbound"},
                )
            yield caller


@dataclass
class CallerEnd:
    """Twilio's end of a call."""

    socket: aiohttp.ClientWebSocketResponse

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def prompt(self, text: str, lang: str = "en-US") -> None:
        await self.send(type="prompt", voicePrompt=text, lang=lang, last=True)

    def vanish(self) -> None:
        """The connection breaks without a goodbye."""
        transport = self.socket.get_extra_info("socket")
        transport.shutdown(2)

    async def frame(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.socket.receive_json(timeout=20)
        return found

    async def reply(self) -> str:
        """The text up to the next `last`."""
        said = ""
        while True:
            frame = await self.frame()
            if frame["type"] == "text":
                said += frame["token"]
                if frame["last"]:
                    return said

    async def ask(self, text: str, lang: str = "en-US") -> str:
        await self.prompt(text, lang)
        return await self.reply()


def relay_environment(data_dir: Path, port: int, model_url: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(data_dir),
        "RELAY_PORT": str(port),
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "OPENAI_API_KEY": "sk-test-0000",
        "OPENAI_BASE_URL": model_url,
    }


@contextlib.asynccontextmanager
async def running_model() -> AsyncIterator[tuple[FakeModel, str]]:
    model = FakeModel()
    runner = web.AppRunner(model.app(), handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield model, f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def running_relay(data_dir: Path, port: int, **more: str) -> AsyncIterator[Relay]:
    """A relay in this process, on a real port, with the model behind it."""
    async with running_model() as (model, model_url), aiohttp.ClientSession() as http:
        settings = load_settings("relay_server", relay_environment(data_dir, port, model_url) | more)
        app = create_app(settings)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield Relay(settings, model, http, app)
        finally:
            await runner.cleanup()
