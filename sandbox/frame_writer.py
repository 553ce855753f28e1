"""Twilio's frames on their way to the application over one socket."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import aiohttp

from sandbox.relay_frames import error_frame, info_frame, write_frame
from sandbox.speech import Played

CLOSED_BY_TWILIO = b"Closing websocket session"


class FrameWriter:
    """Sends frames; `events` are the info frames that the application subscribed to."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, events: str) -> None:
        self._websocket = websocket
        self._events = set(events.split())

    async def setup(self, fields: dict[str, Any]) -> None:
        await self._send(write_frame("setup", **fields))

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
