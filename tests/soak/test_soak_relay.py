"""Ten thousand calls through one relay: memory, tasks and open files are back where they were."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import tests.test_relay_load as load
from tests.relay_kit import Relay, running_relay

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

CALLS = int(os.environ.get("RELAY_SOAK_CALLS", "10000"))


@pytest.fixture
async def relay(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path / "data", free_port()) as found:
        yield found


async def test_ten_thousand_calls_leave_nothing_behind(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, eventually_async: Any
) -> None:
    monkeypatch.setattr(load, "CALLS", CALLS)
    await load.test_calls_give_back_what_they_took(relay, eventually_async)
