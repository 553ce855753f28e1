"""This machine: ports, the data directory, and the programs that only some verbs need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from crosschannel.bootstrap.browser import find as find_chromium
from crosschannel.bootstrap.node import is_new_enough, system_version
from crosschannel.launch.ports import holder, is_free
from crosschannel.services import Service
from shared.checks import Finding, fault, note, ok
from shared.config import Settings


async def port_findings(services: Sequence[Service], settings: Settings) -> list[Finding]:
    """One finding per port; a port held by the service it belongs to is in order."""
    return [await _port(service, settings) for service in services]


async def _port(service: Service, settings: Settings) -> Finding:
    port = service.port(settings)
    if is_free(settings.host, port):
        return ok(f"port {port}: free for {service.name}")
    name = await holder(settings, port)
    if name == service.name:
        return ok(f"port {port}: {service.name} is running")
    return fault(
        f"port {port} is held by {name or 'another program'}, {service.name} needs it",
        f"stop that program, or set {service.port_name} to a free port",
    )


def tool_findings() -> Iterator[Finding]:
    """Node for the console and Chromium for the browser tests: both optional for a call."""
    version = system_version()
    if version is not None and is_new_enough(version):
        yield ok(f"node: {version} builds the console")
    else:
        why = f"{version} is too old" if version else "not installed"
        yield note(f"node: {why}", "nothing to do: `make setup` takes the one from PyPI (for .venv only)")
    chromium = find_chromium()
    if chromium is not None:
        yield ok(f"chromium: {chromium}")
    else:
        yield note("chromium: not installed", "only `make test` needs it: install Debian's chromium, or use E2E=0")
