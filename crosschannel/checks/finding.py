"""What a check found and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # nothing to do before a call can be placed
    FAULT = "fault"  # in the way of a call


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `what` was found, and for a note or fault the `advice`."""

    level: Level
    what: str
    advice: str = ""


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def note(what: str, advice: str) -> Finding:
    return Finding(Level.NOTE, what, advice)


def fault(what: str, advice: str) -> Finding:
    return Finding(Level.FAULT, what, advice)
