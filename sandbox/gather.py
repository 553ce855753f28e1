"""What a caller does during `Gather`: keys and words are collected until the verb has enough."""

from __future__ import annotations

import asyncio

from sandbox.call_clock import CallClock
from sandbox.twiml_reader import Gather

SURE = "0.94"  # the confidence that recognised speech gets here, always the same


class GatherSession:
    """The other end of the line while a `Gather` waits. It hears, and never answers."""

    agent_is_done = True
    reply_due = False

    def __init__(self, verb: Gather, clock: CallClock) -> None:
        self._verb = verb
        self._clock = clock
        self._digits = ""
        self._result: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._heard = asyncio.Event()

    async def result(self, stop: asyncio.Event) -> dict[str, str]:
        """The form fields for the action; empty when nothing came in time, or `stop` came first."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            while not self._result.done() and not stop.is_set():
                self._heard.clear()
                heard = asyncio.ensure_future(self._heard.wait())
                timeout_s = self._clock.real_s(self._verb.timeout_s)
                done, _ = await asyncio.wait(
                    {heard, stopped}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
                )
                heard.cancel()
                if not done:
                    break
        finally:
            stopped.cancel()
        if self._result.done():
            return self._result.result()
        return {"Digits": self._digits, "msg": "Gather End"} if self._digits and not stop.is_set() else {}

    async def say(self, text: str, *, paced: bool = False) -> bool:  # noqa: ARG002 - as a session
        """Words are the result when the verb listens to speech."""
        if not self._verb.by_speech or self._result.done():
            return False
        self._finish({"SpeechResult": text, "Confidence": SURE})
        return True

    async def press(self, digits: str, *, paced: bool = False) -> bool:  # noqa: ARG002 - as a session
        if not self._verb.by_keys or self._result.done():
            return False
        for digit in digits:
            if digit == self._verb.finish_on_key:
                self._finish({"Digits": self._digits, "FinishedOnKey": digit})
                return True
            self._digits += digit
            if len(self._digits) == self._verb.num_digits:
                self._finish({"Digits": self._digits, "FinishedOnKey": ""})
                return True
        self._heard.set()
        return True

    async def interrupt(self) -> bool:
        return False

    def _finish(self, fields: dict[str, str]) -> None:
        self._result.set_result(fields)
        self._heard.set()
