"""Which calls a question is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """Calls that started in [start, end) and have these properties; None lets everything through.

    A language such as `pt` also takes `pt-BR`.
    """

    start: datetime | None = None
    end: datetime | None = None
    language: str | None = None
    channel: str | None = None
    agent: str | None = None
    service_sid: str | None = None

    def parameters(self) -> dict[str, object]:
        """The values by the names that the statements use; times as the table has them: UTC without a zone."""
        return {
            "start": stored_time(self.start),
            "end": stored_time(self.end),
            "language": self.language,
            "channel": self.channel,
            "agent": self.agent,
            "service_sid": self.service_sid,
        }


def stored_time(at: datetime | None) -> datetime | None:
    """A time as the table has it."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)
