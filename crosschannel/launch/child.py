"""A program in a session of its own that cannot outlive the launcher."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
LONGEST_LINE_BYTES = 64 * 1024
# Loaded here, before any fork: the child may only call what is ready to be called.
_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A running program. It leads its process group, so that it ends together with whatever it started."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def lines(self) -> AsyncIterator[str]:
        """Its output, stdout and stderr together, until it closes them."""
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: it was started with a pipe
        rest = b""
        while chunk := await self._process.stdout.read(LONGEST_LINE_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE_BYTES:
                whole, rest = [*whole, rest], b""
            for line in whole:
                yield line.decode(errors="replace").rstrip("\r")
        if rest:
            yield rest.decode(errors="replace")

    async def wait(self) -> int:
        """Its exit code; the negative signal number when a signal ended it."""
        return await self._process.wait()

    def terminate(self) -> None:
        """SIGTERM to the program itself, which ends what it started."""
        if self.running:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the program and all of its group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


async def start(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, *, orphan_signal: signal.Signals = signal.SIGKILL
) -> Child:
    """Starts a program that gets `orphan_signal` when the launcher dies, however it dies (Linux).

    Raises OSError when the program cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid(), orphan_signal),
    )
    return Child(process)


def stop_with_parent() -> None:
    """From here on this process gets SIGTERM when its parent dies, `make` for instance (Linux)."""
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _die_with(launcher_pid: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    def between_fork_and_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != launcher_pid:  # it died before the line above could take effect
            os._exit(1)

    return between_fork_and_exec
