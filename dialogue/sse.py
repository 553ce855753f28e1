"""Server-sent events from a byte stream: the `data` of each event as soon as it is whole."""

from __future__ import annotations

LONGEST_EVENT_BYTES = 1024 * 1024


class MalformedStream(Exception):
    """The other side does not speak server-sent events, or a single event has no end."""


class EventStream:
    """Feed it bytes as they come; it gives back the data of events that are complete.

    Comments and other fields are skipped, CRLF and LF both end lines, several `data` lines of an event are
    joined by a newline. Source: WHATWG HTML, section 9.2.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes. Raises MalformedStream for an endless event."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events = []
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        if len(self._rest) + sum(map(len, self._data)) > LONGEST_EVENT_BYTES:
            raise MalformedStream("an event is larger than 1 MB")
        return events
