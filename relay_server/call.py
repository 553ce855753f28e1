"""One call on its WebSocket: carries facts into the session and carries out what it commands."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, get_args

import aiohttp
import msgspec
from aiohttp import WSMsgType, web

from dialogue.model import Calling, Finished, ModelError, Responding, TextPart
from relay_server import facts as f
from relay_server import messages as m
from relay_server.bucket import TokenBucket
from relay_server.call_state import State
from relay_server.leaving import CLOSE_GRACE_S
from relay_server.metrics import DROPPED, FRAMES, SENT
from relay_server.session import Session
from relay_server.surroundings import Surroundings
from shared.telemetry import get_logger

OUTBOX_COMMANDS = 1000
STUCK_S = 10.0
SETUP_WITHIN_S = 10.0
# A busy call sends fewer than twenty frames a second; after a reconnect Twilio replays up to 500 at once.
FRAMES_PER_S, FRAMES_AT_ONCE = 50.0, 600.0
SENT_BY_KIND = {kind: SENT.labels(kind.__name__.removesuffix("Out").lower()) for kind in get_args(m.Outbound)}
log = get_logger("call")


class StuckLine(Exception):
    """The other side takes nothing of what it is sent, and goes on sending."""


class NoSetup(Exception):
    """The socket is open and its first frame does not come."""


class Call:
    """Runs a session on a socket. Whatever happens to the call passes `feed`, in one event loop."""

    def __init__(self, socket: web.WebSocketResponse, around: Surroundings) -> None:
        self.session = Session(around.agent, around.models.name, around.detect, around.requests)
        self.closed = asyncio.Event()
        self._socket = socket
        self._around = around
        self._bucket = TokenBucket(FRAMES_PER_S, FRAMES_AT_ONCE)
        self._outbox: deque[f.Command] = deque()
        self._flushing = False
        self._flushed = asyncio.Event()
        self._cancelled = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._model_task: asyncio.Task[None] | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}

    async def run(self, on_setup: Callable[[m.Setup], f.Resumed | None]) -> None:
        """Reads the socket until it closes. `on_setup` may refuse a call (by raising) or resume it.

        Whatever happens, the session is told of the end and no task or timer is left.
        """
        try:
            await self._read(on_setup)
        finally:
            try:
                self._end(clean=self._socket.close_code == aiohttp.WSCloseCode.OK)
            finally:
                await self._release()
                self.closed.set()

    def superseded(self) -> None:
        """The same call is back on another socket: this one says nothing more, and its records are written."""
        self._end(clean=False)
        self._spawn(self._close())

    async def turn_away(self, reason_code: str) -> None:
        """Ends a session that never began, and leaves Twilio the time to close its socket."""
        data = msgspec.json.encode({"reasonCode": reason_code}).decode()
        with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_GRACE_S):
                await self._socket.send_str(m.encode_frame(m.EndOut(data)))
                async for _ in self._socket:
                    pass

    async def feed(self, fact: f.Fact) -> None:
        """Tells the session and carries out its commands; those of concurrent facts keep their order."""
        commands = self.session.feed(fact, time.monotonic())
        for command in commands:
            if isinstance(command, f.CancelModel) and command.drop:
                self._drop_unsent(command.generation)
        self._outbox += commands
        if self._flushing:
            return  # who is at it takes these along
        self._flushing = True
        self._flushed.clear()
        try:
            while self._outbox:
                command = self._outbox.popleft()
                if isinstance(command, f.Send):  # nearly all of them: every word of a reply
                    await self._send(command)
                else:
                    await self._carry_out(command)
        finally:
            self._flushing = False
            self._flushed.set()

    def _end(self, *, clean: bool) -> None:
        """Tells the session that the socket is gone; of what was left to do only the records are written.

        That is done here and now: whoever is at the outbox may be cancelled before it gets there.
        """
        self._outbox += self.session.feed(f.SocketClosed(clean), time.monotonic())
        while self._outbox:
            command = self._outbox.popleft()
            if isinstance(command, f.Write):
                self._around.observer.record(command.record)

    def _drop_unsent(self, generation: int) -> None:
        """Takes back text that a slow socket has not sent yet: Twilio dropped what came before it."""
        kept = [c for c in self._outbox if not (isinstance(c, f.Send) and c.generation == generation)]
        self._outbox = deque(kept)

    # ---- in ----

    async def _read(self, on_setup: Callable[[m.Setup], f.Resumed | None]) -> None:
        """Reads frames until the socket closes. Raises NoSetup when the first one does not come in time."""
        try:
            async with asyncio.timeout(SETUP_WITHIN_S) as patience:
                async for message in self._socket:
                    frame = self._understood(message)
                    if frame is None:
                        continue
                    if isinstance(frame, m.Setup) and self.session.state is State.WAITING:
                        patience.reschedule(None)
                        resumed = on_setup(frame)
                        if resumed is not None:
                            await self.feed(resumed)
                    await self.feed(frame)
                    if len(self._outbox) > OUTBOX_COMMANDS:
                        await self._catch_up()
        except TimeoutError:
            if self.session.state is State.WAITING:
                raise NoSetup from None
            raise

    def _understood(self, message: aiohttp.WSMessage) -> m.Inbound | None:
        """The frame, None for one that is dropped: too many, no text, or not understood."""
        if not self._bucket.take(time.monotonic()):
            DROPPED.labels("rate").inc()
            return None
        if message.type is not WSMsgType.TEXT:
            FRAMES.labels("binary").inc()
            return None
        frame = m.decode_frame(message.data)
        if isinstance(frame, m.Unreadable):
            FRAMES.labels(frame.why).inc()
            log.debug("frame not understood", why=frame.why, call_sid=self.session.call_sid)
            return None
        FRAMES.labels(type(frame).__name__.lower()).inc()
        return frame

    async def _catch_up(self) -> None:
        """Reads no further until the outbox is empty. Raises StuckLine for a peer that sends and does not read."""
        try:
            async with asyncio.timeout(STUCK_S):
                await self._flushed.wait()
        except TimeoutError:
            raise StuckLine from None

    # ---- out ----

    async def _carry_out(self, command: f.Command) -> None:
        match command:
            case f.Write():
                self._around.observer.record(command.record)
            case f.Heard():
                self._around.observer.heard(self.session.call_sid, command.turn, command.heard_text)
            case f.StartModel():
                self._model_task = self._spawn(self._generate(command))
            case f.CancelModel():
                self._cancel_model(command.generation)
            case f.RunTool():
                self._spawn(self._run_tool(command))
            case f.SetTimer():
                self._set_timer(command.name, command.after_s)
            case f.LookUpCustomer():
                self._spawn(self._customer(command.phone))
            case f.WarmUp():
                self._spawn(self._around.models.warm())
            case f.CloseSocket():
                await self._close(command.code)

    async def _close(self, code: int = aiohttp.WSCloseCode.OK) -> None:
        await self._socket.close(code=code)

    async def _send(self, command: f.Send) -> None:
        if self._socket.closed:
            return
        try:
            await self._socket.send_str(m.encode_frame(command.frame))
        except (ConnectionError, RuntimeError):  # it is closing, as the reader is about to notice
            return
        SENT_BY_KIND[type(command.frame)].inc()
        if isinstance(command.frame, m.TextOut) and command.frame.token:
            self._around.observer.text(self.session.call_sid, command.turn, command.frame.token)

    async def _generate(self, command: f.StartModel) -> None:
        """Streams one reply of the model into the session."""
        generation = command.generation
        tools = self._around.tools[command.persona]
        try:
            async with contextlib.aclosing(self._around.models.stream(command.messages, tools)) as parts:
                async for part in parts:
                    match part:
                        case TextPart():
                            await self.feed(f.ReplyText(generation, part.text))
                        case Finished():
                            await self.feed(f.ReplyFinished(generation, part))
                        case Responding() | Calling():
                            await self.feed(f.ReplyBegan(generation, isinstance(part, Calling)))
                    if generation <= self._cancelled:
                        return
        except ModelError as error:
            log.warning("model failed", code=error.code, detail=str(error), call_sid=self.session.call_sid)
            await self.feed(f.ReplyFailed(generation, error.code))

    def _cancel_model(self, generation: int) -> None:
        """Closes the model's connection; when this runs in that very request, it stops after the present part."""
        self._cancelled = generation
        task = self._model_task
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def _run_tool(self, command: f.RunTool) -> None:
        await self.feed(await self._around.runner.run(command))

    async def _customer(self, phone: str) -> None:
        await self.feed(f.CustomerKnown(await self._around.customers.traits(phone)))

    # ---- time and tasks ----

    def _set_timer(self, name: str, after_s: float) -> None:
        self._stop_timer(name)
        self._timers[name] = asyncio.get_running_loop().call_later(after_s, self._fire, name)

    def _fire(self, name: str) -> None:
        self._timers.pop(name, None)
        self._spawn(self.feed(f.TimerFired(name)))

    def _stop_timer(self, name: str) -> None:
        handle = self._timers.pop(name, None)
        if handle is not None:
            handle.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a task of the call failed", call_sid=self.session.call_sid, exc_info=error)

    async def _release(self) -> None:
        """Leaves nothing behind: timers off, tasks cancelled and awaited."""
        for name in list(self._timers):
            self._stop_timer(name)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
