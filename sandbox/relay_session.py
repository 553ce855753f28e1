"""One ConversationRelay session, Twilio's side of it: the socket, the speech clock, barge-in, frames."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.call_clock import CallClock
from sandbox.frame_writer import FrameWriter
from sandbox.phone_events import AgentSilent, AgentSpoke, CallEvent, FirstText, LanguageChanged, Notice
from sandbox.relay_frames import (
    AppFrame,
    EndFrame,
    InvalidFrame,
    LanguageFrame,
    PlayFrame,
    SendDigitsFrame,
    TextFrame,
    read_frame,
)
from sandbox.speech import Played, Sound, SpeechClock, Started, Stopped, manner_of
from sandbox.transcript import Heard
from sandbox.twiml_reader import Relay

MALFORMED_AT_MOST = 10
SOUND_S = 1.0
TONE_S, PAUSE_TONE_S = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How the session ended, in the words of the `action` callback."""

    status: str
    handoff_data: str | None = None
    error_code: int | None = None
    error_message: str | None = None


class RelaySession:
    """Runs one session over an open socket until either side ends it."""

    def __init__(
        self,
        websocket: aiohttp.ClientWebSocketResponse,
        relay: Relay,
        language: str,
        clock: CallClock,
        tell: Callable[[CallEvent], None],
    ) -> None:
        self.language = language
        self.heard: list[Heard] = []
        self._socket = websocket
        self._out = FrameWriter(websocket, relay.attributes.get("events", ""))
        self._relay = relay
        self._clock = clock
        self._tell = tell
        self._speech = SpeechClock()
        self._changed = asyncio.Event()
        self._end: SessionEnd | None = None
        self._malformed = 0
        self._asked_at: float | None = None
        self._reply_due = False

    # ---- life ----

    async def open(self, setup: dict[str, Any]) -> None:
        """Sends `setup` and puts the greeting on."""
        await self._out.setup(setup)
        greeting = self._relay.attributes.get("welcomeGreeting", "")
        if greeting:
            manner = manner_of(self._relay.attributes.get("welcomeGreetingInterruptible", "any"), False)
            await self._hear(self._speech.add_text(greeting, last=True, manner=manner, now_s=self._now()))

    async def run(self) -> SessionEnd:
        """Speaks and listens, and returns how the session ended."""
        voice = asyncio.create_task(self._play())
        try:
            await self._listen()
        finally:
            voice.cancel()
            with suppress(asyncio.CancelledError):
                await voice
            await self._hear_until_now()
        return self._end or SessionEnd("failed", error_code=64105, error_message="Websocket ended")

    async def hang_up(self) -> None:
        """The caller puts the phone down: Twilio closes the socket."""
        await self._close(SessionEnd("completed"))

    async def drop(self) -> None:
        """The connection breaks without a goodbye."""
        self._end = SessionEnd("failed", error_code=64105, error_message="Websocket ended")
        self._out.cut()

    # ---- the caller ----

    async def say(self, text: str) -> bool:
        """Speaks; False when the agent could not be interrupted and nothing was passed on."""
        manner = self._speech.manner
        if manner is not None and not manner.by_speech and not self._listens_while_speaking:
            self._tell(Notice("the agent could not be interrupted, so these words were not passed on"))
            return False
        await self._out.speaker("clientSpeaking", "on")
        if manner is not None and manner.by_speech:
            await self._barge_in()
        if self._relay.flag("partialPrompts"):
            await self._out.partials(text, self.language)
        await self._out.speaker("clientSpeaking", "off")
        self._expect_reply()
        await self._out.prompt(text, self.language)
        return True

    async def press(self, digits: str) -> bool:
        """Presses keys one by one; each may cut the agent's speech. False when keys are not detected."""
        if not self._relay.flag("dtmfDetection"):
            self._tell(Notice('keys have no effect: the session has no dtmfDetection="true"'))
            return False
        self._expect_reply()
        for digit in digits:
            manner = self._speech.manner
            # As recorded: the key first, then what was heard until then.
            played = self._stop_speech() if manner is not None and manner.by_key else None
            await self._out.key(digit)
            if played is not None:
                await self._report_interruption(played)
        return True

    async def interrupt(self) -> bool:
        """Makes a sound over the agent's speech without saying anything; False in silence."""
        manner = self._speech.manner
        if manner is None or not manner.by_speech:
            return False
        await self._out.speaker("clientSpeaking", "on")
        await self._barge_in()
        await self._out.speaker("clientSpeaking", "off")
        return True

    @property
    def agent_is_done(self) -> bool:
        """True when the agent has answered the caller's last words and is silent."""
        return self._speech.idle and not self._reply_due

    @property
    def reply_due(self) -> bool:
        """True until the first words of a reply have arrived."""
        return self._reply_due

    # ---- frames from the application ----

    async def _listen(self) -> None:
        async for message in self._socket:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                break
            try:
                frame = read_frame(message.data)
            except InvalidFrame as error:
                if await self._refuse(message.data, error):
                    return
                continue
            self._malformed = 0
            await self._obey(frame)

    async def _refuse(self, data: str | bytes, error: InvalidFrame) -> bool:
        """Answers an invalid frame with 64107; True when it was one too many and the socket is closed."""
        self._malformed += 1
        self._tell(Notice(f"an invalid frame from the application: {error}"))
        await self._out.invalid(data)
        if self._malformed < MALFORMED_AT_MOST:
            return False
        message = "Too many consecutive malformed messages."
        self._end = SessionEnd("failed", error_code=64105, error_message=message)
        await self._out.close(1007, message.encode())
        return True

    async def _obey(self, frame: AppFrame) -> None:
        now_s = self._now()
        match frame:
            case TextFrame():
                await self._take_text(frame)
            case PlayFrame():
                self._reply_has_begun()
                manner = manner_of(frame.interruptible, frame.preemptible, self._usual_interruptible)
                duration_s = SOUND_S * (frame.loop or 1000)
                await self._hear(self._speech.add_sound(frame.source, duration_s, manner, now_s))
            case SendDigitsFrame():
                duration_s = sum(PAUSE_TONE_S if digit == "w" else TONE_S for digit in frame.digits)
                self._speech.add_digits(frame.digits, duration_s, now_s)
            case LanguageFrame():
                self._set_language(frame)
            case EndFrame():
                await self._close(SessionEnd("ended", handoff_data=frame.handoff_data))
            case _:  # config and hints change nothing that a simulated call can notice
                pass
        self._changed.set()

    async def _take_text(self, frame: TextFrame) -> None:
        if frame.token.strip():
            self._reply_has_begun()
        manner = manner_of(frame.interruptible, bool(frame.preemptible), self._usual_interruptible, frame.lang)
        await self._hear(self._speech.add_text(frame.token, last=frame.last, manner=manner, now_s=self._now()))

    def _set_language(self, frame: LanguageFrame) -> None:
        if frame.transcription_language not in (None, self.language):
            self.language = frame.transcription_language
            self._tell(LanguageChanged(frame.transcription_language))

    # ---- speech ----

    async def _play(self) -> None:
        """Tells what is heard when it is heard."""
        while True:
            self._changed.clear()
            await self._hear(self._speech.advance(self._now()))
            due_s = self._speech.due_s()
            wait_s = None if due_s is None else self._clock.real_s(due_s - self._now())
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the session.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()

    async def _hear(self, sounds: Sequence[Sound]) -> None:
        for sound in sounds:
            match sound:
                case Started():
                    await self._out.speaker("agentSpeaking", "on")
                case Played():
                    self._remember(sound)
                    await self._out.played(sound)
                case Stopped():
                    await self._out.speaker("agentSpeaking", "off")
                    self._tell(AgentSilent())
        if sounds:
            self._changed.set()

    async def _hear_until_now(self) -> None:
        """At the end of a session: what was being said is heard up to here."""
        for sound in self._speech.cut(self._now()):
            if isinstance(sound, Played):
                self._remember(sound)

    def _remember(self, played: Played) -> None:
        if played.piece.kind == "text" and played.text.strip():
            self.heard.append(Heard(played.text, played.start_s, played.end_s))
            self._tell(AgentSpoke(played.text, played.cut))

    def _stop_speech(self) -> list[Sound]:
        sounds = self._speech.cut(self._now())
        self._changed.set()
        return sounds

    async def _barge_in(self) -> None:
        await self._report_interruption(self._stop_speech())

    async def _report_interruption(self, sounds: Sequence[Sound]) -> None:
        """tokensPlayed, interrupt, agentSpeaking off: in this order, with the current piece's part only."""
        await self._hear([sound for sound in sounds if not isinstance(sound, Stopped)])
        part = next((sound for sound in sounds if isinstance(sound, Played) and sound.cut), None)
        heard_ms = round((part.end_s - part.start_s) * 1000) if part else 0
        heard = part.text if part and part.piece.kind == "text" else ""
        await self._out.interrupted(heard, heard_ms)
        await self._hear([sound for sound in sounds if isinstance(sound, Stopped)])

    # ---- settings ----

    async def _close(self, end: SessionEnd) -> None:
        if self._end is None:
            self._end = end
        await self._out.close()

    def _reply_has_begun(self) -> None:
        if self._reply_due and self._asked_at is not None:
            self._reply_due = False
            self._tell(FirstText((time.monotonic() - self._asked_at) * 1000))

    def _expect_reply(self) -> None:
        self._asked_at = time.monotonic()
        self._reply_due = True

    @property
    def _usual_interruptible(self) -> str:
        return self._relay.attributes.get("interruptible", "any")

    @property
    def _listens_while_speaking(self) -> bool:
        return self._relay.attributes.get("reportInputDuringAgentSpeech", "none") in ("any", "speech")

    def _now(self) -> float:
        return self._clock.now_s()
