"""The agent's voice on the line: what the application sends is spoken in its time, and told as it is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sandbox.call_clock import CallClock
from sandbox.frame_writer import FrameWriter
from sandbox.phone_events import (
    AgentInterrupted,
    AgentSilent,
    AgentSpoke,
    CallEvent,
    SoundPlayed,
    Speaking,
    TextArrived,
    TonesPlayed,
)
from sandbox.relay_frames import PlayFrame, SendDigitsFrame, TextFrame
from sandbox.relay_settings import RelaySettings
from sandbox.speech import Manner, Played, Sound, SpeechClock, Started, Stopped, manner_of
from sandbox.transcript import Heard

SOUND_S = 1.0
TONE_S, PAUSE_TONE_S = 0.25, 0.5
LOOP_FOR_EVER = 1000


class AgentVoice:
    """Runs the play queue of one session; `heard` is what has reached the caller."""

    def __init__(
        self, out: FrameWriter, settings: RelaySettings, clock: CallClock, tell: Callable[[CallEvent], None]
    ) -> None:
        self.heard: list[Heard] = []
        self._out = out
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._speech = SpeechClock()
        self._changed = asyncio.Event()

    @property
    def idle(self) -> bool:
        """True when nothing is being said or waits to be said."""
        return self._speech.idle

    @property
    def manner(self) -> Manner | None:
        """How the piece that is being said may be cut, None in silence."""
        return self._speech.manner

    @property
    def speaking(self) -> bool:
        return self._speech.speaking

    # ---- what the application sends ----

    async def greet(self, greeting: str) -> None:
        manner = manner_of(self._settings.greeting_interruptible, preemptible=False)
        self._tell(TextArrived(greeting, last=True))
        await self._add_text(greeting, last=True, manner=manner)

    async def text(self, frame: TextFrame) -> None:
        settings = self._settings
        preemptible = settings.preemptible if frame.preemptible is None else frame.preemptible
        manner = manner_of(frame.interruptible, preemptible, settings.interruptible, frame.lang)
        self._tell(TextArrived(frame.token, frame.last, frame.lang))
        await self._add_text(frame.token, last=frame.last, manner=manner)

    async def sound(self, frame: PlayFrame) -> None:
        manner = manner_of(frame.interruptible, frame.preemptible, self._settings.interruptible)
        duration_s = SOUND_S * (frame.loop or LOOP_FOR_EVER)
        await self._hear(self._speech.add_sound(frame.source, duration_s, manner, self._clock.now_s()))
        self._changed.set()

    def digits(self, frame: SendDigitsFrame) -> None:
        duration_s = sum(PAUSE_TONE_S if digit == "w" else TONE_S for digit in frame.digits)
        self._speech.add_digits(frame.digits, duration_s, self._clock.now_s())
        self._changed.set()

    async def _add_text(self, text: str, *, last: bool, manner: Manner) -> None:
        self._speech.language = self._settings.tts_language
        await self._hear(self._speech.add_text(text, last=last, manner=manner, now_s=self._clock.now_s()))
        self._changed.set()

    # ---- time ----

    async def play(self) -> None:
        """Tells what is heard when it is heard, until cancelled."""
        while True:
            self._changed.clear()
            await self._hear(self._speech.advance(self._clock.now_s()))
            due_s = self._speech.due_s()
            wait_s = None if due_s is None else self._clock.real_s(due_s - self._clock.now_s())
            # Not wait_for: in Python 3.11 it may swallow the cancellation that ends the session.
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                if due_s is not None:
                    self._clock.hold_at(due_s)

    def hear_until_now(self) -> None:
        """At the end of a session: what was being said is heard up to here."""
        for sound in self._speech.cut(self._clock.now_s()):
            if isinstance(sound, Played):
                self._remember(sound)

    # ---- interruptions ----

    def stop(self) -> list[Sound]:
        """Stops the speech; what this means is to be reported with `report_interruption`."""
        sounds = self._speech.cut(self._clock.now_s())
        self._changed.set()
        return sounds

    async def report_interruption(self, sounds: Sequence[Sound]) -> None:
        """tokensPlayed, interrupt, agentSpeaking off: in this order, with the current piece's part only."""
        await self._hear([sound for sound in sounds if not isinstance(sound, Stopped)])
        part = next((sound for sound in sounds if isinstance(sound, Played) and sound.cut), None)
        heard_ms = round((part.end_s - part.start_s) * 1000) if part else 0
        heard = part.text if part and part.piece.kind == "text" else ""
        await self._out.interrupted(heard, heard_ms)
        self._tell(AgentInterrupted(heard, heard_ms))
        await self._hear([sound for sound in sounds if isinstance(sound, Stopped)])

    # ---- inside ----

    async def _hear(self, sounds: Sequence[Sound]) -> None:
        for sound in sounds:
            match sound:
                case Started():
                    await self._out.speaker("agentSpeaking", "on")
                    self._tell(Speaking("agent", on=True))
                case Played():
                    self._remember(sound)
                    await self._out.played(sound)
                case Stopped():
                    await self._out.speaker("agentSpeaking", "off")
                    self._tell(Speaking("agent", on=False))
                    self._tell(AgentSilent())
        if sounds:
            self._changed.set()

    def _remember(self, played: Played) -> None:
        match played.piece.kind:
            case "text" if played.text.strip():
                language = played.piece.manner.language or self._speech.language
                self.heard.append(Heard(played.text, played.start_s, played.end_s))
                self._tell(AgentSpoke(played.text, played.cut, language))
            case "sound":
                self._tell(SoundPlayed(played.piece.text))
            case "digits":
                self._tell(TonesPlayed(played.text))
