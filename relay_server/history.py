"""The turns of a call in order, and what the model is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialogue.agent import Agent, Language
from dialogue.agent_tables import Persona
from dialogue.model import Message
from dialogue.prompt import system_prompt
from relay_server.turns import Cycle, LiveTurn, restored_turn
from shared.records import Turn

ASIDES_KEPT = 20


class History:
    """All turns of one call, those before a reconnect included; the greeting stands in front of them."""

    def __init__(self) -> None:
        self.turns: list[LiveTurn] = []
        self.greeting = Cycle(0)
        self._asides: list[tuple[int, Cycle]] = []  # each behind how many turns
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

    def reopen(self) -> LiveTurn | None:
        """The last turn, when its answer was not heard yet: it is taken up again. None for any other."""
        turn = self.turns[-1] if self.turns else None
        if turn is None or turn.outcome != "open" or len(turn.heard_text) > turn.answer_start:
            return None
        self._restored -= 1
        return turn

    def aside(self, cycle: Cycle) -> None:
        """Notes what is said between two turns."""
        self._asides.append((len(self.turns), cycle))
        del self._asides[:-ASIDES_KEPT]

    def settle_spoken(self, cursor: int, *, dropped_to: int = 0) -> None:
        """Notes what was heard of greeting and asides; what stands in front of `dropped_to` plays no more."""
        for cycle in (self.greeting, *(cycle for _, cycle in self._asides)):
            cycle.settle(cursor, final=cycle.start < dropped_to)

    def unsettled(self) -> list[LiveTurn]:
        """Turns of which it is not yet known how much was heard."""
        return [turn for turn in self.turns[self._restored :] if not turn.settled]

    def messages(
        self, agent: Agent, language: Language, traits: Mapping[str, str], persona: Persona | None = None
    ) -> list[Message]:
        """What the model is sent: instructions, the greeting, and the latest turns as they were heard."""
        found: list[Message] = [{"role": "system", "content": system_prompt(agent, language, traits, persona)}]
        if self.greeting.heard_text and not self._restored:
            found.append({"role": "assistant", "content": self.greeting.heard_text})
        first = max(0, len(self.turns) - agent.conversation.history_turns)
        found += self._aside_messages(first)
        for number, turn in enumerate(self.turns[first:], first + 1):
            found += turn.messages()
            found += self._aside_messages(number)
        return found

    def _aside_messages(self, number: int) -> list[Message]:
        return [
            {"role": "assistant", "content": cycle.heard_text}
            for behind, cycle in self._asides
            if behind == number and cycle.heard_text
        ]
