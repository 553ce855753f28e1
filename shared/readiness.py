"""Whether a service takes work: its own start-up, its disk and its drain, never what lies upstream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from shared.journal import Journal

Drain = Callable[[float], Awaitable[None]]


class Readiness:
    """Reasons for not being ready, by name, and what is to be done before the service stops."""

    def __init__(self) -> None:
        self._failed: dict[str, str] = {}
        self._journals: list[Journal] = []
        self.on_drain: list[Drain] = []
        self.draining = False

    def set_failed(self, name: str, why: str) -> None:
        self._failed[name] = why

    def clear(self, name: str) -> None:
        self._failed.pop(name, None)

    def watch(self, journal: Journal) -> None:
        """Not ready while this journal cannot be written or its queue is full."""
        self._journals.append(journal)

    def reasons(self) -> dict[str, str]:
        """Why the service is not ready; empty when it is."""
        found = dict(self._failed)
        for journal in self._journals:
            if not journal.healthy or journal.full:
                found[f"journal {journal.series}"] = "cannot be written"
        if self.draining:
            found["drain"] = "the service is stopping"
        return found

    async def drain(self, deadline_s: float) -> None:
        """Stops taking work and waits for what the service holds, at most `deadline_s`."""
        self.draining = True
        for finish in self.on_drain:
            await finish(deadline_s)
