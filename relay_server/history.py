"""The turns of a call in order, and what the model is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialogue.agent import Agent, Language
from dialogue.model import Message
from dialogue.prompt import system_prompt
from relay_server.turns import Cycle, LiveTurn, restored_turn
from shared.records import Turn


class History:
    """All turns of one call, those before a reconnect included; the greeting stands in front of them."""

    def __init__(self) -> None:
        self.turns: list[LiveTurn] = []
        self.greeting = Cycle(0)
        self._restored = 0

    @property
    def current(self) -> LiveTurn:
        return self.turns[-1]

    @property
    def next_number(self) -> int:
        return self.turns[-1].number + 1 if self.turns else 1

    def restore(self, turns: Sequence[Turn]) -> None:
        """Takes up the turns of an earlier socket of the same call."""
        self.turns = [restored_turn(turn) for turn in turns]
        self._restored = len(self.turns)

    def unsettled(self) -> list[LiveTurn]:
        """Turns of which it is not yet known how much was heard."""
        return [turn for turn in self.turns[self._restored :] if not turn.settled]

    def messages(self, agent: Agent, language: Language, traits: Mapping[str, str]) -> list[Message]:
        """What the model is sent: instructions, the greeting, and the latest turns as they were heard."""
        found: list[Message] = [{"role": "system", "content": system_prompt(agent, language, traits)}]
        if self.greeting.heard_text and not self._restored:
            found.append({"role": "assistant", "content": self.greeting.heard_text})
        for turn in self.turns[-agent.conversation.history_turns :]:
            found += turn.messages()
        return found
