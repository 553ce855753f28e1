"""`crosschannel sandbox seed` and `reset`: an account full of conversations that the API shows as its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crosschannel.__main__ import main
from sandbox.seeded_conversation import read_texts
from sandbox.seeding import Plan, open_account, seed
from sandbox.store import Store
from tests.sandbox_kit import Sandbox, load_openapi, open_sandbox, path_of, sandbox_settings

ROOT = "/conversations/v1"


def fill(data_dir: Path, plan: Plan) -> None:
    with open_account(sandbox_settings(data_dir)) as (world, default_service_sid):
        seed(world, default_service_sid, plan)


async def all_of(sandbox: Sandbox, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = f"{path}?PageSize=50"
    while following:
        page = (await sandbox.twilio("GET", following)).json
        found += page[key]
        following = path_of(page["meta"]["next_page_url"]) if page["meta"]["next_page_url"] else None
    return found


async def test_a_seeded_account_has_conversations_in_three_languages_in_several_services(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, Plan(120))
    document = load_openapi("twilio_conversations_v1.json")
    async with open_sandbox(tmp_path) as sandbox:
        services = (await sandbox.twilio("GET", f"{ROOT}/Services")).json["services"]
        found = [
            c
            for service in services
            for c in await all_of(sandbox, f"{ROOT}/Services/{service['sid']}/Conversations", "conversations")
        ]
        assert (len(services), len(found)) == (3, 120)
        assert {c["attributes"][13:15] for c in found} == set(read_texts())
        assert len(Counter(c["state"] for c in found)) == 3
        one = f"{ROOT}/Services/{found[0]['chat_service_sid']}/Conversations/{found[0]['sid']}"
        template = "/v1/Services/{ChatServiceSid}/Conversations/{ConversationSid}"
        for path, key in (("Participants", "participants"), ("Messages", "messages")):
            answer = await sandbox.twilio("GET", f"{one}/{path}")
            document.check(f"{template}/{path}", "get", 200, answer.json)
            assert len(answer.json[key]) >= 2
        addresses = (await sandbox.twilio("GET", f"{ROOT}/Configuration/Addresses")).json
        assert {a["type"] for a in addresses["address_configurations"]} == {"sms", "whatsapp"}


async def test_a_seeded_conversation_goes_on_like_any_other(tmp_path: Path) -> None:
    await asyncio.to_thread(fill, tmp_path, Plan(40))
    async with open_sandbox(tmp_path) as sandbox:
        talks = await all_of(sandbox, f"{ROOT}/Conversations", "conversations")
        talk = next(c for c in talks if c["state"] == "active")
        before = (await sandbox.twilio("GET", f"{ROOT}/Conversations/{talk['sid']}/Messages")).json["messages"]
        added = await sandbox.twilio("POST", f"{ROOT}/Conversations/{talk['sid']}/Messages", Body="more")
        assert added.json["index"] == len(before)


def test_the_same_seed_makes_the_same_account_and_a_second_run_adds_to_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        fill(tmp_path / name, Plan(30, seed=4))
    stores = [Store(tmp_path / name / "sandbox.sqlite") for name in ("a", "b")]
    for store in stores:
        store.open()
    first, second = (
        [(f.body["sid"], f.body["friendly_name"], f.body["state"]) for f in s.select("Conversations", None)]
        for s in stores
    )
    assert first == second
    fill(tmp_path / "a", Plan(10, seed=4))
    assert stores[0].counts()["Conversations"] == 40
    for store in stores:
        store.close()


def test_the_command_fills_and_empties_the_demo_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: Any
) -> None:
    for name, value in (("DATA_DIR", str(tmp_path)), ("SANDBOX_PORT", str(free_port()))):
        monkeypatch.setenv(name, value)
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")
    assert main(["sandbox", "seed", "--conversations", "20"]) == 0
    assert "20 conversations with" in capsys.readouterr().out
    assert main(["sandbox", "reset"]) == 1
    assert main(["sandbox", "reset", "--yes"]) == 0
    store = Store(tmp_path / "sandbox.sqlite")
    store.open()
    assert store.counts() == {}
    store.close()
    assert main(["sandbox", "seed", "--conversations", "0"]) == 2


def test_a_real_account_is_never_filled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = {
        "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
        "TWILIO_AUTH_TOKEN": "t" * 32,
        "OPENAI_API_KEY": "sk-" + "x" * 40,
    }
    for name, value in {**real, "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for action in (["seed"], ["reset", "--yes"]):
        assert main(["sandbox", *action]) == 2
    assert list(tmp_path.iterdir()) == []
