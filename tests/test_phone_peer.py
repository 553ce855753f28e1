"""A ConversationRelay server that is not ours, Twilio's own twilio-agent-connect, talks with the simulated caller.

PEER_PYTHON names an interpreter that has `twilio-agent-connect[server]`; without one the test is skipped.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from sandbox.line import Line, LineSettings
from sandbox.scenarios.reader import read_text
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings

SERVER = Path(__file__).parent / "fixtures" / "peer" / "tac_server.py"
PYTHON = os.environ.get("PEER_PYTHON", sys.executable)
READY_WITHIN_S = 30.0
pytestmark = pytest.mark.peer


def has_peer() -> bool:
    check = "import importlib.util as u, sys; sys.exit(not (u.find_spec('tac') and u.find_spec('fastapi')))"
    return subprocess.run([PYTHON, "-c", check], check=False).returncode == 0


@asynccontextmanager
async def open_peer(port: int, log: Path) -> AsyncIterator[None]:
    env = {**os.environ, "TAC_ANALYTICS_DISABLED": "true"}
    server = _start(port, env, log)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not await _answers(port):
                assert server.poll() is None, _end_of(log)
        yield
    finally:
        server.kill()
        server.wait()


def _start(port: int, env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen([PYTHON, str(SERVER), str(port)], env=env, stdout=output, stderr=output)


def _end_of(log: Path) -> str:
    return log.read_text()[-3000:]


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


@pytest.mark.skipif(not has_peer(), reason="twilio-agent-connect[server] is not installed; set PEER_PYTHON")
async def test_twilios_own_server_talks_with_the_simulated_caller(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    origin = f"127.0.0.1:{port}"
    settings = LineSettings(
        account_sid="AC" + "d" * 32,
        auth_token="peer-token",
        public_origin=f"https://{origin}",
        internal_origin=f"http://{origin}",
        voice_path="/twiml",
        status_path="/voice-call-event/status",
    )
    scenario = read_text(
        """
        timeout_s: 10
        turns:
          - expect: [{text_contains: Hello from the peer}]
          - user: where is my order
            expect: [{text_contains: you said where is my order}]
          - user: and another thing
          - user: stop
            interrupt: {sentence: 2, after_ms: 600}
            expect: [{event: interrupted}, {text_contains: you said stop}]
          - hangup: true
        """
    )
    async with open_peer(port, tmp_path / "peer.log"), aiohttp.ClientSession() as session:
        around = Surroundings(Line(session, settings), "+15555550100", speed=10)
        outcome = await ScenarioCall(Casting.of(scenario, 0), around).run()
    assert outcome.passed, (outcome.all_failures, _end_of(tmp_path / "peer.log"))
    assert outcome.ended_by == "caller"
    assert outcome.interruptions == 1
