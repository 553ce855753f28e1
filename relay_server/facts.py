"""What a session is told besides Twilio's frames, and what it commands: plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dialogue.model import Finished, Message, ToolCall
from relay_server.desk_state import DeskState
from relay_server.messages import Inbound, Outbound
from shared.records import CallRecord, Turn

# ---- facts ----


@dataclass(frozen=True, slots=True)
class Resumed:
    """Told before `setup`: this call began `elapsed_s` ago, with these turns and so many earlier resumes."""

    turns: tuple[Turn, ...]
    resumes: int
    language: str
    elapsed_s: float = 0.0
    persona: str = ""
    desk: DeskState = field(default_factory=DeskState)
    entries: Mapping[str, str] = field(default_factory=dict)  # keyed in before, without the sensitive ones


@dataclass(frozen=True, slots=True)
class CustomerKnown:
    """Traits of the caller have arrived."""

    traits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReplyBegan:
    """The provider answers request `generation`; with `calling` the reply begins to call a tool."""

    generation: int
    calling: bool = False


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A piece of the reply that request `generation` streams."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The reply of request `generation` is whole."""

    generation: int
    finished: Finished


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """Request `generation` failed; `code` is short and safe to journal."""

    generation: int
    code: str


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A tool has answered; `outcome` is ok, error or unknown. `key` is RunTool's, "" in the running turn."""

    tool_call_id: str
    result: str
    outcome: Literal["ok", "error", "unknown"]
    duration_ms: float
    key: str = ""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that the session set has run out."""

    name: str


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The process stops: finish the sentence, then end."""


@dataclass(frozen=True, slots=True)
class OperatorSpoke:
    """An operator says something to the caller: words, keys (for a machine at the other end) or a sound."""

    actor: str
    text: str = ""
    digits: str = ""
    play: str = ""
    play_s: float = 10.0  # how long the sound is, which Twilio never tells
    lang: str = ""
    interruptible: bool | None = None


@dataclass(frozen=True, slots=True)
class OperatorWhispered:
    """An operator tells the model something that the caller does not hear."""

    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class OperatorTookOver:
    """An operator speaks with the caller from now on; the model is silent."""

    actor: str


@dataclass(frozen=True, slots=True)
class OperatorReleased:
    """The model speaks again."""

    actor: str


@dataclass(frozen=True, slots=True)
class OperatorTransferred:
    """An operator sends the caller on: to the number `to`, or as the agent file says."""

    actor: str
    to: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EndRequested:
    """An operator ends the call."""

    actor: str


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """The WebSocket is gone; `clean` when Twilio closed it with 1000."""

    clean: bool


Fact = (
    Inbound
    | Resumed
    | CustomerKnown
    | ReplyBegan
    | ReplyText
    | ReplyFinished
    | ReplyFailed
    | ToolFinished
    | TimerFired
    | Shutdown
    | OperatorSpoke
    | OperatorWhispered
    | OperatorTookOver
    | OperatorReleased
    | OperatorTransferred
    | EndRequested
    | SocketClosed
)

# ---- commands ----


@dataclass(frozen=True, slots=True)
class Send:
    """A frame for Twilio; text of a cancelled `generation` must not leave any more."""

    frame: Outbound
    turn: int = 0
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class StartModel:
    """Ask the model; its parts come back as facts with this generation."""

    generation: int
    messages: list[Message]
    persona: str = ""


@dataclass(frozen=True, slots=True)
class CancelModel:
    """Close the model's connection of the running request; with `drop`, its text not yet sent must not leave."""

    generation: int
    drop: bool = False


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a tool that is not about the call itself, for the persona that called it.

    `key` is the same however often this call is run; `caller` and `customer` are who is on the line (of an
    outbound call, `customer` is who was called); `entries` are the numbers keyed in so far, by name.
    """

    call: ToolCall
    call_sid: str = ""
    caller: str = ""
    customer: str = ""
    key: str = ""
    persona: str = ""
    entries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetTimer:
    """(Re)start a timer."""

    name: str
    after_s: float


@dataclass(frozen=True, slots=True)
class Write:
    """A record for the journal and the dashboard."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class Heard:
    """For the dashboard: what of a turn has been heard so far."""

    turn: int
    heard_text: str


@dataclass(frozen=True, slots=True)
class LookUpCustomer:
    """Ask for the traits of the person at this address."""

    phone: str


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Have a connection to the model ready: words are on their way."""


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close the WebSocket from our side: Twilio did not."""

    code: int = 1000


Command = (
    Send | StartModel | CancelModel | RunTool | SetTimer | Write | Heard | LookUpCustomer | WarmUp | CloseSocket
)
