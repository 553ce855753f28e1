"""One ConversationRelay session, Twilio's side of it: the socket, the frames, and the caller's acts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.agent_voice import AgentVoice
from sandbox.call_clock import CallClock
from sandbox.frame_writer import FrameWriter
from sandbox.network import PhoneSocket
from sandbox.phone_events import CallEvent, FirstText, LanguageChanged, Notice, Speaking
from sandbox.relay_frames import (
    AppFrame,
    ConfigFrame,
    EndFrame,
    HintsFrame,
    InvalidFrame,
    LanguageFrame,
    PlayFrame,
    SendDigitsFrame,
    TextFrame,
    read_frame,
)
from sandbox.relay_settings import RelaySettings
from sandbox.speech_rate import spoken_s

MALFORMED_AT_MOST = 10
PARTIAL_EVERY_S = 0.25
FINAL_AFTER_S = 0.4  # recorded: the final prompt comes about 350 ms after the last partial
KEY_EVERY_S = 0.38


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How the session ended, in the words of the `action` callback."""

    status: str
    handoff_data: str | None = None
    error_code: int | None = None
    error_message: str | None = None


LOST = SessionEnd("failed", error_code=64105, error_message="Websocket ended")


class RelaySession:
    """Runs one session over an open socket until either side ends it."""

    def __init__(
        self,
        socket: PhoneSocket,
        settings: RelaySettings,
        clock: CallClock,
        tell: Callable[[CallEvent], None],
        unsent: list[str] | None = None,
    ) -> None:
        """`unsent` are the frames of the same session's last socket that did not get through."""
        self.settings = settings
        self._socket = socket
        self._out = FrameWriter(socket, settings.events, unsent or [])
        self._clock = clock
        self._tell = tell
        self.voice = AgentVoice(self._out, settings, clock, tell)
        self._end: SessionEnd | None = None
        self._malformed = 0
        self._asked_at: float | None = None
        self._reply_due = False
        self._said_until_now = ""

    # ---- life ----

    async def open(self, setup: dict[str, Any], greeting: str) -> None:
        """Sends `setup` and puts the greeting on."""
        await self._out.setup(setup)
        if greeting:
            await self.voice.greet(greeting)

    async def run(self) -> SessionEnd:
        """Speaks and listens, and returns how the session ended."""
        voice = asyncio.create_task(self.voice.play())
        try:
            await self._listen()
        finally:
            voice.cancel()
            with suppress(asyncio.CancelledError):
                await voice
            self.voice.hear_until_now()
        return self._end or LOST

    @property
    def unsent(self) -> list[str]:
        """What did not get through before the socket was lost, for the next socket of this session."""
        return self._out.unsent

    async def hang_up(self) -> None:
        """The caller puts the phone down: Twilio closes the socket."""
        if self._said_until_now and self.settings.partial_on_hang_up:
            await self._out.prompt(self._said_until_now, self.settings.transcription_language)
        await self._close(SessionEnd("completed"))

    async def drop(self) -> None:
        """The connection breaks without a goodbye."""
        self._end = LOST
        self._out.cut()

    # ---- the caller ----

    @property
    def is_deaf(self) -> bool:
        """True while the agent speaks, cannot be interrupted, and nothing of the caller is passed on."""
        manner = self.voice.manner
        return manner is not None and not manner.by_speech and not self.settings.listens_while_speaking

    async def say(self, text: str, *, paced: bool = False) -> bool:
        """Speaks, in its time when `paced`; False when nothing was passed on."""
        if self.is_deaf or self.settings.ignores(text):
            what = (
                "this was overheard as a mere noise" if not self.is_deaf else "the agent could not be interrupted"
            )
            self._tell(Notice(f"{what}, so these words were not passed on"))
            return False
        await self.begin_speaking()
        if paced:
            await self._speak_in_time(text)
        elif self.settings.partial_prompts:
            await self._out.partials(text, self.settings.transcription_language)
        await self.finish_speaking(text)
        return True

    async def begin_speaking(self) -> None:
        """The caller's first sound; it cuts the agent's speech where that is allowed."""
        await self._client_speaks(on=True)
        manner = self.voice.manner
        if manner is not None and manner.by_speech:
            await self.voice.report_interruption(self.voice.stop())

    async def speak_on(self, text: str) -> None:
        """What has been said until now, whole."""
        self._said_until_now = text
        if self.settings.partial_prompts and text.strip():
            await self._out.prompt(text, self.settings.transcription_language, last=False)

    async def finish_speaking(self, text: str) -> None:
        """The utterance is over."""
        self._said_until_now = ""
        await self._client_speaks(on=False)
        self._expect_reply()
        await self._out.prompt(text, self.settings.transcription_language)

    async def press(self, digits: str, *, paced: bool = False) -> bool:
        """Presses keys one by one; each may cut the agent's speech. False when keys are not detected."""
        if not self.settings.dtmf_detection:
            self._tell(Notice('keys have no effect: the session has no dtmfDetection="true"'))
            return False
        self._expect_reply()
        for number, digit in enumerate(digits):
            if paced and number:
                await self._clock.sleep(KEY_EVERY_S)
            manner = self.voice.manner
            # As recorded: the key first, then what was heard until then.
            played = self.voice.stop() if manner is not None and manner.by_key else None
            await self._out.key(digit)
            if played is not None:
                await self.voice.report_interruption(played)
        return True

    async def interrupt(self) -> bool:
        """Makes a sound over the agent's speech without saying anything; False in silence."""
        manner = self.voice.manner
        if manner is None or not manner.by_speech:
            return False
        await self.begin_speaking()
        await self._client_speaks(on=False)
        return True

    @property
    def agent_is_done(self) -> bool:
        """True when the agent has answered the caller's last words and is silent."""
        return self.voice.idle and not self._reply_due

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
        match frame:
            case TextFrame():
                if frame.token.strip():
                    self._reply_has_begun()
                await self.voice.text(frame)
            case PlayFrame():
                self._reply_has_begun()
                await self.voice.sound(frame)
            case SendDigitsFrame():
                self.voice.digits(frame)
            case LanguageFrame():
                if self.settings.switch(frame):
                    self._tell(LanguageChanged(self.settings.transcription_language))
            case EndFrame():
                await self._close(SessionEnd("ended", handoff_data=frame.handoff_data))
            case ConfigFrame():
                self.settings.configure(frame)
                await self._out.config_updated()
            case HintsFrame():
                await self._out.config_updated()

    # ---- inside ----

    async def _speak_in_time(self, text: str) -> None:
        """Says the words at the pace of speech, with partials on the way, and the pause that ends an utterance."""
        duration_s = spoken_s(text, self.settings.transcription_language)
        steps = max(1, round(duration_s / PARTIAL_EVERY_S))
        words = text.split()
        for step in range(1, steps + 1):
            await self._clock.sleep(duration_s / steps)
            await self.speak_on(" ".join(words[: max(1, len(words) * step // steps)]))
        await self._clock.sleep(FINAL_AFTER_S)

    async def _client_speaks(self, *, on: bool) -> None:
        await self._out.speaker("clientSpeaking", "on" if on else "off")
        self._tell(Speaking("caller", on=on))

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
