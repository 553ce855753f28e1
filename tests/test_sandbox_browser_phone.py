"""The browser's phone line: JSON frames both ways, one call for each socket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import EventuallyAsync
from tests.sandbox_kit import open_sandbox
from tests.test_voice_api import World, open_world

TOKEN = {"Authorization": "Bearer sandbox-operator-token"}


class Browser:
    """A page with a phone."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []

    async def send(self, type_: str, **fields: Any) -> None:
        await self.socket.send_json({"type": type_, **fields})

    async def until(self, type_: str) -> dict[str, Any]:
        """The next frame of this type; those before it are kept."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = await self.socket.receive_json()
                self.frames.append(frame)
                if frame["type"] == type_:
                    return frame


async def open_browser(world: World) -> Browser:
    return Browser(await world.sandbox.session.ws_connect(f"{world.sandbox.url}/control/phone", headers=TOKEN))


async def test_a_page_calls_talks_interrupts_and_hangs_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greeting = "Good day, this is a greeting that goes on for quite a while."
    attributes = 'events="speaker-events" partialPrompts="true" dtmfDetection="true"'
    async with open_world(tmp_path, monkeypatch, greeting=greeting, attributes=attributes) as world:
        page = await open_browser(world)
        await page.send("dial", language="en-US")
        dialing, connected = await page.until("dialing"), await page.until("connected")
        await page.until("speaking")
        await page.send("partial", text="where")
        await page.send("partial", text="where is")
        await page.send("say", text="where is my order")
        latency = await page.until("latency")
        spoken = await page.until("spoken")
        await page.send("dtmf", digits="1")
        await page.send("hangup")
        ended = await page.until("ended")
        closed = await page.socket.receive()
    assert dialing["from"] == "+15555550101"
    assert connected["callSid"] == dialing["callSid"]
    assert connected["languages"] == ["en-US"]
    assert latency["ms"] > 0
    assert spoken["text"].startswith("You said")
    assert (ended["by"], ended["transcriptSid"].startswith("GT")) == ("caller", True)
    assert closed.data == 1000
    assert all(frame["at_ms"] >= 0 for frame in page.frames)
    prompts = [(p["voicePrompt"], p["last"]) for p in world.relay.of_type("prompt")]
    assert prompts == [("where", False), ("where is", False), ("where is my order", True)]
    assert len(world.relay.of_type("interrupt")) == 1, "the first partial talks over the greeting"
    assert [frame["digit"] for frame in world.relay.of_type("dtmf")] == ["1"]


async def test_a_frame_that_is_not_understood_is_told_and_the_call_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(tmp_path, monkeypatch) as world:
        page = await open_browser(world)
        await page.send("dial")
        await page.until("connected")
        await page.socket.send_str("{not json")
        first = await page.until("error")
        await page.send("dtmf", digits="ABC")
        second = await page.until("error")
        await page.send("say", text="hello")
        spoken = await page.until("spoken")
        await page.socket.close()
    assert first["code"] == second["code"] == 40000
    assert "hello" in spoken["text"]


async def test_a_call_that_cannot_be_placed_is_told_and_ended(tmp_path: Path) -> None:
    async with open_sandbox(tmp_path, RELAY_URL="http://127.0.0.1:1") as sandbox:
        page = Browser(await sandbox.session.ws_connect(f"{sandbox.url}/control/phone", headers=TOKEN))
        await page.send("dial")
        error, ended = await page.until("error"), await page.until("ended")
    assert "make up" in error["title"]
    assert (ended["by"], ended["transcriptSid"]) == ("failed", None)


async def test_the_first_frame_must_dial(tmp_path: Path) -> None:
    async with open_sandbox(tmp_path) as sandbox:
        page = Browser(await sandbox.session.ws_connect(f"{sandbox.url}/control/phone", headers=TOKEN))
        await page.send("say", text="hello")
        error = await page.until("error")
        closed = await page.socket.receive()
    assert "dial" in error["title"]
    assert closed.type is aiohttp.WSMsgType.CLOSE


async def test_strangers_get_no_line(tmp_path: Path) -> None:
    async with open_sandbox(tmp_path) as sandbox:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await sandbox.session.ws_connect(f"{sandbox.url}/control/phone")
    assert refused.value.status == 401


async def test_a_page_that_vanishes_hangs_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually_async: EventuallyAsync
) -> None:
    async with open_world(tmp_path, monkeypatch) as world:
        page = await open_browser(world)
        await page.send("dial")
        await page.until("connected")
        await page.socket.close()
        await eventually_async(lambda: "/voice/status" in [path for path, _ in world.relay.forms])
    assert world.relay.form_of("/voice/ended")["SessionStatus"] == "completed"
