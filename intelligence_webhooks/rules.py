"""Which operator feeds which score: the table of `intelligence.toml`, read once and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from shared.config import ConfigError

Score = Literal[
    "csat",
    "csat_surveyed",
    "ces",
    "sentiment",
    "legal_risk",
    "hallucinations",
    "escalation_requested",
    "summary",
    "disposition",
    "intents",
    "emotions",
    "toxic",
    "tasks",
]
Reader = Literal["number", "label", "findings", "count", "flag", "text", "words", "tasks"]


class Bands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lowest legal risk score of the medium and the high band (0-100)."""

    medium_from: float
    high_from: float

    def band(self, score: float) -> Literal["low", "medium", "high"]:
        if score >= self.high_from:
            return "high"
        return "medium" if score >= self.medium_from else "low"


class Feed(msgspec.Struct, forbid_unknown_fields=True, dict=True):
    """One row of the table: the operators that feed `score` and how their results are read."""

    score: Score
    reader: Reader
    names: list[str] = []
    operator_sids: list[str] = []
    json_fields: list[str] = []
    shape: list[str] = []
    labels: dict[str, str] = {}
    yes_when: list[tuple[str, str]] = []
    text: str = ""
    minimum: float = 0.0
    maximum: float = 100.0

    @cached_property
    def _name_pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{name})" for name in self.names) or "(?!)", re.IGNORECASE)

    def takes(self, name: str, operator_sid: str, value: Any = None) -> bool:
        """True when the operator of this name and sid feeds the score, or a JSON result has its shape."""
        if operator_sid in self.operator_sids or self._name_pattern.search(name) is not None:
            return True
        return bool(self.shape) and isinstance(value, dict) and all(name in value for name in self.shape)


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    bands: Bands
    feed: list[Feed]


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole table."""

    bands: Bands
    feeds: tuple[Feed, ...]


def parse_rules(text: str) -> Rules:
    """The rules in a TOML document. Raises msgspec.ValidationError or re.error for a table that cannot work."""
    table = msgspec.toml.decode(text, type=_Table)
    for feed in table.feed:
        feed.takes("", "")
    return Rules(table.bands, tuple(table.feed))


def load_rules(path: Path | None) -> Rules:
    """The rules of a file, without one the packaged ones. Raises ConfigError."""
    if path is None:
        return packaged_rules()
    try:
        return parse_rules(path.read_text("utf-8"))
    except (OSError, ValueError, msgspec.MsgspecError, re.error) as error:
        raise ConfigError([f"INTELLIGENCE_RULES_FILE {path} cannot be used: {error}"]) from error


def packaged_rules() -> Rules:
    """The rules that come with the package."""
    return parse_rules(resources.files(__package__).joinpath("intelligence.toml").read_text("utf-8"))
