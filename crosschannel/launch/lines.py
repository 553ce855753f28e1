"""What the launcher prints: each line with the name of who wrote it, in its colour on a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import colorama
from colorama import Fore, Style

LAUNCHER = "crosschannel"
NAME_WIDTH = len("intelligence_webhooks")
LEVEL_COLOURS = {"warning": Fore.YELLOW, "error": Fore.RED, "critical": Fore.RED}
# Shown otherwise, or known from the prefix.
NOT_REPEATED = {"event", "level", "timestamp", "service", "exception"}


class Lines:
    """Prints prefixed lines to `stream`; `on_closed` is called when its reader has gone away."""

    def __init__(self, stream: TextIO, *, coloured: bool, on_closed: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._coloured = coloured
        self._closed = False
        self.on_closed = on_closed

    @classmethod
    def to_stdout(cls) -> Lines:
        """Coloured on a terminal (NO_COLOR respected), plain in a pipe."""
        coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        if coloured:
            colorama.just_fix_windows_console()
        return cls(sys.stdout, coloured=coloured)

    def say(self, text: str, colour: str = Fore.WHITE) -> None:
        """A line of the launcher itself."""
        self.write(LAUNCHER, text, colour)

    def write(self, name: str, text: str, colour: str) -> None:
        """A line of `name`; a JSON log line is written out for reading."""
        for line in render(text, coloured=self._coloured).split("\n"):
            prefix = f"{name:<{NAME_WIDTH}} |"
            self.plain(f"{colour}{prefix}{Style.RESET_ALL} {line}" if self._coloured else f"{prefix} {line}")

    def plain(self, text: str = "") -> None:
        """Text without a prefix."""
        if self._closed:
            return
        try:
            print(text, file=self._stream, flush=True)
        except OSError:  # a broken pipe, a terminal that hung up
            self._closed = True
            self._discard()
            self.on_closed()

    def _discard(self) -> None:
        """Sends what the stream still holds nowhere: the interpreter's last flush must not fail on it."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def render(line: str, *, coloured: bool) -> str:
    """A structured log line as `12:30:01 event key=value`; any other line as it is."""
    if not line.startswith('{"'):
        return line
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        return line
    return _render_record(record, coloured=coloured)


def _render_record(record: Mapping[str, Any], *, coloured: bool) -> str:
    level = str(record.get("level", "info"))
    clock = str(record.get("timestamp", ""))[11:19]
    fields = " ".join(f"{key}={value}" for key, value in record.items() if key not in NOT_REPEATED)
    loud = level in LEVEL_COLOURS
    text = " ".join(part for part in (clock, level if loud else "", record["event"], fields) if part)
    if coloured and loud:
        text = f"{LEVEL_COLOURS[level]}{text}{Style.RESET_ALL}"
    trace = record.get("exception")
    return f"{text}\n{trace}" if trace else text
