"""A finished call as the phone side reports it: what both sides said and heard, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Sentence(msgspec.Struct, frozen=True):
    """One sentence; times are seconds since the call began. An agent's sentence is what was heard of it."""

    speaker: Literal["agent", "caller"]
    text: str
    start_s: Seconds
    end_s: Seconds


class ReportedCall(msgspec.Struct, frozen=True):
    """The call as a whole. `ended_by` says who hung up, or `failed` when the connection was lost."""

    call_sid: str
    session_id: str
    caller: str
    called: str
    language: str
    started_at: datetime
    duration_s: Seconds
    sentences: list[Sentence]
    direction: str = "inbound"
    ended_by: str = "caller"
    handoff_data: str | None = None
