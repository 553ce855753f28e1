"""`make bench`: what the relay adds between a caller's words and the first text of the answer."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from shared.signature import sign_websocket
from tests.relay_kit import ACCOUNT, TOKEN, relay_environment

CALLS = 50
PROMPTS = 8
TOKENS = 60
GAP_MS = 20
DIRECT = 100
MODEL = Path(__file__).with_name("model_server.py")

pytestmark = [pytest.mark.bench, pytest.mark.timeout(180)]


async def answers(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url):
            return True
    except aiohttp.ClientError:
        return False


async def hold_call(http: aiohttp.ClientSession, url: str, number: int) -> list[float]:
    """Milliseconds from prompt to first text, of each turn of one call with pauses of 0.4 to 1.2 s."""
    dice = random.Random(number)  # noqa: S311 - pauses, not secrets
    found = []
    headers = {"X-Twilio-Signature": sign_websocket(url, TOKEN)}
    async with http.ws_connect(url, headers=headers) as socket:
        await socket.send_json(
            {"type": "setup", "sessionId": f"VX{number}", "callSid": f"CA{number}", "accountSid": ACCOUNT}
        )
        for turn in range(PROMPTS):
            await asyncio.sleep(dice.uniform(0.4, 1.2))
            asked_s = time.perf_counter()
            await socket.send_json({"type": "prompt", "voicePrompt": f"question {turn}", "lang": "en-US"})
            frame = await socket.receive_json(timeout=10)
            found.append((time.perf_counter() - asked_s) * 1000)
            while not frame["last"]:
                frame = await socket.receive_json(timeout=10)
    return found


async def ask_model(http: aiohttp.ClientSession, url: str) -> float:
    """Milliseconds to the model's first chunk when it is asked directly."""
    asked_s = time.perf_counter()
    async with http.post(url, json={"messages": []}) as response:
        await response.content.readany()
        return (time.perf_counter() - asked_s) * 1000


def cpu_ms(pid: int) -> float:
    """The CPU time a process has used, in milliseconds (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100)
    return f"p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms, n {len(values)}"


async def test_first_text_with_fifty_calls(
    tmp_path: Path, free_port: Callable[[], int], eventually_async: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    model_port, relay_port = free_port(), free_port()
    model_url = f"http://127.0.0.1:{model_port}/v1"
    env = {**os.environ, **relay_environment(tmp_path, relay_port, model_url)}
    model = subprocess.Popen([sys.executable, MODEL, str(model_port), str(TOKENS), str(GAP_MS)])
    relay = subprocess.Popen([sys.executable, "-m", "relay_server"], env=env, stderr=subprocess.DEVNULL)
    try:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as http:
            await eventually_async(lambda: answers(http, f"http://127.0.0.1:{relay_port}/readyz"), timeout_s=20)
            await eventually_async(lambda: answers(http, model_url), timeout_s=20)
            url = f"ws://127.0.0.1:{relay_port}/websocket"
            direct = [await ask_model(http, f"{model_url}/chat/completions") for _ in range(DIRECT)]
            used_ms = cpu_ms(relay.pid)
            calls = await asyncio.gather(*(hold_call(http, url, number) for number in range(CALLS)))
            used_ms = cpu_ms(relay.pid) - used_ms
    finally:
        for process in (relay, model):
            process.kill()
            process.wait()
    turns = [value for call in calls for value in call]
    with capsys.disabled():
        print(f"\nmodel asked directly, first chunk:  {quantiles(direct)}")
        print(f"relay, {CALLS} calls, first text:      {quantiles(turns)}")
        print(f"relay's CPU:                        {used_ms / len(turns):.2f} ms a turn of {TOKENS} tokens")
        print(f"ratio of the medians:               {statistics.median(turns) / statistics.median(direct):.1f}")
    assert len(turns) == CALLS * PROMPTS
