"""`crosschannel erase` over all services that keep something: what it says, and what is on the disk afterwards."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import conversations_api.app
import relay_server.app
import signal_analytics.app
from crosschannel import erase as command
from crosschannel.__main__ import main
from intelligence_webhooks import front
from shared.config import Settings, load_settings
from shared.erasure import mentions
from shared.journal import Journal
from shared.person import person
from shared.records import ConversationEvent, IntelResult
from tests.test_shared_erasure import ADA, BOB, OURS, call, sid

STATIONS: dict[str, tuple[str, Callable[[Settings], web.Application]]] = {
    "RELAY_URL": ("relay_server", relay_server.app.create_app),
    "CONVERSATIONS_URL": ("conversations_api", conversations_api.app.create_app),
    "INTELLIGENCE_URL": ("intelligence_webhooks", front.build),
    "ANALYTICS_URL": ("signal_analytics", signal_analytics.app.create_app),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Journals about Ada and Bob, as the services wrote them before they were started."""
    folder = tmp_path / "data"
    results = [
        IntelResult(source="v2", transcript_sid=sid("GT", n), call_sid=sid("CA", n), csat=3) for n in (1, 2)
    ]
    talk = [
        ConversationEvent(
            event_type="onMessageAdded", source="webhook", conversation_sid=sid("CH", n), payload=who
        )
        for n, who in ((1, {"Author": ADA}), (2, {"Author": BOB, "Body": f"give {ADA} my regards"}))
    ]
    for stream, records in (
        ("calls", [*call(1, ADA), *call(2, BOB)]),
        ("intel_results", results),
        ("conversation_events", talk),
    ):
        journal = Journal.open(folder, stream)
        for record in records:
            journal.append(record).result(5)
        journal.close()
    return folder


@pytest.fixture
async def settings(data_dir: Path) -> AsyncIterator[Settings]:
    """All services at work on this data; the command's settings."""
    env = {
        "DATA_DIR": str(data_dir),
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": "test-auth-token",
        "TWILIO_BASE_URL": "http://127.0.0.1:9",
        "TWILIO_PHONE_NUMBER": OURS,
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPERATOR_TOKEN": "test-operator-token",
    }
    urls = {}
    async with AsyncExitStack() as stack:
        for name, (service, build) in STATIONS.items():
            server = await stack.enter_async_context(TestServer(build(load_settings(service, env))))
            urls[name] = str(server.make_url("")).rstrip("/")
        yield load_settings("crosschannel", env | urls)


def kept(data_dir: Path, phone: str) -> dict[str, int]:
    who = person(phone)
    files = [path for path in data_dir.rglob("*") if path.is_file()]
    return {path.name: count for path in files if (count := mentions(path, who))}


async def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(command, "environment", lambda: {})
    monkeypatch.setattr(command, "settings_of", lambda *_: settings)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return await asyncio.to_thread(command.run, parser.parse_args(arguments))


def everything(data_dir: Path) -> str:
    return "".join(path.read_text("utf-8", "replace") for path in data_dir.rglob("*") if path.is_file())


async def analysed_calls(settings: Settings) -> list[str]:
    headers = {"Authorization": f"Bearer {settings.operator_token}"}
    url = settings.urls.analytics + "/api/calls?from=2020-01-01"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return sorted(item["call_sid"] for item in msgspec.json.decode(await response.read())["items"])


async def test_a_caller_is_gone_everywhere_and_a_second_search_finds_nothing(
    settings: Settings, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await analysed_calls(settings) == [sid("CA", 1), sid("CA", 2)]
    assert await run(settings, monkeypatch, "--caller", ADA, "--search") == 0
    counted = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    derived = ("analytics.duckdb", "conversations_")  # tables and indices know callers too, when they got that far
    counted = [found for found in counted if not found[0].startswith(derived)]
    assert counted == [["intel_results", "1"], ["conversation_events", "2"], ["calls", "3"]]
    before = kept(data_dir, ADA)
    assert await run(settings, monkeypatch, "--caller", ADA) == 2  # nobody to ask, and no --yes
    assert await run(settings, monkeypatch, "--caller", OURS, "--yes") == 1
    assert "own number" in capsys.readouterr().err
    assert kept(data_dir, ADA) == before != {}
    assert await run(settings, monkeypatch, "--caller", ADA, "--yes") == 0
    assert capsys.readouterr().out.endswith("A second search finds:\n  0\n")
    assert kept(data_dir, ADA) == {}
    text = everything(data_dir)
    assert sid("CA", 1) not in text
    assert sid("GT", 1) not in text
    assert sid("CA", 2) in text
    assert "give ************ my regards" in text
    assert await analysed_calls(settings) == [sid("CA", 2)]
    assert await run(settings, monkeypatch, "--caller", ADA, "--search") == 0
    assert capsys.readouterr().out.endswith("  0\n")


def test_a_service_that_is_down_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")
    for name in ("INTELLIGENCE_URL", "CONVERSATIONS_URL", "RELAY_URL", "ANALYTICS_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert main(["erase", "--caller", ADA, "--yes"]) == 1
    assert "start the platform" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["5551234567", "+0", "ada"])
def test_a_number_that_is_none_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: str
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main(["erase", "--caller", number]) == 2
    assert "E.164" in capsys.readouterr().err
