"""Services of one's own: today's code on free ports with a data directory apart, for a replay or a recording."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from crosschannel import probe

READY_WITHIN_S = 30.0
STOP_WITHIN_S = 45.0
POLL_S = 0.05
HOST = "127.0.0.1"


class NotStarted(Exception):
    """A service did not start; the message shows the end of its log."""


@asynccontextmanager
async def private_services(ports: Mapping[str, int], env: Mapping[str, str], logs: Path) -> AsyncIterator[None]:
    """The services (package name -> port) are ready inside, and stopped in the opposite order at the end.

    Raises NotStarted.
    """
    running: list[subprocess.Popen[bytes]] = []
    try:
        for service, port in ports.items():
            running.append(_begin(service, env, logs))
            await _ready(service, running[-1], port, logs)
        yield
    finally:
        for process in reversed(running):
            await _stop(process)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now."""
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind((HOST, 0))
        return [int(listener.getsockname()[1]) for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


async def answers_at(port: int, host: str = HOST) -> bool:
    """Whether a ready service answers there."""
    answer = await probe.get(host, port, "/readyz")
    return answer is not None and answer.status == 200


def _begin(service: str, env: Mapping[str, str], logs: Path) -> subprocess.Popen[bytes]:
    with _log(service, logs).open("wb") as output:
        return subprocess.Popen([sys.executable, "-m", service], env=dict(env), stdout=output, stderr=output)


async def _ready(service: str, process: subprocess.Popen[bytes], port: int, logs: Path) -> None:
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + READY_WITHIN_S
    while loop.time() < deadline_s and process.poll() is None:
        if await answers_at(port):
            return
        await asyncio.sleep(POLL_S)
    raise NotStarted(f"{service} did not start:\n{_log(service, logs).read_text(errors='replace')[-2000:]}")


async def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        await asyncio.to_thread(process.wait, STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)


def _log(service: str, logs: Path) -> Path:
    return logs / f"{service}.log"
