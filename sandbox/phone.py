"""A simulated phone call, as the person on the phone has it: dial or answer, talk, press keys, hang up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from sandbox.call_clock import CallClock
from sandbox.call_flow import CallFlow, Listener
from sandbox.call_identity import INBOUND, OUTBOUND, CallIdentity, Numbers, UndeclaredLanguage
from sandbox.call_status import CallStatus
from sandbox.line import CouldNotConnect, Line
from sandbox.network import Network
from sandbox.outgoing import Outgoing, Source, StatusOrder
from sandbox.phone_events import CallEnded, CallEvent
from sandbox.relay_session import RelaySession
from sandbox.reported_call import ReportedCall, Sentence
from sandbox.sids import new_sid
from sandbox.speech_rate import spoken_s
from sandbox.transcript import transcript
from sandbox.twiml_reader import BadTwiml

SETTLE_S = 0.6


class PhoneCall:
    """One call. `start` it, let the caller `say` things, `hang_up`, and take the `report`.

    `language` is a BCP 47 tag that must match a declared one by its primary part; None is the session's own.
    A `paced` caller takes the time that speaking takes; otherwise words are typed and the clock jumps. With
    `outgoing` the application called, and the person answers.
    """

    def __init__(
        self,
        line: Line,
        numbers: Numbers,
        *,
        language: str | None = None,
        speed: float = 1.0,
        tell: Callable[[CallEvent], None] = lambda _: None,
        watch: Callable[[str], None] = lambda _: None,
        paced: bool = False,
        network: Network | None = None,
        outgoing: Outgoing | None = None,
    ) -> None:
        direction = INBOUND if outgoing is None else OUTBOUND
        self._call = CallIdentity(line.settings.account_sid, new_sid("CA"), numbers, direction)
        self.call_sid = self._call.call_sid
        self.ended = asyncio.Event()
        self.clock = CallClock(speed)
        self.paced = paced
        self._numbers = numbers
        self._started_at = datetime.now(UTC)
        self._tell_outside = tell
        self._outgoing = outgoing
        self._activity = asyncio.Event()
        self._said: list[Sentence] = []
        self._task: asyncio.Task[None] | None = None
        order = StatusOrder(line.settings.status_url) if outgoing is None else outgoing.status
        self.status = CallStatus(line, self._call, order, watch)
        self._flow = CallFlow(line, self._call, self.clock, self.status, self._tell, language, network)

    # ---- for the caller ----

    async def start(self) -> None:
        """Dials and returns when the agent is on the line, or the call was refused (`ended` is set then).

        Raises CouldNotConnect or UndeclaredLanguage.
        """
        self._task = asyncio.create_task(self._run())
        connected = asyncio.create_task(self._flow.connected.wait())
        await asyncio.wait({self._task, connected}, return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if self._task.done():
            await self._task

    async def say(self, text: str) -> bool:
        """Says something, over the agent's speech if need be; False when it was not passed on."""
        listener = await self._on_the_line()
        if listener is None:
            return False
        start_s = self.clock.now_s()
        if not await listener.say(text, paced=self.paced):
            return False
        language = self._flow.language
        if self.paced:
            end_s = start_s + spoken_s(text, language)
        else:
            start_s, end_s = self.clock.skip(text, language)
        self._said.append(Sentence("caller", text, start_s, end_s))
        return True

    async def begin_speaking(self, text: str) -> bool:
        """The words so far of an utterance that goes on; the first of them may interrupt. False when unheard."""
        listener = await self._on_the_line()
        if not isinstance(listener, RelaySession) or listener.is_deaf:
            return False
        await listener.begin_speaking()
        await listener.speak_on(text)
        return True

    async def speak_on(self, text: str) -> None:
        """More words of the utterance, cumulative."""
        listener = await self._on_the_line()
        if isinstance(listener, RelaySession):
            await listener.speak_on(text)

    async def finish_speaking(self, text: str) -> None:
        """The whole utterance after `begin_speaking`."""
        listener = await self._on_the_line()
        if isinstance(listener, RelaySession):
            await listener.finish_speaking(text)
            end_s = self.clock.now_s()
            start_s = max(0.0, end_s - spoken_s(text, self._flow.language))
            self._said.append(Sentence("caller", text, start_s, end_s))

    async def press(self, digits: str) -> bool:
        """Presses keys; False when the session does not detect them."""
        listener = await self._on_the_line()
        return listener is not None and await listener.press(digits, paced=self.paced)

    async def interrupt(self) -> bool:
        """Breaks into the agent's speech without words; False in silence."""
        listener = await self._on_the_line()
        return listener is not None and await listener.interrupt()

    async def drop(self) -> None:
        """Breaks the connection, as a bad network does; the application may ask for a new one."""
        listener = await self._on_the_line()
        if isinstance(listener, RelaySession):
            self._flow.connected.clear()
            await listener.drop()

    async def hang_up(self) -> None:
        """Puts the phone down and waits until the application has been told."""
        await self._flow.hang_up()
        if self._task is not None:
            await self._task

    async def put_down(self) -> None:
        """Puts the phone down without waiting for what follows."""
        await self._flow.hang_up()

    async def redirect(self, source: Source) -> None:
        """Goes on with other TwiML, as an update by REST does."""
        await self._flow.redirect(source)

    async def agent_is_done(self, timeout_s: float, settle_s: float = SETTLE_S) -> bool:
        """Waits until the agent has answered and stayed silent for `settle_s` (real seconds), or the call ended.

        False when that did not happen in time. The pause is there because an agent that uses a tool speaks,
        falls silent and speaks again.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not self.ended.is_set():
            left_s = deadline - loop.time()
            if left_s <= 0:
                return False
            is_done = self._flow.listener is not None and self._flow.listener.agent_is_done
            happened = await self._something_happens(min(left_s, settle_s) if is_done else left_s)
            if is_done and not happened and settle_s < left_s:
                return True
        return not self.reply_due

    async def something_happens(self, timeout_s: float) -> bool:
        """Waits for the next event of the call; False when none came in time or the call is over."""
        return not self.ended.is_set() and await self._something_happens(timeout_s)

    @property
    def agent_speaks(self) -> bool:
        listener = self._flow.listener
        return isinstance(listener, RelaySession) and listener.voice.speaking

    @property
    def reply_due(self) -> bool:
        """True from the caller's last words until the first words of a reply."""
        return self._flow.listener is not None and self._flow.listener.reply_due

    @property
    def language(self) -> str:
        """What the caller's speech is taken for now."""
        listener = self._flow.listener
        if isinstance(listener, RelaySession):
            return listener.settings.transcription_language
        return self._flow.language

    @property
    def ended_by(self) -> str:
        """caller, agent or failed."""
        return self._flow.ended_by

    @property
    def never_connected(self) -> bool:
        """True for a call that was refused before anybody spoke with the agent."""
        return self._flow.attempts == 0

    def report(self) -> ReportedCall:
        """The call so far, with only what was heard of the agent."""
        flow = self._flow
        current = flow.listener.voice.heard if isinstance(flow.listener, RelaySession) else []
        sentences = transcript([*flow.heard, *current], self._said)
        return ReportedCall(
            call_sid=self.call_sid,
            session_id=flow.session_sid,
            caller=self._numbers.caller,
            called=self._numbers.called,
            language=self.language,
            started_at=self._started_at,
            duration_s=round(max([self.clock.now_s(), *(s.end_s for s in sentences)]), 2),
            sentences=sentences,
            direction=self._call.direction,
            ended_by=flow.ended_by,
            handoff_data=flow.handoff_data,
        )

    # ---- inside ----

    async def _run(self) -> None:
        detail = ""
        try:
            await self._flow.run(self._outgoing)
        except (BadTwiml, CouldNotConnect, UndeclaredLanguage) as error:
            self._flow.ended_by, detail = "failed", str(error)
            if self.never_connected:
                self.status.become("failed")
                raise error if isinstance(error, UndeclaredLanguage) else CouldNotConnect(detail) from error
        finally:
            self.status.become("failed" if self.status.now == "queued" else "completed", self.clock.now_s())
            await self.status.told()
            self.ended.set()
            self._activity.set()
        self._tell(CallEnded(self._flow.ended_by, detail))

    def _tell(self, event: CallEvent) -> None:
        self._tell_outside(event)
        self._activity.set()

    async def _something_happens(self, timeout_s: float) -> bool:
        self._activity.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._activity.wait()
        return self._activity.is_set()

    async def _on_the_line(self) -> Listener | None:
        """Who hears the caller, once there is somebody again; None when the call is over."""
        over = asyncio.create_task(self.ended.wait())
        connected = asyncio.create_task(self._flow.connected.wait())
        await asyncio.wait({over, connected}, return_when=asyncio.FIRST_COMPLETED)
        for task in (over, connected):
            task.cancel()
        return None if self.ended.is_set() else self._flow.listener
