"""Running a service as a process: settings from the environment, one-line errors, a graceful stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from aiohttp import web

from shared.config import SERVICES, ConfigError, Settings, load_settings, read_environment
from shared.head_deadline import GuardedRunner
from shared.journal import JournalLocked
from shared.service_keys import READINESS
from shared.telemetry import configure_logging, get_logger

DRAIN_S = 30.0
CLOSE_S = 1.5  # aiohttp waits for it twice: for requests to end, and again once it has cancelled them
EXIT_CONFIG = 2
# How long an idle connection is kept: more than the 15 s after which our own clients let go of one.
IDLE_DEADLINE_S = 20.0
# A connection on which no whole request head arrives in this time is closed.
HEAD_DEADLINE_S = 10.0
log = get_logger("runner")

Build = Callable[[Settings], web.Application]


class CannotStart(Exception):
    """The machine does not let the service start; the message says what to do."""


def run_service(build: Build, service: str) -> NoReturn:
    """Runs until SIGTERM or SIGINT, then exits 0.

    Exits 2 with one message for a configuration that cannot be used, 1 when the port or a journal is taken.
    """
    os.umask(0o077)  # also for the files that SQLite and DuckDB make beside their own
    try:
        settings = _settings(service)
        configure_logging(service, settings.debug)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve(build, settings))
    except ConfigError as error:
        _give_up(service, str(error), EXIT_CONFIG)
    except JournalLocked as error:
        _give_up(service, f"already running on this DATA_DIR: {error}", 1)
    except CannotStart as error:
        _give_up(service, str(error), 1)
    raise SystemExit(0)


def _give_up(service: str, sentence: str, code: int) -> NoReturn:
    print(f"{service}: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def _settings(service: str) -> Settings:
    """The settings from the environment. Raises ConfigError, or CannotStart for a DATA_DIR that cannot be used."""
    try:
        return load_settings(service, read_environment())
    except OSError as error:
        raise CannotStart(_os_sentence(error, service)) from error


def _os_sentence(error: OSError, service: str) -> str:
    """What to do about a port or a directory that cannot be used."""
    if error.errno == errno.EADDRINUSE:
        return f"the port is in use; stop what holds it or set {port_name(service)}"
    return f"cannot start: {error}"


async def serve(build: Build, settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Serves until `stop` is set (by default: by SIGTERM and SIGINT), then drains and closes.

    Raises CannotStart when the port or a directory cannot be used.
    """
    stop = stop or _stop_on_signals()
    app = build(settings)
    runner = GuardedRunner(
        app,
        head_deadline_s=HEAD_DEADLINE_S,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=CLOSE_S,
        keepalive_timeout=IDLE_DEADLINE_S,
    )
    try:
        await _start(runner, settings)
        # What start-up has made lives as long as the process; without this the collector walks through all of it
        # again and again, which was the tail of a voice turn's latency (docs/performance.md).
        gc.collect()
        gc.freeze()
        log.info("listening", host=settings.host, port=settings.port, pid=os.getpid())
        await stop.wait()
        log.info("stopping")
        # The port stays open meanwhile, so that /readyz can say 503 and Twilio's callbacks still arrive.
        await app[READINESS].drain(DRAIN_S)
    finally:
        gc.unfreeze()
        await runner.cleanup()


async def _start(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await runner.setup()
        await web.TCPSite(runner, settings.host, settings.port, reuse_address=True).start()
    except OSError as error:
        raise CannotStart(_os_sentence(error, settings.service)) from error


def port_name(service: str) -> str:
    """The environment name of a service's port, such as RELAY_PORT."""
    return f"{SERVICES[service].upper()}_PORT"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed: a fifth less CPU with many paced sockets."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; nothing is raised into whatever happens to run."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
