"""The phone company's part of a call: TwiML fetched and carried out, relay sessions run, their ends reported."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import suppress

from sandbox.call_clock import CallClock
from sandbox.call_identity import CallIdentity, action_fields, match_language
from sandbox.call_status import CallStatus
from sandbox.gather import GatherSession
from sandbox.line import CouldNotConnect, Line
from sandbox.network import Network, PhoneSocket, SlowSocket
from sandbox.outgoing import Outgoing, Source, pickup_of
from sandbox.phone_events import AgentSpoke, CallEvent, Connected, Notice, SoundPlayed, Transferred
from sandbox.relay_session import LOST, RelaySession, SessionEnd
from sandbox.relay_settings import RelaySettings
from sandbox.sids import new_sid
from sandbox.speech_rate import spoken_s
from sandbox.transcript import Heard
from sandbox.twiml_reader import (
    Gather,
    Hangup,
    Pause,
    Play,
    Redirect,
    Relay,
    Say,
    Transfer,
    Verb,
    read_twiml,
)

RECONNECTS = 5
ACTION_RETRY_S = 2.0
RECONNECT_AFTER_S = 0.2
SOUND_S = 1.0
TALK_WITH_PERSON_S = 5.0
# Recorded: from the close of the socket to the action callback.
ACTION_AFTER_S = {"ended": 0.7, "completed": 0.6, "failed": 1.2}
Listener = RelaySession | GatherSession


class CallFlow:
    """Runs one call from its first TwiML to its end; `listener` is who hears the caller now."""

    def __init__(
        self,
        line: Line,
        call: CallIdentity,
        clock: CallClock,
        status: CallStatus,
        tell: Callable[[CallEvent], None],
        language: str | None = None,
        network: Network | None = None,
    ) -> None:
        self.listener: Listener | None = None
        self.connected = asyncio.Event()
        self.hung_up = False
        self.ended_by = "caller"
        self.handoff_data: str | None = None
        self.language = language or ""
        self.session_sid = ""
        self.attempts = 0
        self.heard: list[Heard] = []
        self._line = line
        self._call = call
        self._clock = clock
        self._status = status
        self._tell = tell
        self._network = network or Network()
        self._rng = random.Random(call.call_sid)  # noqa: S311 - a simulated network's jitter
        self._break = asyncio.Event()
        self._replacement: Source | None = None
        self._unsent: list[str] = []
        self._session_s = 0.0

    # ---- from the outside ----

    async def run(self, outgoing: Outgoing | None) -> None:
        """The whole call. Raises BadTwiml, CouldNotConnect and UndeclaredLanguage."""
        if outgoing is None:
            self._status.become("ringing")
            verbs = await self._answer(Source(self._line.settings.voice_url), {"CallStatus": "ringing"})
        elif await self._rings(outgoing):
            verbs = await self._answer(outgoing.source, {"CallStatus": "in-progress"})
        else:
            return
        while (relay := await self._execute(verbs)) is not None:
            end = await self._connect(relay)
            verbs = await self._after(relay, end)

    async def hang_up(self) -> None:
        """The caller's phone is put down."""
        self.hung_up = True
        await self._leave()

    async def redirect(self, source: Source) -> None:
        """Goes on with other TwiML at once, as an update of the call by REST does."""
        self._replacement = source
        await self._leave()

    async def _leave(self) -> None:
        self._break.set()
        if isinstance(self.listener, RelaySession):
            await self.listener.hang_up()

    # ---- outgoing calls ----

    async def _rings(self, outgoing: Outgoing) -> bool:
        """Rings the other phone; True when it is answered."""
        self._status.become("initiated")
        self._status.become("ringing")
        rings_s = outgoing.timeout_s if outgoing.pickup == "no-answer" else outgoing.ring_s
        await self._wait(min(rings_s, outgoing.timeout_s))
        if self.hung_up:
            self._status.become("canceled")
        elif outgoing.pickup != "answered" or outgoing.ring_s > outgoing.timeout_s:
            self.ended_by = "failed"
            self._status.become("no-answer" if outgoing.pickup == "answered" else outgoing.pickup)
        else:
            self._status.become("in-progress")
        return self._status.now == "in-progress"

    # ---- verbs ----

    async def _execute(self, verbs: Sequence[Verb]) -> Relay | None:
        """Carries out TwiML up to the next relay; None when the call ends with it."""
        verbs = list(verbs)
        while verbs and not self.hung_up:
            verb = verbs.pop(0)
            match verb:
                case Relay():
                    self._status.become("in-progress")
                    return verb
                case Hangup(reason=""):
                    self.ended_by = self.ended_by if self.attempts else "agent"
                    return None
                case Hangup():
                    self._tell(Notice(f"the call was refused: {verb.reason}"))
                    self._status.become("busy")
                    return None
                case _:
                    following = await self._step(verb)
                    verbs = verbs if following is None else following
            if self._replacement is not None:
                verbs = await self._replaced()
        return None

    async def _step(self, verb: Verb) -> list[Verb] | None:
        """Carries out one verb that does not end the call; the verbs that replace the rest, None for none."""
        self._status.become("in-progress")
        match verb:
            case Say():
                await self._hear_announcement(verb.text)
            case Play():
                self._tell(SoundPlayed(verb.url))
                await self._wait(SOUND_S)
            case Pause():
                await self._wait(verb.length_s)
            case Redirect():
                return await self._answer(Source(verb.url), {"CallStatus": "in-progress"})
            case Gather():
                return await self._gather(verb)
            case Transfer():
                return await self._transfer(verb)
            case _:
                pass
        return None

    async def _gather(self, verb: Gather) -> list[Verb] | None:
        session = GatherSession(verb, self._clock)
        self._listen_with(session)
        for prompt in verb.prompts:
            await self._step(prompt)
        fields = await session.result(self._break)
        self.connected.clear()
        if not fields or verb.action is None:
            return None
        return await self._answer(Source(verb.action), {"CallStatus": "in-progress", **fields})

    async def _transfer(self, verb: Transfer) -> list[Verb] | None:
        """The caller talks with somebody else, whose words are not simulated; then the call goes on or ends."""
        outcome = pickup_of(verb.target) if verb.kind == "dial" else "answered"
        self._tell(Transferred(verb.target, verb.task))
        talked_s = TALK_WITH_PERSON_S if verb.action is not None and outcome == "answered" else 0.0
        await self._wait(talked_s)
        if verb.action is None:
            return [] if outcome == "answered" else None
        told = "completed" if outcome == "answered" else outcome
        fields = {"DialCallStatus": told, "DialCallDuration": str(round(talked_s)), "DialCallSid": new_sid("CA")}
        if verb.kind == "enqueue":
            fields = {"QueueResult": "bridged", "QueueSid": new_sid("QU"), "QueueTime": "0"}
        return await self._answer(Source(verb.action), {"CallStatus": "in-progress", **fields})

    async def _hear_announcement(self, text: str) -> None:
        start_s = self._clock.now_s()
        await self._wait(spoken_s(text, self.language))
        if not self._break.is_set():
            self.heard.append(Heard(text, start_s, self._clock.now_s()))
            self._tell(AgentSpoke(text, language=self.language))

    # ---- relay sessions ----

    async def _connect(self, relay: Relay) -> SessionEnd:
        """Runs one relay session, over several sockets when it may reconnect. Raises UndeclaredLanguage."""
        language = match_language(self.language or None, relay)
        settings = RelaySettings.of(relay, language)
        self.session_sid, self._unsent = new_sid("VX"), []
        began_s, first = self._clock.now_s(), True
        end = LOST
        while self.attempts <= RECONNECTS:
            try:
                socket = await self._open(relay.url)
            except CouldNotConnect as error:
                if self.attempts == 0:
                    raise
                end = SessionEnd("failed", error_code=64102, error_message=str(error))
                break
            end = await self._run_session(socket, relay, settings, greets=first)
            first = False
            if not (settings.reconnects and end is LOST) or self.hung_up:
                break
            self._tell(Notice("the connection was lost; a new one is made for the same session"))
            await self._clock.sleep(RECONNECT_AFTER_S * self.attempts)
        self._session_s = self._clock.now_s() - began_s
        return end

    async def _open(self, url: str) -> PhoneSocket:
        socket = await self._line.open_socket(url)
        return socket if self._network.is_good else SlowSocket(socket, self._network, self._rng)

    async def _run_session(
        self, socket: PhoneSocket, relay: Relay, settings: RelaySettings, *, greets: bool
    ) -> SessionEnd:
        self.attempts += 1
        self.language = settings.transcription_language
        session = RelaySession(socket, settings, self._clock, self._tell, self._unsent)
        setup = self._call.setup(self.session_sid, relay, first=self.attempts == 1)
        await session.open(setup, relay.attributes.get("welcomeGreeting", "") if greets else "")
        self._listen_with(session)
        self._tell(
            Connected(self._call.call_sid, self.session_sid, self.language, self.attempts, tuple(relay.declared))
        )
        end = await session.run()
        self.connected.clear()
        self.heard += session.voice.heard
        session.voice.heard = []
        self._unsent = session.unsent
        self.language = settings.transcription_language
        return end

    async def _after(self, relay: Relay, end: SessionEnd) -> list[Verb]:
        """Tells the application how the session ended; its answer continues the call, up to five times."""
        self.ended_by = {"ended": "agent", "completed": "caller"}.get(end.status, "failed")
        self.handoff_data = end.handoff_data
        if self._replacement is not None and not self.hung_up:
            return await self._replaced()
        if relay.action is None:
            return []
        await self._clock.sleep(ACTION_AFTER_S[end.status])
        verbs = await self._answer_twice(relay.action, action_fields(end, self.session_sid, self._session_s))
        if self.hung_up:
            return []
        again = any(isinstance(verb, Relay) for verb in verbs)
        if again and self.attempts > RECONNECTS:
            self._tell(Notice(f"given up after {RECONNECTS} reconnects"))
            return []
        if again and end.status == "failed":
            self._tell(Notice("the connection was lost; the application takes the call up again"))
        return verbs

    # ---- inside ----

    def _listen_with(self, listener: Listener) -> None:
        self.listener = listener
        self.connected.set()

    async def _replaced(self) -> list[Verb]:
        source, self._replacement = self._replacement, None
        self._break.clear()
        return await self._answer(source or Source(), {"CallStatus": "in-progress"})

    async def _answer(self, source: Source, fields: dict[str, str]) -> list[Verb]:
        if source.twiml:
            return read_twiml(source.twiml)
        url = self._line.absolute(source.url)
        return read_twiml(await self._line.request(url, {**self._call.fields(), **fields}, source.method))

    async def _answer_twice(self, url: str, fields: dict[str, str]) -> list[Verb]:
        """Like Twilio, once more when no answer came."""
        try:
            return await self._answer(Source(url), fields)
        except CouldNotConnect:
            await asyncio.sleep(ACTION_RETRY_S)
            return await self._answer(Source(url), fields)

    async def _wait(self, call_s: float) -> None:
        """Waits so many seconds of the call, or until it is hung up or redirected."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._clock.real_s(call_s)):
                await self._break.wait()
