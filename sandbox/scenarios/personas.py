"""Personas: callers that make their turns up, from a seed and from what the agent says. The same seed and the same
answers always give the same call."""

from __future__ import annotations

import random
import tomllib
from functools import cache
from importlib import resources
from typing import Annotated, Literal

import msgspec

from sandbox.network import Network
from sandbox.scenarios.grammar import Moment, Turn
from sandbox.words import found_phrases

Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
ORDERS = ("1001", "1002", "1003", "4711", "2203")  # the last one does not exist
LONGEST_CALL = 14
SILENCE_S = 3.0
KEY = "#"


class Persona(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of caller; chances are per turn."""

    name: str
    description: str
    subjects: list[str]
    per_call: tuple[int, int]
    mood: Literal["pleased", "neutral", "upset"]
    interrupts: Chance = 0.0
    silent: Chance = 0.0
    repeats: Chance = 0.0
    mixes: Chance = 0.0
    drops: Chance = 0.0
    hangs_up: Chance = 0.0
    keys: Chance = 0.0
    threatens: Chance = 0.0
    accepts_transfer: Chance = 0.5
    leaves_without_goodbye: Chance = 0.1
    network: Network = Network()


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said in one language, and which phrases of the agent are answered."""

    closing_pleased: list[str]
    closing_neutral: list[str]
    closing_upset: list[str]
    yes: list[str]
    no: list[str]
    number: list[str]
    again: list[str]
    over: list[str]
    threat: list[str]
    cues_number: list[str]
    cues_transfer: list[str]
    cues_misunderstood: list[str]
    cues_lost_order: list[str]
    subjects: dict[str, list[str]]


@cache
def personas() -> dict[str, Persona]:
    """The personas by name."""
    text = resources.files("sandbox.scenarios").joinpath("personas.toml").read_text(encoding="utf-8")
    found = msgspec.convert(tomllib.loads(text)["personas"], list[Persona])
    return {persona.name: persona for persona in found}


def persona_names() -> list[str]:
    return list(personas())


@cache
def lines() -> dict[str, Lines]:
    """What is said, by primary language tag."""
    text = resources.files("sandbox.scenarios").joinpath("lines.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Lines])


class PersonaTurns:
    """The turns of one call of a persona. `language` is the one the caller begins with."""

    all_matter = False

    def __init__(self, persona: Persona, seed: int, language: str) -> None:
        self._persona = persona
        self._rng = random.Random(f"{persona.name}:{seed}")  # noqa: S311 - repeatable is the point
        self._language = language.lower().partition("-")[0]
        fewest, most = persona.per_call
        wanted = min(self._rng.randint(fewest, most), len(persona.subjects))
        self._subjects = self._rng.sample(persona.subjects, wanted)
        self._order = self._rng.choice(ORDERS)
        self._said = ""
        self._taken = 0
        self._planned: list[Turn] = []
        self._answered: set[str] = set()
        self._closing = False

    def upcoming(self) -> Turn | None:
        """A turn that comes without waiting for the agent to finish, None when the caller listens first."""
        return self._planned[0] if self._planned else None

    def next(self, agent_said: str) -> Turn | None:
        """The next turn, after what the agent said; None when the caller has nothing more to say."""
        self._taken += 1
        if self._planned:
            return self._planned.pop(0)
        if self._closing or self._taken > LONGEST_CALL:
            return Turn(hangup=True) if self._taken <= LONGEST_CALL + 1 else None
        turn = self._reaction(agent_said) or self._own_idea()
        self._plan_interruption(turn)
        return turn

    # ---- what the agent said ----

    def _reaction(self, agent_said: str) -> Turn | None:
        """The answer to a question of the agent; each kind is answered once, but for the order's number."""
        if self._taken == 1:
            return None
        said, persona = lines()[self._language], self._persona
        if found_phrases(agent_said, said.cues_lost_order) and self._once("lost"):
            self._order = self._rng.choice(ORDERS[:-1])
            return self._tell_number()
        if found_phrases(agent_said, said.cues_number) and self._once("number"):
            return self._tell_number()
        if found_phrases(agent_said, said.cues_misunderstood) and self._said and self._happens(persona.repeats):
            return self._say(self._rng.choice(said.again).replace("{said}", self._said))
        if found_phrases(agent_said, said.cues_transfer) and self._once("transfer"):
            return self._say(self._rng.choice(said.yes if self._happens(persona.accepts_transfer) else said.no))
        return None

    def _tell_number(self) -> Turn:
        if self._happens(self._persona.keys):
            return Turn(dtmf=self._order + "#")
        return self._say(self._rng.choice(lines()[self._language].number), remember=False)

    # ---- their own ideas ----

    def _own_idea(self) -> Turn:
        persona, said = self._persona, lines()[self._language]
        if self._happens(persona.silent):
            return Turn(silence=SILENCE_S)
        if self._happens(persona.drops):
            self._planned.append(self._subject())
            return Turn(drop=True)
        if self._happens(persona.threatens) and self._once("threat"):
            return self._say(self._rng.choice(said.threat))
        return self._subject()

    def _subject(self) -> Turn:
        """The next thing they called about, or the goodbye."""
        if not self._subjects:
            return self._close()
        if self._happens(self._persona.mixes):
            self._language = self._rng.choice([tag for tag in lines() if tag != self._language])
        text = self._rng.choice(lines()[self._language].subjects[self._subjects.pop()])
        if text.startswith(KEY):
            return Turn(dtmf=text.removeprefix(KEY))
        if self._happens(self._persona.hangs_up):
            return Turn(user=self._filled(text), hangup=True)
        return self._say(text)

    def _close(self) -> Turn:
        self._closing = True
        if self._happens(self._persona.leaves_without_goodbye):
            return Turn(hangup=True)
        return self._say(self._rng.choice(getattr(lines()[self._language], f"closing_{self._persona.mood}")))

    def _plan_interruption(self, turn: Turn) -> None:
        """Decides now, before the answer is known, whether it will be talked over."""
        if self._closing or turn.user is None or turn.hangup or not self._happens(self._persona.interrupts):
            return
        moment = Moment(sentence=1, after_ms=self._rng.randint(600, 2500))
        if self._happens(self._persona.hangs_up):
            self._planned.append(Turn(hangup=moment))
            return
        self._planned.append(Turn(user=self._rng.choice(lines()[self._language].over), interrupt=moment))

    # ---- words ----

    def _say(self, template: str, *, remember: bool = True) -> Turn:
        text = self._filled(template)
        if remember:
            self._said = text
        return Turn(user=text, after_ms=self._rng.randint(200, 1200))

    def _filled(self, template: str) -> str:
        return template.replace("{order}", self._order).replace("{digits}", " ".join(self._order))

    def _happens(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _once(self, what: str) -> bool:
        """True the first time."""
        if what in self._answered:
            return False
        self._answered.add(what)
        return True
