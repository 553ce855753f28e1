"""All services together: started side by side, announced when ready, stopped in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from colorama import Fore

from crosschannel.launch.banner import banner
from crosschannel.launch.console_build import build_console
from crosschannel.launch.lines import Lines
from crosschannel.launch.supervisor import Place, Supervisor
from crosschannel.services import SANDBOX, Service
from shared.config import Settings
from shared.origins import url_host

# A service ends live calls within 30 s and itself 5 s after the last one.
STOP_BOUND_S = 40.0
READY_BOUND_S = 30.0


class Launcher:
    """Runs `services` with `env` until a signal, or until none is left.

    `console` is the project folder whose console is to be built, None to build none.
    """

    def __init__(
        self,
        services: Sequence[Service],
        settings: Settings,
        env: Mapping[str, str],
        console: Path | None,
        lines: Lines,
    ) -> None:
        self._settings = settings
        self._console = console
        self._lines = lines
        self._stop = asyncio.Event()
        host = url_host(settings.host).strip("[]")
        self._supervisors = [
            Supervisor(service, Place(host, service.port(settings), env, Path.cwd()), lines)
            for service in services
        ]
        lines.on_closed = self._stop.set

    async def run(self) -> int:
        """0 after a wanted stop, 1 when every service has been given up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)
        began_s = loop.time()
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(supervisor.run()) for supervisor in self._supervisors]
            announcement = tasks.create_task(self._announce(began_s))
            await self._until_stop(asyncio.gather(*running))
            announcement.cancel()
            wanted = self._stop.is_set()
            await self._stop_all()
        if not wanted:
            self._lines.say("no service is left; see above for the reasons", Fore.RED)
        return 0 if wanted else 1

    async def _until_stop(self, left: asyncio.Future[list[None]]) -> None:
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait((stop, left), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _announce(self, began_s: float) -> None:
        """Prints the table when all are ready, or what is missing after a while; then builds the console."""
        await asyncio.wait([asyncio.ensure_future(self._settled(one)) for one in self._supervisors])
        missing = [
            f"{one.service.name} is not ready: {await one.why_not_ready()}"
            for one in self._supervisors
            if not one.ready.is_set()
        ]
        took_s = asyncio.get_running_loop().time() - began_s
        services = [supervisor.service for supervisor in self._supervisors]
        for line in banner(services, missing, self._settings, took_s):
            self._lines.plain(line)
        # Only now, because the build takes both cores for a while and calls come first.
        if self._console is not None:
            await build_console(self._console, self._lines)

    async def _settled(self, supervisor: Supervisor) -> None:
        """Comes back when the service is ready, was given up or has had its time."""
        try:
            async with asyncio.timeout(READY_BOUND_S):
                await supervisor.ready_or_given_up()
        except TimeoutError:
            return

    async def _stop_all(self) -> None:
        """The platform first and the sandbox last, so that ending calls still have their other side."""
        for stage in (True, False):
            ending = [one.stop(STOP_BOUND_S) for one in self._supervisors if (one.service is not SANDBOX) is stage]
            await asyncio.gather(*ending)
        self._lines.say("stopped")

    def _on_signal(self) -> None:
        if not self._stop.is_set():
            self._lines.say("stopping; Ctrl-C again ends everything at once")
            self._stop.set()
            return
        for supervisor in self._supervisors:
            supervisor.kill()
