"""What is still to happen: jobs with a moment, kept in the store so that a restart forgets none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Appointment, Store
from shared.telemetry import get_logger

MOST_AT_A_TIME = 10_000
Job = Callable[[dict[str, Any]], None]
log = get_logger("sandbox.agenda")


class Agenda:
    """Runs each job once when its moment has come, earliest first. A job is named and has one moment per key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._moment: datetime | None = None  # of the job that is running

    def on(self, name: str, job: Job) -> None:
        """Says what `name` does; must be called before `run`."""
        self._jobs[name] = job

    def put(self, name: str, key: str, after: timedelta, payload: dict[str, Any]) -> None:
        """Plans the job; an earlier plan of the same name and key is replaced.

        What a job plans counts from the moment it was due, so that a clock moved far ahead runs the whole chain.
        """
        self.put_at(name, key, (self._moment or self._clock.now()) + after, payload)

    def put_at(self, name: str, key: str, moment: datetime, payload: dict[str, Any]) -> None:
        if name not in self._jobs:
            raise KeyError(f"no job is called {name!r}")
        self._store.plan(Appointment(moment.timestamp(), name, key, payload))
        self._clock.nudge()

    def drop(self, name: str, key: str) -> None:
        self._store.unplan(name, key)

    def size(self) -> int:
        return self._store.planned()

    def run_due(self) -> int:
        """Runs what is due now, and what that makes due; the number of jobs run.

        A job that fails is logged and forgotten: it would fail again, and stop all others.
        """
        done = 0
        while done < MOST_AT_A_TIME and (due := self._store.due(self._clock.now().timestamp(), 1)):
            self._run(due[0])  # one at a time: it may plan something that comes before the next
            done += 1
        return done

    async def run(self) -> None:
        """Runs jobs at their moments until it is cancelled."""
        while True:
            self.run_due()
            next_at = self._store.next_moment()
            moment = None if next_at is None else datetime.fromtimestamp(next_at, tz=UTC)
            await self._clock.wait_until(moment)

    def _run(self, appointment: Appointment) -> None:
        self._store.unplan(appointment.name, appointment.key)
        job = self._jobs.get(appointment.name)
        if job is None:
            log.warning("nobody knows this job", job=appointment.name)
            return
        self._moment = datetime.fromtimestamp(appointment.at, tz=UTC)
        try:
            job(appointment.payload)
        except Exception:  # the outermost shell of a job
            log.exception("a job failed", job=appointment.name)
        finally:
            self._moment = None
