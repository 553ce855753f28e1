"""An order to call somebody, as `POST …/Calls.json` gives it, and what the called phone does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pickup = Literal["answered", "busy", "no-answer", "failed"]
RING_S = 2.0
# What a dialled number's last four digits mean, so that every outcome can be had without configuration.
OUTCOMES: dict[str, Pickup] = {"0000": "busy", "0001": "no-answer", "0002": "failed"}


def pickup_of(number: str) -> Pickup:
    """How a number is answered when nobody said otherwise."""
    return OUTCOMES.get(number[-4:], "answered")


@dataclass(frozen=True, slots=True)
class Source:
    """Where TwiML comes from: an address to ask, or the document itself."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""


@dataclass(frozen=True, slots=True)
class StatusOrder:
    """Where a call's progress is told, and which of it: initiated, ringing, answered, completed."""

    url: str = ""
    method: str = "POST"
    events: frozenset[str] = frozenset(("completed",))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call to be placed; times in seconds of the call. `timeout_s` is how long it may ring."""

    source: Source
    status: StatusOrder = StatusOrder()
    pickup: Pickup = "answered"
    ring_s: float = RING_S
    timeout_s: float = 60.0
