"""Which operator feeds which score: the table of `intelligence.toml`, read once and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from shared.config import ConfigError

Score = Literal[
    "csat",
    "csat_surveyed",
    "ces",
    "nps",
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


class _Operators(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Operators by patterns of their names, and by sid."""

    names: list[str] = []
    operator_sids: list[str] = []

    @cached_property
    def _name_pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{name})" for name in self.names) or "(?!)", re.IGNORECASE)

    def named(self, name: str, operator_sid: str) -> bool:
        """True when the row is about the operator of this name and sid."""
        return operator_sid in self.operator_sids or self._name_pattern.search(name) is not None


class Check(_Operators, kw_only=True, forbid_unknown_fields=True, dict=True):
    """A rule whose breach is a finding of legal risk; `severity` 0 to 100.

    It is broken when its operator matched (`finds` "matched") or did not ("missing"), or when `score` is true or
    above zero. A classifier matches with one of `labels` (lower case).
    """

    category: str
    severity: Annotated[float, msgspec.Meta(ge=0, le=100)]
    finds: Literal["matched", "missing"] = "matched"
    labels: list[str] = []
    score: Literal["", "toxic", "hallucinations"] = ""

    @property
    def wanted(self) -> bool:
        """The answer of the operator that breaks the rule."""
        return self.finds == "matched"


class Feed(_Operators, kw_only=True, forbid_unknown_fields=True, dict=True):
    """One row of the table: the operators that feed `score` and how their results are read."""

    score: Score
    reader: Reader
    json_fields: list[str] = []
    shape: list[str] = []
    labels: dict[str, str] = {}
    yes_when: list[tuple[str, str]] = []
    text: str = ""
    minimum: float = 0.0
    maximum: float = 100.0

    def takes(self, name: str, operator_sid: str, value: Any = None) -> bool:
        """True when the operator of this name and sid feeds the score, or a JSON result has its shape."""
        if self.named(name, operator_sid):
            return True
        return bool(self.shape) and isinstance(value, dict) and all(name in value for name in self.shape)


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    bands: Bands
    feed: list[Feed]
    check: list[Check] = []


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole table."""

    bands: Bands
    feeds: tuple[Feed, ...]
    checks: tuple[Check, ...] = ()


def parse_rules(text: str) -> Rules:
    """The rules in a TOML document. Raises msgspec.ValidationError or re.error for a table that cannot work."""
    table = msgspec.toml.decode(text, type=_Table)
    for row in (*table.feed, *table.check):
        row.named("", "")
    return Rules(table.bands, tuple(table.feed), tuple(table.check))


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
