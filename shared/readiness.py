"""Whether a service takes work: its own start-up, its disk and its drain, never what lies upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from shared.journal import Journal
from shared.telemetry import get_logger

Drain = Callable[[float], Awaitable[None]]
log = get_logger("readiness")


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

    @property
    def journals(self) -> tuple[Journal, ...]:
        """The journals that this service writes."""
        return tuple(self._journals)

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
        """Stops taking work and waits for what the service holds, at most `deadline_s`.

        All parts finish at the same time; one that fails or hangs is logged and does not hold up the others.
        """
        self.draining = True
        tasks = [asyncio.ensure_future(finish(deadline_s)) for finish in self.on_drain]
        if not tasks:
            return
        done, late = await asyncio.wait(tasks, timeout=deadline_s)
        for task in late:
            task.cancel()
            log.warning("drain not finished in time", part=str(task.get_coro()))
        for result in await asyncio.gather(*done, return_exceptions=True):
            if isinstance(result, BaseException):
                log.error("drain failed", exc_info=result)
