"""A simulated phone call: from the voice URL through ConversationRelay to the hang-up and its transcript."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from sandbox.call_clock import CallClock
from sandbox.call_identity import CallIdentity, Numbers, action_fields, match_language
from sandbox.line import CouldNotConnect, Line
from sandbox.phone_events import AgentSpoke, CallEnded, CallEvent, Connected, Notice, Transferred
from sandbox.relay_session import RelaySession, SessionEnd
from sandbox.reported_call import ReportedCall, Sentence
from sandbox.sids import new_sid
from sandbox.speech import CHARS_PER_S
from sandbox.transcript import Heard, transcript
from sandbox.twiml_reader import BadTwiml, Hangup, Pause, Redirect, Relay, Say, Transfer, Verb, read_twiml

RECONNECTS = 5
ACTION_RETRY_S = 2.0
SETTLE_S = 0.6
POLL_S = 0.02


class PhoneCall:
    """One call. `start` it, let the caller `say` things, `hang_up`, and take the `report`.

    `language` is a BCP 47 tag that must match a declared one by its primary part; None is the session's own.
    """

    def __init__(
        self,
        line: Line,
        numbers: Numbers,
        *,
        language: str | None = None,
        speed: float = 1.0,
        tell: Callable[[CallEvent], None] = lambda _: None,
    ) -> None:
        self._call = CallIdentity(line.settings.account_sid, new_sid("CA"), numbers)
        self.call_sid = self._call.call_sid
        self.ended = asyncio.Event()
        self.ended_by = "caller"
        self._line = line
        self._numbers = numbers
        self._wanted_language = language
        self._clock = CallClock(speed)
        self._started_at = datetime.now(UTC)
        self._tell = tell
        self._session: RelaySession | None = None
        self._session_sid = ""
        self._connected = asyncio.Event()
        self._attempts = 0
        self._session_s = 0.0
        self._hung_up = False
        self._heard: list[Heard] = []
        self._said: list[Sentence] = []
        self._language = language or ""
        self._handoff_data: str | None = None
        self._task: asyncio.Task[None] | None = None

    # ---- for the caller ----

    async def start(self) -> None:
        """Dials and returns when the agent is on the line, or the call was refused (`ended` is set then).

        Raises CouldNotConnect or UndeclaredLanguage.
        """
        self._task = asyncio.create_task(self._run())
        connected = asyncio.create_task(self._connected.wait())
        await asyncio.wait({self._task, connected}, return_when=asyncio.FIRST_COMPLETED)
        connected.cancel()
        if self._task.done():
            await self._task

    async def say(self, text: str) -> bool:
        """Says something, over the agent's speech if need be; False when it was not passed on."""
        session = await self._on_the_line()
        if session is None or not await session.say(text):
            return False
        start_s, end_s = self._clock.speak(text)
        self._said.append(Sentence("caller", text, start_s, end_s))
        return True

    async def press(self, digits: str) -> bool:
        """Presses keys; False when the session does not detect them."""
        session = await self._on_the_line()
        return session is not None and await session.press(digits)

    async def interrupt(self) -> bool:
        """Breaks into the agent's speech without words; False in silence."""
        session = await self._on_the_line()
        return session is not None and await session.interrupt()

    async def drop(self) -> None:
        """Breaks the connection, as a bad network does; the application may ask for a new one."""
        session = await self._on_the_line()
        if session is not None:
            self._connected.clear()
            await session.drop()

    async def hang_up(self) -> None:
        """Puts the phone down and waits until the application has been told."""
        self._hung_up = True
        if self._session is not None:
            await self._session.hang_up()
        if self._task is not None:
            await self._task

    async def agent_is_done(self, timeout_s: float, settle_s: float = SETTLE_S) -> bool:
        """Waits until the agent has answered and stayed silent for `settle_s` (real seconds), or the call ended.

        False when that did not happen in time. The pause is there because an agent that uses a tool speaks,
        falls silent and speaks again.
        """
        loop = asyncio.get_running_loop()
        deadline, quiet_since = loop.time() + timeout_s, loop.time()
        while not self.ended.is_set():
            now = loop.time()
            if self._session is None or not self._session.agent_is_done:
                quiet_since = now
            if now - quiet_since >= settle_s:
                return True
            if now >= deadline:
                return False
            await asyncio.sleep(POLL_S)
        return self._session is None or not self._session.reply_due

    def report(self) -> ReportedCall:
        """The call so far, with only what was heard of the agent."""
        heard = [*self._heard, *(self._session.heard if self._session else [])]
        sentences = transcript(heard, self._said)
        return ReportedCall(
            call_sid=self.call_sid,
            session_id=self._session_sid,
            caller=self._numbers.caller,
            called=self._numbers.called,
            language=self._language,
            started_at=self._started_at,
            duration_s=round(max([self._clock.now_s(), *(s.end_s for s in sentences)]), 2),
            sentences=sentences,
            ended_by=self.ended_by,
            handoff_data=self._handoff_data,
        )

    @property
    def never_connected(self) -> bool:
        """True for a call that was refused before anybody spoke with the agent."""
        return self._attempts == 0

    async def _on_the_line(self) -> RelaySession | None:
        """The session, once there is one again; None when the call is over."""
        over = asyncio.create_task(self.ended.wait())
        connected = asyncio.create_task(self._connected.wait())
        await asyncio.wait({over, connected}, return_when=asyncio.FIRST_COMPLETED)
        for task in (over, connected):
            task.cancel()
        return None if self.ended.is_set() else self._session

    # ---- the phone company ----

    async def _run(self) -> None:
        detail = ""
        try:
            verbs = await self._answer(self._line.settings.voice_url, {"CallStatus": "ringing"})
            while (relay := await self._execute(verbs)) is not None:
                end = await self._connect(relay)
                verbs = await self._after(relay, end)
        except (BadTwiml, CouldNotConnect) as error:
            self.ended_by, detail = "failed", str(error)
            if self._attempts == 0:
                raise CouldNotConnect(detail) from error
        finally:
            await self._report_status()
            self.ended.set()
        self._tell(CallEnded(self.ended_by, detail))

    async def _report_status(self) -> None:
        """Tells the number's status callback that the call is over; nobody need listen there."""
        status = "failed" if self._attempts == 0 else "completed"
        fields = {"CallStatus": status, "CallDuration": str(round(self._clock.now_s()))}
        with suppress(CouldNotConnect):
            await self._line.post(self._line.settings.status_url, {**self._call.fields(), **fields})

    async def _execute(self, verbs: Sequence[Verb]) -> Relay | None:
        """Carries out TwiML up to the next relay; None when the call ends with it."""
        for verb in verbs:
            match verb:
                case Relay():
                    return verb
                case Redirect():
                    return await self._execute(await self._answer(verb.url, {"CallStatus": "in-progress"}))
                case Say():
                    await self._hear_announcement(verb.text)
                case Pause():
                    await asyncio.sleep(self._clock.real_s(verb.length_s))
                case Transfer():
                    self._tell(Transferred(verb.target))
                    return None
                case Hangup():
                    if verb.reason:
                        self._tell(Notice(f"the call was refused: {verb.reason}"))
                    return None
        return None

    async def _connect(self, relay: Relay) -> SessionEnd:
        """Runs one relay session to its end. Raises UndeclaredLanguage before anything is opened."""
        language = match_language(self._language or self._wanted_language, relay)
        try:
            socket = await self._line.open_socket(relay.url)
        except CouldNotConnect as error:
            if self._attempts == 0:
                raise
            return SessionEnd("failed", error_code=64102, error_message=str(error))
        self._attempts += 1
        self._session_sid = new_sid("VX")
        self._language = language
        session = RelaySession(socket, relay, language, self._clock, self._tell)
        await session.open(self._call.setup(self._session_sid, relay, first=self._attempts == 1))
        self._session = session
        self._connected.set()
        self._tell(Connected(self.call_sid, self._session_sid, language, self._attempts))
        began_s = self._clock.now_s()
        end = await session.run()
        self._connected.clear()
        self._heard += session.heard
        session.heard = []
        self._language = session.language
        self._session_s = self._clock.now_s() - began_s
        return end

    async def _after(self, relay: Relay, end: SessionEnd) -> list[Verb]:
        """Tells the application how the session ended; its answer continues the call, up to five times."""
        self.ended_by = {"ended": "agent", "completed": "caller"}.get(end.status, "failed")
        self._handoff_data = end.handoff_data
        if relay.action is None:
            return []
        fields = action_fields(end, self._session_sid, self._session_s)
        verbs = await self._answer_twice(self._line.absolute(relay.action), fields)
        if self._hung_up:
            return []
        again = any(isinstance(verb, Relay) for verb in verbs)
        if again and self._attempts > RECONNECTS:
            self._tell(Notice(f"given up after {RECONNECTS} reconnects"))
            return []
        if again and end.status == "failed":
            self._tell(Notice("the connection was lost; the application takes the call up again"))
        return verbs

    async def _answer(self, url: str, fields: dict[str, str]) -> list[Verb]:
        absolute = self._line.absolute(url)
        return read_twiml(await self._line.post(absolute, {**self._call.fields(), **fields}))

    async def _answer_twice(self, url: str, fields: dict[str, str]) -> list[Verb]:
        """Like Twilio, once more when no answer came."""
        try:
            return await self._answer(url, fields)
        except CouldNotConnect:
            await asyncio.sleep(ACTION_RETRY_S)
            return await self._answer(url, fields)

    async def _hear_announcement(self, text: str) -> None:
        start_s = self._clock.now_s()
        duration_s = len(text) / CHARS_PER_S
        await asyncio.sleep(self._clock.real_s(duration_s))
        self._heard.append(Heard(text, start_s, start_s + duration_s))
        self._tell(AgentSpoke(text))
