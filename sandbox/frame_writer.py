"""Twilio's frames on their way to the application over one socket."""

from __future__ import annotations

import socket
from collections.abc import Collection
from contextlib import suppress
from typing import Any

from sandbox.network import PhoneSocket
from sandbox.relay_frames import config_updated_frame, error_frame, info_frame, write_frame
from sandbox.speech import Played

UNSENT_AT_MOST = 500
CLOSED_BY_TWILIO = b"Closing websocket session"


class FrameWriter:
    """Sends frames; `events` are the info frames that the application subscribed to.

    What cannot be sent because the socket is lost is kept, up to 500 frames, for the session's next one.
    """

    def __init__(self, websocket: PhoneSocket, events: Collection[str], unsent: list[str]) -> None:
        self.unsent: list[str] = []
        self._websocket = websocket
        self._events = events
        self._replay = unsent

    async def setup(self, fields: dict[str, Any]) -> None:
        """The first frame, and after it what the socket before could not send."""
        await self._send(write_frame("setup", **fields))
        for frame in self._replay:
            await self._send(frame)

    async def prompt(self, text: str, language: str, *, last: bool = True) -> None:
        await self._send(write_frame("prompt", voicePrompt=text, lang=language, last=last))

    async def partials(self, text: str, language: str) -> None:
        """Cumulative, as Twilio sends them; the whole utterance comes with the prompt itself."""
        words = text.split()
        for share in (1, 2):
            part = " ".join(words[: len(words) * share // 3])
            if part:
                await self.prompt(part, language, last=False)

    async def key(self, digit: str) -> None:
        await self._send(write_frame("dtmf", digit=digit))

    async def interrupted(self, heard: str, heard_ms: int) -> None:
        """What was heard of the current piece, and for how long."""
        frame = write_frame("interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=heard_ms)
        await self._send(frame)

    async def config_updated(self) -> None:
        await self._send(config_updated_frame())

    async def invalid(self, data: str | bytes) -> None:
        await self._send(error_frame(data))

    async def speaker(self, name: str, value: str) -> None:
        """agentSpeaking or clientSpeaking, on or off."""
        if "speaker-events" in self._events:
            await self._send(info_frame(name, value))

    async def played(self, played: Played) -> None:
        if "tokens-played" in self._events and played.piece.kind != "sound":
            await self._send(info_frame("tokensPlayed", played.text))

    async def close(self, code: int = 1000, reason: bytes = CLOSED_BY_TWILIO) -> None:
        await self._websocket.close(code=code, message=reason)

    def cut(self) -> None:
        """Breaks the connection without a goodbye."""
        connection = self._websocket.get_extra_info("socket")
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)

    async def _send(self, frame: str) -> None:
        """Sends unless the socket is already gone; how it went is for the reader to find out."""
        if not self._websocket.closed:
            with suppress(ConnectionError):
                await self._websocket.send_str(frame)
                return
        if len(self.unsent) < UNSENT_AT_MOST:
            self.unsent.append(frame)
