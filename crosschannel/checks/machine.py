"""This machine: ports, the data directory, and the programs that only some verbs need."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from crosschannel.bootstrap.browser import find as find_chromium
from crosschannel.bootstrap.node import is_new_enough, system_version
from crosschannel.checks.finding import Finding, fault, note, ok
from crosschannel.launch.ports import holder, is_free
from crosschannel.services import Service
from shared.config import Settings

LOW_SPACE_BYTES = 1024**3
LEAST_SPACE_BYTES = 100 * 1024**2


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


def data_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the data directory can be written by its owner only, and has room."""
    folder = settings.data_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        yield fault(
            f"data: {folder} cannot be written", "give it to the user that runs the services, or set DATA_DIR"
        )
        return
    wide = sorted(path.name for path in [folder, *folder.glob("*")] if _is_wide(path))
    if wide:
        yield note(
            f"data: others on this machine may read {', '.join(wide)}",
            f"run `chmod -R go-rwx {folder}`; the services tighten what they open",
        )
    yield _space(folder, shutil.disk_usage(folder).free)


def _is_wide(path: Path) -> bool:
    """True when group or others have any right; a file that vanished meanwhile has none."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def _space(folder: Path, free_bytes: int) -> Finding:
    free = f"{free_bytes / 1024**3:.1f} GB free"
    if free_bytes < LEAST_SPACE_BYTES:
        return fault(
            f"data: {folder} has {free}: calls are refused when the journal is full", "make room on that disk"
        )
    if free_bytes < LOW_SPACE_BYTES:
        return note(f"data: {folder} has only {free}", "make room on that disk")
    return ok(f"data: {folder} can be written, {free}")


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
