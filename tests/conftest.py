"""Fixtures of all tests: waiting with a deadline, free ports, settings."""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from hypothesis import settings as hypothesis_settings

from shared.config import Settings, load_settings

T = TypeVar("T")
POLL_S = 0.01

# Machines are shared and noisy: how long one example takes says nothing about the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


class Eventually(Protocol):
    def __call__(self, condition: Callable[[], T], timeout_s: float = 20.0) -> T: ...


class EventuallyAsync(Protocol):
    async def __call__(self, condition: Callable[[], T | Awaitable[T]], timeout_s: float = 20.0) -> T: ...


class MakeSettings(Protocol):
    def __call__(self, service: str, tmp_path: Path, **env: str) -> Settings: ...


@pytest.fixture
def eventually() -> Eventually:
    """`eventually(condition)`: the first truthy value of `condition()`; AssertionError when none comes in time."""

    def wait(condition: Callable[[], T], timeout_s: float = 20.0) -> T:
        deadline = time.monotonic() + timeout_s
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
            threading.Event().wait(POLL_S)
        return value

    return wait


@pytest.fixture
def eventually_async() -> EventuallyAsync:
    """The same for asyncio: `await eventually_async(condition)`; `condition` may be a coroutine function."""

    async def wait(condition: Callable[[], T | Awaitable[T]], timeout_s: float = 20.0) -> T:
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
            await asyncio.sleep(POLL_S)

    return wait


@pytest.fixture
def free_port() -> Callable[[], int]:
    """`free_port()`: a loopback TCP port that nothing listens on now."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            return int(listener.getsockname()[1])

    return find


@pytest.fixture
def make_settings() -> MakeSettings:
    """`make_settings(service, tmp_path, NAME="value", …)`: complete settings, of an account that is not the demo.

    DATA_DIR is `tmp_path / "data"`; an empty value takes a name away.
    """

    def make(service: str, tmp_path: Path, **env: str) -> Settings:
        complete = {
            "DATA_DIR": str(tmp_path / "data"),
            "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
            "TWILIO_AUTH_TOKEN": "test-auth-token",
            "OPENAI_API_KEY": "sk-test-0123456789",
            "OPERATOR_TOKEN": "test-operator-token",
            "SESSION_SECRET": "test-session-secret",
        }
        return load_settings(service, complete | env)

    return make
