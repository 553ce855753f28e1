"""A call's status, told to its status callback: signed, in order, without holding the call up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime

from sandbox.call_identity import CallIdentity
from sandbox.line import CouldNotConnect, Line
from sandbox.outgoing import StatusOrder

# The event of a status as `StatusCallbackEvent` names it.
EVENT_OF = {"initiated": "initiated", "ringing": "ringing", "in-progress": "answered"}
FINAL = frozenset(("completed", "busy", "no-answer", "failed", "canceled"))


class CallStatus:
    """The status of one call, from queued to a final one; `watch` hears of each change."""

    def __init__(
        self, line: Line, call: CallIdentity, order: StatusOrder, watch: Callable[[str], None] = lambda _: None
    ) -> None:
        self.now = "queued"
        self._line = line
        self._call = call
        self._order = order
        self._watch = watch
        self._number = 0
        self._queue: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_final(self) -> bool:
        return self.now in FINAL

    def become(self, status: str, duration_s: float = 0.0) -> None:
        """Changes the status once; a final one stays."""
        if self.now == status or self.is_final:
            return
        self.now = status
        self._watch(status)
        if self._order.url and EVENT_OF.get(status, "completed") in self._order.events:
            self._tell(self._fields(status, duration_s))

    async def told(self) -> None:
        """Comes back when everything has been told."""
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task
            self._task = None

    def _fields(self, status: str, duration_s: float) -> dict[str, str]:
        fields = {
            **self._call.fields(),
            "CallStatus": status,
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._number),
        }
        self._number += 1
        if status in FINAL:
            whole_s = round(duration_s)
            fields |= {"CallDuration": str(whole_s), "Duration": str(-(-whole_s // 60))}
        return fields

    def _tell(self, fields: dict[str, str]) -> None:
        self._queue.put_nowait(fields)
        if self._task is None:
            self._task = asyncio.create_task(self._post())

    async def _post(self) -> None:
        while (fields := await self._queue.get()) is not None:
            with suppress(CouldNotConnect):  # nobody need listen there
                await self._line.request(self._line.absolute(self._order.url), fields, self._order.method)
