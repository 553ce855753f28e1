"""What Prometheus is told about webhooks and their results."""

from __future__ import annotations

import threading
from collections import Counter as CounterOf

from prometheus_client import Counter, Histogram

WEBHOOKS = Counter(
    "crosschannel_intelligence_webhooks_total",
    "Webhooks by what became of them: v2, v3, unknown, duplicate, refused, malformed, not_stored",
    ["outcome"],
)
RESOLVED = Counter(
    "crosschannel_intelligence_resolved_total",
    "Tries to resolve an event by what became of them: result, postponed, dead_letter",
    ["outcome"],
)
RESOLVE_SECONDS = Histogram(
    "crosschannel_intelligence_resolve_seconds", "From an event's line to its result's line"
)


class Tally:
    """Webhooks since the start of this process, by outcome; also told to Prometheus. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: CounterOf[str] = CounterOf()

    def add(self, outcome: str) -> None:
        WEBHOOKS.labels(outcome).inc()
        with self._lock:
            self._counts[outcome] += 1

    def count(self, *outcomes: str) -> int:
        """How many webhooks had one of these outcomes."""
        with self._lock:
            return sum(self._counts[outcome] for outcome in outcomes)
