"""What the parts of a session share: where the call stands and the commands gathered for the fact at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from dialogue.agent import Agent, Language
from relay_server.desk_state import DeskState
from relay_server.facts import Command, Send, SetTimer, Write
from relay_server.history import History
from relay_server.keypad import MASK, Keyed
from relay_server.ledger import Ledger
from relay_server.messages import HintsOut, LanguageOut, Outbound, TextOut
from relay_server.speakers import Speakers
from relay_server.turns import Cycle, LiveTurn
from shared.records import (
    CallRecord,
    KeysEntered,
    LanguageSwitched,
    PersonaChanged,
    TurnInput,
    TurnOutcome,
)


class State(Enum):
    """Where a call stands."""

    WAITING = "waiting"  # the socket is open, setup has not come
    LISTENING = "listening"  # nothing is being generated; speech may still be playing
    ANSWERING = "answering"  # the model generates, or its tools run
    ENDING = "ending"  # the last words are being spoken, then `end` is sent
    ENDED = "ended"  # `end` was sent or the socket is gone


class Leave(Enum):
    """Why the call ends from our side: the reason in `call_ended`."""

    END = "agent_ended"
    HANDOFF = "handoff"
    SILENCE = "silent"
    LIMIT = "limit"
    SHUTDOWN = "shutdown"
    OPERATOR = "operator_ended"


@dataclass(slots=True)
class CallState:
    """One call. `now_s` is the time of the fact at hand, `out` the commands that follow from it."""

    agent: Agent
    model: str
    language: Language
    state: State = State.WAITING
    call_sid: str = ""
    caller: str = ""
    customer: str = ""
    persona: str = ""
    entries: dict[str, str] = field(default_factory=dict)  # keyed in, by name; sensitive ones live only here
    tokens: int = 0
    tool_calls: int = 0
    speakers: Speakers = field(default_factory=Speakers)
    ledger: Ledger = field(default_factory=Ledger)
    history: History = field(default_factory=History)
    traits: Mapping[str, str] = field(default_factory=dict)
    left_language: str = ""
    switched_s: float = 0.0
    leave: Leave | None = None
    leave_reason: str = ""
    leave_to: str = ""
    desk: DeskState = field(default_factory=DeskState)
    now_s: float = 0.0
    out: list[Command] = field(default_factory=list)

    @property
    def taken_over_by(self) -> str:
        """The operator who speaks with the caller, "" while the model does."""
        return self.desk.taken_over_by

    def write(self, record: CallRecord) -> None:
        self.out.append(Write(record))

    def open_turn(
        self, source: TurnInput, text: str, *, model: str = "", outcome: TurnOutcome = "open"
    ) -> LiveTurn:
        """A new turn at the end of the history."""
        number, code = self.history.next_number, self.language.code
        turn = LiveTurn(number, source, text, code, self.now_s, outcome=outcome, model=model, persona=self.persona)
        self.history.turns.append(turn)
        return turn

    def write_turn(self, turn: LiveTurn | None = None) -> None:
        """Journals a turn as it stands, the current one by default."""
        self.write((turn or self.history.current).record(self.call_sid))

    def write_settled(self, turn: LiveTurn, source: str) -> None:
        """Journals a turn for the last time: what was heard of it is known, from `source` unless it was cut."""
        turn.heard_source = turn.heard_source or source
        turn.mark("heard_ms", self.now_s)
        turn.speech = self.speakers.take(self.now_s)
        self.write(turn.record(self.call_sid, settled=True))

    def write_playing(self, turn: LiveTurn) -> None:
        """Journals what was heard so far, so that a call which comes back knows it."""
        record = turn.record(self.call_sid)
        record.heard_text, record.heard_source = turn.heard_so_far(self.ledger.heard), "playing"
        self.write(record)

    def note_entry(self, entry: Keyed) -> None:
        """Keeps what was keyed in for the tools, and journals it so that a call which comes back knows it."""
        self.entries[entry.name] = entry.digits
        number = self.history.turns[-1].number if self.history.turns else 0
        digits = MASK if entry.sensitive else entry.digits
        self.write(
            KeysEntered(
                call_sid=self.call_sid, turn=number, name=entry.name, digits=digits, sensitive=entry.sensitive
            )
        )

    def say_aside(self, text: str) -> None:
        """Says something of its own between two turns; only while nothing is being generated."""
        self.history.aside(Cycle(self.ledger.sent, text=text))
        self.ledger.send(text, self.now_s)
        self.send(TextOut(text))
        self.send(TextOut("", last=True))

    def hand_to(self, persona: str) -> None:
        """Lets another persona of the agent file go on."""
        if persona == self.persona:
            return
        number = self.history.turns[-1].number if self.history.turns else 0
        before, self.persona = self.persona, persona
        self.write(PersonaChanged(call_sid=self.call_sid, turn=number, from_persona=before, to_persona=persona))

    def send(self, frame: Outbound, generation: int | None = None) -> None:
        number = self.history.current.number if self.history.turns else 0
        self.out.append(Send(frame, number, generation))

    def timer(self, name: str, after_s: float) -> None:
        self.out.append(SetTimer(name, after_s))

    def switch_language(self, code: str, cause: str) -> None:
        """Goes on in another declared language; Twilio is told for speech and transcription alike."""
        if code == self.language.code:
            return
        self.write(
            LanguageSwitched(
                call_sid=self.call_sid,
                turn=self.history.turns[-1].number if self.history.turns else 0,
                from_language=self.language.code,
                to_language=code,
                cause=cause,
            )
        )
        self.left_language, self.switched_s = self.language.code, self.now_s
        self.language = self.agent.language(code)
        self.send(LanguageOut(tts_language=code, transcription_language=code))
        if self.agent.telephony.live_hints and self.language.hints:
            self.send(HintsOut(self.language.hints))
