"""Whether the services' ports and the data directory are free, before anything is started."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from crosschannel import probe
from crosschannel.services import BY_NAME, Service
from shared.config import Settings
from shared.origins import url_host


async def conflicts(services: Iterable[Service], settings: Settings) -> list[str]:
    """One sentence per port that is taken, with its service and what to do; empty when all are free."""
    return [
        await _describe(service, settings)
        for service in services
        if not is_free(settings.host, service.port(settings))
    ]


def is_free(host: str, port: int) -> bool:
    """True when a server could listen there now (connections left in TIME_WAIT do not count)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except OSError:
            return False
    return True


@contextmanager
def sole_launcher(data_dir: Path) -> Iterator[bool]:
    """Holds DATA_DIR for this launcher; False when another one has it. It ends with the process."""
    descriptor = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


async def holder(settings: Settings, port: int) -> str | None:
    """The name of the platform's service that answers on this port; None for any other program."""
    answer = await probe.get(url_host(settings.host).strip("[]"), port, "/healthz", timeout_s=1.0)
    name = answer.service if answer is not None else None
    return name if name in BY_NAME else None


async def _describe(service: Service, settings: Settings) -> str:
    port = service.port(settings)
    ours = await holder(settings, port)
    if ours is not None:
        return (
            f"port {port}, which {service.name} needs, is held by a running {ours} of this platform: "
            f"stop that one, or set {service.port_name} to a free port"
        )
    return (
        f"port {port} is in use, {service.name} needs it: stop the program that holds it, "
        f"or set {service.port_name} to a free port (in .env or the environment)"
    )
