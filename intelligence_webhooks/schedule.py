"""When to try an event again, and when to give it up."""

from __future__ import annotations

from dataclasses import dataclass
from secrets import SystemRandom

from intelligence_webhooks.twilio_reads import BadAnswer, NotFound, ReadRefused, Unavailable

_random = SystemRandom()


class NotCompleted(Exception):
    """Twilio is still working on the transcript."""


class NeverCompleted(Exception):
    """Twilio gave the transcript up: it failed or was canceled."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Delays in seconds that double from `first_s` to `longest_s`, and how many tries each kind of fault gets.

    With these numbers an outage of Twilio may last about two and a half hours before events become dead
    letters, a transcript may take as long to complete, and an answer we do not understand is given up after
    about half a minute.
    """

    first_s: float = 0.5
    longest_s: float = 300.0
    patient_tries: int = 40
    short_tries: int = 6

    def delay_s(self, tries: int, fault: Exception) -> float | None:
        """How long to wait after the failed try number `tries` + 1; None when the event is a dead letter now."""
        if tries + 1 >= self._limit(fault):
            return None
        delay_s = min(self.first_s * 2.0 ** min(tries, 30), self.longest_s) * _random.uniform(0.5, 1.0)
        asked_s = fault.retry_after_s if isinstance(fault, Unavailable) else None
        return max(delay_s, min(asked_s or 0.0, self.longest_s))

    def _limit(self, fault: Exception) -> int:
        match fault:
            case ReadRefused() | NeverCompleted():
                return 1
            case Unavailable() | NotCompleted():
                return self.patient_tries
            case _:
                return self.short_tries


REASONS: dict[type[Exception], str] = {
    ReadRefused: "read_refused",
    NeverCompleted: "transcript_failed",
    NotCompleted: "transcript_not_completed",
    NotFound: "transcript_not_found",
    Unavailable: "twilio_unavailable",
    BadAnswer: "answer_not_understood",
}


def reason_of(fault: Exception) -> str:
    """The dead letter's reason for a fault."""
    return REASONS.get(type(fault), "failed")
