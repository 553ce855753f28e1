"""A browser's phone line to the agent: JSON frames both ways over one WebSocket, one call for each."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from sandbox.call_identity import Numbers, UndeclaredLanguage
from sandbox.callers import default_caller
from sandbox.exchange import Exchange, LiveCall
from sandbox.line import CouldNotConnect
from sandbox.phone_events import (
    AgentSpoke,
    CallEnded,
    CallEvent,
    Connected,
    FirstText,
    LanguageChanged,
    Notice,
    SoundPlayed,
    Speaking,
    TextArrived,
    TonesPlayed,
    Transferred,
)

FRAME_BYTES = 16 * 1024
DIAL_WITHIN_S = 30.0
HEARTBEAT_S = 20.0
CODE = 40000
KEYS = "0123456789*#"


class Frame(msgspec.Struct, tag_field="type", frozen=True, forbid_unknown_fields=True):
    """A frame from the browser."""


class Dial(Frame, tag="dial", frozen=True):
    """The first frame: who calls whom. Default: a known customer of the language calls the platform."""

    from_: str = msgspec.field(name="from", default="")
    to: str = ""
    language: str = ""


class Partial(Frame, tag="partial", frozen=True):
    """What has been said of the utterance until now, cumulative."""

    text: str


class Say(Frame, tag="say", frozen=True):
    """The whole utterance."""

    text: str


class Dtmf(Frame, tag="dtmf", frozen=True):
    digits: str

    def __post_init__(self) -> None:
        if not self.digits or any(key not in KEYS for key in self.digits):
            raise ValueError("digits may be 0 to 9, * and # only")


class Interrupt(Frame, tag="interrupt", frozen=True):
    """A noise over the agent's speech, without words."""


class Drop(Frame, tag="drop", frozen=True):
    """The network breaks."""


class Hangup(Frame, tag="hangup", frozen=True):
    """The phone is put down."""


AnyFrame = Dial | Partial | Say | Dtmf | Interrupt | Drop | Hangup
_decoder: msgspec.json.Decoder[AnyFrame] = msgspec.json.Decoder(AnyFrame)


async def serve_phone(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """One call over one socket; it ends with either."""
    socket = web.WebSocketResponse(max_msg_size=FRAME_BYTES, heartbeat=HEARTBEAT_S)
    await socket.prepare(request)
    line = _BrowserLine(socket, exchange)
    sending = asyncio.create_task(line.send())
    try:
        await line.talk()
    finally:
        await line.put_down()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await socket.close()
    return socket


class _BrowserLine:
    """The call of one socket. Events come while frames are read, so they go through a queue."""

    def __init__(self, socket: web.WebSocketResponse, exchange: Exchange) -> None:
        self._socket = socket
        self._exchange = exchange
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._call: LiveCall | None = None
        self._speaking = False
        self._ended = False

    async def send(self) -> None:
        """Sends what is to be told, until cancelled."""
        while True:
            frame = await self._out.get()
            with suppress(ConnectionError):
                await self._socket.send_json(frame, dumps=_dumps)
            self._out.task_done()

    async def talk(self) -> None:
        """Dials, then carries out frames until the call is over or the browser is gone."""
        dial = await self._first_frame()
        if dial is None or not await self._dial(dial):
            return
        over = asyncio.create_task(self._until_over())
        try:
            while not over.done():
                reading = asyncio.create_task(self._socket.receive())
                await asyncio.wait({reading, over}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    break
                message = reading.result()
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                if not await self._obey(message.data):
                    break
        finally:
            over.cancel()

    async def put_down(self) -> None:
        """Ends the call if need be, reports it, and sees that the browser hears of the end."""
        if self._call is not None:
            with suppress(CouldNotConnect, UndeclaredLanguage):
                await self._call.phone.hang_up()
            self._end()
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self._out.join()

    # ---- frames ----

    async def _first_frame(self) -> Dial | None:
        try:
            async with asyncio.timeout(DIAL_WITHIN_S):
                message = await self._socket.receive()
        except TimeoutError:
            return None
        if message.type is not aiohttp.WSMsgType.TEXT:
            return None
        frame = self._read(message.data)
        if isinstance(frame, Dial):
            return frame
        if frame is not None:
            self._refuse('the first frame must be {"type":"dial"}')
        await self._out.join()
        return None

    async def _dial(self, dial: Dial) -> bool:
        language = dial.language or None
        caller, called = dial.from_ or default_caller(language), dial.to or self._exchange.our_number
        self._call = call = self._exchange.by_hand(Numbers(caller, called), language, self._happened)
        self._tell("dialing", **{"callSid": call.phone.call_sid, "from": caller, "to": called})
        try:
            await call.phone.start()
        except (CouldNotConnect, UndeclaredLanguage) as error:
            self._refuse(str(error))
            self._end(str(error))
            return False
        return True

    async def _obey(self, data: str) -> bool:
        """Carries out one frame; False when the call is to end."""
        frame, call = self._read(data), self._call
        if frame is None or call is None:
            return True
        phone = call.phone
        match frame:
            case Dial():
                self._refuse("this socket has its call already")
            case Partial() if self._speaking:
                await phone.speak_on(frame.text)
            case Partial():
                self._speaking = await phone.begin_speaking(frame.text)
            case Say() if not frame.text.strip():
                pass
            case Say() if self._speaking:
                self._speaking = False
                await phone.finish_speaking(frame.text)
            case Say():
                await phone.say(frame.text)
            case Dtmf():
                await phone.press(frame.digits)
            case Interrupt():
                await phone.interrupt()
            case Drop():
                await phone.drop()
            case Hangup():
                return False
        return True

    def _read(self, data: str) -> AnyFrame | None:
        try:
            return _decoder.decode(data)
        except (msgspec.MsgspecError, RecursionError) as error:
            self._refuse(f"this frame was not understood: {error}")
            return None

    # ---- what the browser is told ----

    def _happened(self, event: CallEvent) -> None:
        match event:
            case Connected():
                self._tell(
                    "connected",
                    callSid=event.call_sid,
                    sessionId=event.session_id,
                    language=event.language,
                    languages=list(event.languages),
                    attempt=event.attempt,
                )
            case TextArrived():
                self._tell("text", text=event.text, last=event.last, language=event.language)
            case AgentSpoke():
                self._tell("spoken", text=event.text, cut=event.cut, language=event.language)
            case Speaking():
                self._tell("speaking", who=event.who, on=event.on)
            case FirstText():
                self._tell("latency", ms=round(event.latency_ms, 1))
            case LanguageChanged():
                self._tell("language", code=event.code)
            case Notice():
                self._tell("notice", text=event.text)
            case Transferred():
                self._tell("transferred", target=event.target)
            case TonesPlayed():
                self._tell("tones", digits=event.digits)
            case SoundPlayed():
                self._tell("sound", source=event.source)
            case CallEnded():
                self._end(event.detail)
            case _:
                pass

    def _end(self, detail: str = "") -> None:
        """Told once, with the transcript that is to come."""
        if self._ended or self._call is None:
            return
        self._ended = True
        phone = self._call.phone
        self._tell(
            "ended",
            by=phone.ended_by,
            detail=detail,
            durationS=phone.report().duration_s,
            transcriptSid=self._exchange.report(self._call),
        )

    def _refuse(self, title: str) -> None:
        self._tell("error", code=CODE, title=title)

    def _tell(self, type_: str, **fields: Any) -> None:
        at_s = 0.0 if self._call is None else self._call.phone.clock.now_s()
        self._out.put_nowait({"type": type_, "at_ms": round(at_s * 1000), **fields})

    async def _until_over(self) -> None:
        if self._call is not None:
            await self._call.phone.ended.wait()


def _dumps(value: Any) -> str:
    return msgspec.json.encode(value).decode()
