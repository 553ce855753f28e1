"""When a service that died is started again: a pure decision over exit codes and times."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

WINDOW_S = 60.0
RESTARTS_PER_WINDOW = 5
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 8.0
EXIT_CONFIG = 2


@dataclass(frozen=True, slots=True)
class Restart:
    """Start it again after `delay_s`."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Leave it down, because of `reason`."""

    reason: str


@dataclass(slots=True)
class RestartPolicy:
    """What to do after each exit of one service: wait twice as long each time, give up after five in a minute."""

    _exits_s: list[float] = field(default_factory=list)

    def after_exit(self, code: int, now_s: float) -> Restart | GiveUp:
        """The decision about an exit at `now_s` (seconds of any monotonic clock)."""
        if code == EXIT_CONFIG:
            return GiveUp("its configuration cannot be used, as it says above")
        self._exits_s = [at_s for at_s in self._exits_s if now_s - at_s < WINDOW_S] + [now_s]
        if len(self._exits_s) > RESTARTS_PER_WINDOW:
            return GiveUp(f"it ended {len(self._exits_s)} times within a minute")
        return Restart(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (len(self._exits_s) - 1)))


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
