"""A session on a line without a socket: facts go in one by one, what it commands is kept in order."""

from __future__ import annotations

from typing import Any

from dialogue.agent import Agent, load_agent
from dialogue.detection import Detect, no_detection
from dialogue.model import Finished, ToolCall
from relay_server import facts as f
from relay_server import messages as m
from relay_server.session import Session
from shared import records as r

GREETING = load_agent(None).language("en-US").greeting
SETUP = m.Setup(session_id="VX1", call_sid="CA1", account_sid="AC1", from_="+15555550111", to="+15555550100")


class Line:
    """A session with a clock of its own; what it commands is kept in order."""

    def __init__(self, *, setup: bool = True, agent: Agent | None = None, detect: Detect = no_detection) -> None:
        self.agent = agent or load_agent(None)
        self.session = Session(self.agent, "model-x", detect)
        self.now_s = 100.0
        self.commands: list[f.Command] = []
        self.timers: dict[str, float] = {}
        if setup:
            self.feed(SETUP)

    def feed(self, fact: f.Fact, after_s: float = 0.1) -> list[f.Command]:
        self.now_s += after_s
        found = self.session.feed(fact, self.now_s)
        self.commands += found
        self.timers |= {c.name: self.now_s + c.after_s for c in found if isinstance(c, f.SetTimer)}
        return found

    def event(self, name: str, value: str, after_s: float = 0.1) -> list[f.Command]:
        return self.feed(m.Info(name=name, value=value), after_s)

    def wait(self, seconds: float) -> list[f.Command]:
        """Lets time pass: the timers that are set fire when they are due, the latest of a name counts."""
        found: list[f.Command] = []
        until_s = self.now_s + seconds
        while self.timers and min(self.timers.values()) <= until_s:
            name = min(self.timers, key=lambda known: self.timers[known])
            due_s = self.timers.pop(name)
            found += self.feed(f.TimerFired(name), max(0.0, due_s - self.now_s))
        self.now_s = until_s
        return found

    def say(self, text: str, lang: str = "en-US") -> f.StartModel | None:
        return last(self.feed(m.Prompt(voice_prompt=text, lang=lang)), f.StartModel)

    def reply(self, *texts: str, tools: tuple[ToolCall, ...] = (), finish: bool = True) -> list[f.Command]:
        generation = self.asked[-1].generation
        found = [command for text in texts for command in self.feed(f.ReplyText(generation, text), 0.02)]
        return found + (self.feed(f.ReplyFinished(generation, Finished(tools)), 0.02) if finish else [])

    def played(self, text: str) -> list[f.Command]:
        return self.feed(m.Info(name="tokensPlayed", value=text))

    def interrupt(self, heard: str) -> list[f.Command]:
        return self.feed(m.Interrupt(utterance_until_interrupt=heard, duration_until_interrupt_ms="460"))

    @property
    def asked(self) -> list[f.StartModel]:
        return [c for c in self.commands if isinstance(c, f.StartModel)]

    def records(self, kind: type[Any]) -> list[Any]:
        return [c.record for c in self.commands if isinstance(c, f.Write) and isinstance(c.record, kind)]

    @property
    def turns(self) -> list[r.Turn]:
        """The latest record of each turn."""
        return list({turn.turn: turn for turn in self.records(r.Turn)}.values())


def last(commands: list[f.Command], kind: type[Any]) -> Any:
    return next((command for command in reversed(commands) if isinstance(command, kind)), None)


def frames(commands: list[f.Command]) -> list[m.Outbound]:
    return [command.frame for command in commands if isinstance(command, f.Send)]


def spoken(commands: list[f.Command]) -> str:
    return "".join(frame.token for frame in frames(commands) if isinstance(frame, m.TextOut))


def history(asked: f.StartModel) -> list[tuple[str, Any]]:
    return [(message["role"], message["content"]) for message in asked.messages[1:]]
