"""`make bench`: how fast the sandbox is filled, and how many reads its one core answers."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.platform_kit import free_ports, wait_for

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

CONVERSATIONS = int(os.environ.get("BENCH_CONVERSATIONS", "20000"))
READ_S = 3.0
CONNECTIONS = 8
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(env: dict[str, str], url: str) -> Iterator[int]:
    """The sandbox's process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "crosschannel", "run", "sandbox"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answers = ["curl", "-sf", "-o", "/dev/null", f"{url}/readyz"]
        wait_for(lambda: subprocess.run(answers, check=False).returncode == 0, 60)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def cpu_s(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


async def measure(session: aiohttp.ClientSession, pid: int, paths: list[str]) -> tuple[float, float]:
    """(answers per second, answers per second of the sandbox's processor time)."""
    done, until = 0, time.monotonic() + READ_S

    async def worker(number: int) -> None:
        nonlocal done
        while time.monotonic() < until:
            async with session.get(paths[number % len(paths)]) as response:
                await response.read()
                assert response.status == 200
            done, number = done + 1, number + CONNECTIONS

    began_s, used_s = time.monotonic(), cpu_s(pid)
    await asyncio.gather(*(worker(i) for i in range(CONNECTIONS)))
    return done / (time.monotonic() - began_s), done / max(cpu_s(pid) - used_s, 0.01)


async def reads(url: str, secrets: dict[str, str], pid: int, tell: Callable[[str], None]) -> None:
    auth = aiohttp.encode_basic_auth(secrets["TWILIO_ACCOUNT_SID"], secrets["TWILIO_AUTH_TOKEN"])
    root = f"{url}/conversations/v1"
    async with aiohttp.ClientSession(headers={"Authorization": auth}) as session:
        async with session.get(f"{root}/Conversations?PageSize=100") as response:
            sids = re.findall(r'"sid":"(CH\w+)"', await response.text())
        cases: dict[str, Awaitable[tuple[float, float]]] = {
            "one conversation": measure(session, pid, [f"{root}/Conversations/{sid}" for sid in sids]),
            "its messages": measure(session, pid, [f"{root}/Conversations/{sid}/Messages" for sid in sids]),
            "a list of 50": measure(session, pid, [f"{root}/Conversations"]),
            "closed ones": measure(session, pid, [f"{root}/Conversations?State=closed"]),
        }
        for name, case in cases.items():
            per_s, per_core_s = await case
            tell(f"{name}: {per_s:.0f}/s, {per_core_s:.0f} per second of the sandbox's processor time")


def test_the_sandbox_is_filled_and_read_quickly(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    env = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    env |= {"DATA_DIR": str(tmp_path), "DEMO_WEEK": "0", "SANDBOX_PORT": str(port)}
    seed = [sys.executable, "-m", "crosschannel", "sandbox", "seed", "--conversations", str(CONVERSATIONS)]
    print("\n" + subprocess.run(seed, env=env, check=True, capture_output=True, text=True).stdout.strip())
    secrets = msgspec.json.decode((tmp_path / "secrets.json").read_bytes(), type=dict[str, str])
    url = f"http://127.0.0.1:{port}"
    with running(env, url) as pid:
        asyncio.run(reads(url, secrets, pid, print))
