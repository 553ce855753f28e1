"""One service under the launcher: started, watched until it is ready, started again, stopped."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colorama import Fore

from crosschannel import probe
from crosschannel.launch import child as children
from crosschannel.launch.child import Child
from crosschannel.launch.lines import Lines
from crosschannel.launch.restarts import GiveUp, RestartPolicy, describe_exit
from crosschannel.services import Service

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """Where a service is started and where it then answers."""

    host: str
    port: int
    env: Mapping[str, str]
    folder: Path


class Supervisor:
    """Keeps one service running until `stop`; `run` ends when it was stopped or given up."""

    def __init__(self, service: Service, place: Place, lines: Lines) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self._given_up = asyncio.Event()
        self._place = place
        self._lines = lines
        self._policy = RestartPolicy()
        self._stopping = asyncio.Event()
        self._child: Child | None = None
        self._was_ready = False

    async def run(self) -> None:
        """Starts the service, again after each unwanted end as the policy says."""
        while not self._stopping.is_set():
            code = await self._run_once()
            if self._stopping.is_set():
                return
            decision = self._policy.after_exit(code, asyncio.get_running_loop().time())
            name = self.service.name
            if isinstance(decision, GiveUp):
                self._given_up.set()
                self._say_trouble(f"{name} {describe_exit(code)} and stays down: {decision.reason}")
                return
            self._say_trouble(f"{name} {describe_exit(code)}; starting it again in {decision.delay_s:g} s")
            await self._pause(decision.delay_s)

    async def stop(self, bound_s: float) -> None:
        """SIGTERM, and SIGKILL for what is still there after `bound_s`."""
        self._stopping.set()
        child = self._child
        if child is None or not child.running:
            return
        child.terminate()
        try:
            async with asyncio.timeout(bound_s):
                await child.wait()
        except TimeoutError:
            self._say_trouble(f"{self.service.name} did not stop within {bound_s:g} s and is killed")
        finally:
            child.kill()

    def kill(self) -> None:
        """SIGKILL at once."""
        self._stopping.set()
        if self._child is not None:
            self._child.kill()

    async def ready_or_given_up(self) -> None:
        """Comes back when the service is ready, or will not be without help."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self.ready, self._given_up)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def why_not_ready(self) -> str:
        """The reasons the service itself gives at /readyz."""
        answer = await probe.get(self._place.host, self._place.port, "/readyz")
        if answer is None:
            return "it does not answer"
        reasons = answer.body.get("reasons", {})
        return ", ".join(f"{name}: {why}" for name, why in reasons.items()) if reasons else f"HTTP {answer.status}"

    async def _run_once(self) -> int:
        """Starts the service and gives back its exit code when it has ended."""
        command = [sys.executable, "-m", self.service.name]
        self.ready.clear()
        self._child = child = await children.start(command, self._place.env, self._place.folder)
        if self._stopping.is_set():  # the stop came while it was being started
            child.kill()
        async with asyncio.TaskGroup() as tasks:
            output = tasks.create_task(self._print_output(child))
            readiness = tasks.create_task(self._watch_readiness(child))
            code = await child.wait()
            readiness.cancel()
            child.kill()  # what it may have started and left holding its output
            await output
        return code

    async def _print_output(self, child: Child) -> None:
        async for line in child.lines():
            self._lines.write(self.service.name, line, self.service.colour)

    async def _watch_readiness(self, child: Child) -> None:
        while child.running:
            answer = await probe.get(self._place.host, self._place.port, "/readyz")
            if answer is not None and answer.status == 200:
                self.ready.set()
                if self._was_ready:
                    self._lines.say(f"{self.service.name} is ready again")
                self._was_ready = True
                return
            await asyncio.sleep(POLL_S)

    async def _pause(self, delay_s: float) -> None:
        """Waits for `delay_s` or for the stop, whichever comes first."""
        try:
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        except TimeoutError:
            return

    def _say_trouble(self, text: str) -> None:
        self._lines.say(text, Fore.RED)
