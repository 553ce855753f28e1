"""What is seen of a simulated call: a conversation on the terminal, or one JSON object."""

from __future__ import annotations

import sys
from typing import Protocol, TextIO

import colorama
import msgspec

from crosschannel.call_result import CallResult, Turn
from sandbox.phone_events import (
    AgentSilent,
    AgentSpoke,
    CallEnded,
    CallEvent,
    Connected,
    FirstText,
    LanguageChanged,
    Notice,
    Transferred,
)


class Screen(Protocol):
    """Shows a call. `happened` gets every event while the call runs."""

    def happened(self, event: CallEvent) -> None: ...

    def begin_turn(self, caller: str) -> Turn: ...

    def end_turn(self) -> None: ...

    def note(self, text: str) -> None: ...

    def error(self, text: str) -> None: ...

    def summary(self, result: CallResult) -> None: ...


class _TurnKeeper:
    """Writes the agent's words and the latency into the turn that is going on."""

    def __init__(self) -> None:
        self._turn: Turn | None = None

    def begin_turn(self, caller: str) -> Turn:
        self._turn = Turn(caller)
        return self._turn

    def end_turn(self) -> None:
        self._turn = None

    def keep(self, event: CallEvent) -> None:
        if self._turn is None:
            return
        match event:
            case FirstText():
                self._turn.first_text_ms = round(event.latency_ms, 1)
                self._turn.answered = True
            case AgentSpoke():
                self._turn.agent = (self._turn.agent + event.text).lstrip()


class JsonScreen(_TurnKeeper):
    """Nothing but one JSON object on standard output; errors go to standard error."""

    def happened(self, event: CallEvent) -> None:
        self.keep(event)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr)

    def error(self, text: str) -> None:
        print(text, file=sys.stderr)

    def summary(self, result: CallResult) -> None:
        print(msgspec.json.encode(result).decode())


class TextScreen(_TurnKeeper):
    """The conversation as it is heard, coloured on a terminal."""

    def __init__(self, output: TextIO, *, echo: bool) -> None:
        """`echo` shows what the caller says: not when it has just been typed on the same terminal."""
        super().__init__()
        self._output = output
        self._echo = echo
        self._terminal = output.isatty()
        self._speaking = False
        self._latency_ms: float | None = None
        if self._terminal:
            colorama.just_fix_windows_console()

    def happened(self, event: CallEvent) -> None:
        self.keep(event)
        match event:
            case Connected():
                again = "again " if event.attempt > 1 else ""
                self.note(f"Connected {again}in {event.language}, call {event.call_sid}.")
            case FirstText():
                self._latency_ms = event.latency_ms
            case AgentSpoke():
                self._agent(event)
            case AgentSilent():
                self._finish_agent()
            case LanguageChanged():
                self.note(f"The agent listens for {event.code} now.")
            case Notice():
                self.note(event.text[:1].upper() + event.text[1:])
            case Transferred():
                self.note(f"The call is transferred: {event.target}")
            case CallEnded():
                self._ended(event)

    def begin_turn(self, caller: str) -> Turn:
        self._finish_agent()
        self._latency_ms = None
        if self._echo:
            self._write(f"{self._in(colorama.Fore.GREEN, 'caller')}  {caller}\n")
        return super().begin_turn(caller)

    def note(self, text: str) -> None:
        self._finish_agent()
        self._write(self._in(colorama.Style.DIM, text) + "\n")

    def error(self, text: str) -> None:
        print(self._in(colorama.Fore.RED, text), file=sys.stderr)

    def summary(self, result: CallResult) -> None:
        answered = sum(turn.answered for turn in result.turns)
        parts = [f"{answered} of {len(result.turns)} turns answered"] if result.turns else ["No turns"]
        if result.latency.p50_ms is not None:
            parts.append(
                f"first text after {result.latency.p50_ms:.0f} ms (p50), {result.latency.p95_ms:.0f} ms (p95)"
            )
        if result.transcript_sid is not None:
            parts.append(f"transcript {result.transcript_sid}")
        self.note("; ".join(parts) + ".")

    def _agent(self, event: AgentSpoke) -> None:
        """The agent's words in one line, piece by piece as they are heard."""
        if not self._speaking:
            self._write(self._in(colorama.Fore.CYAN, "agent") + "   ")
        self._write((event.text if self._speaking else event.text.lstrip()) + ("…" if event.cut else ""))
        self._speaking = True

    def _finish_agent(self) -> None:
        if not self._speaking:
            return
        latency = "" if self._latency_ms is None else f"  ({self._latency_ms:.0f} ms)"
        self._write(self._in(colorama.Style.DIM, latency) + "\n")
        self._speaking, self._latency_ms = False, None

    def _ended(self, event: CallEnded) -> None:
        who = {"caller": "The caller hung up", "agent": "The agent ended the call"}.get(
            event.by, "The call failed"
        )
        self.note(f"{who}{': ' + event.detail.removesuffix('.') if event.detail else ''}.")

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{colorama.Style.RESET_ALL}" if self._terminal and text else text

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()
