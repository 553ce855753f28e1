"""The configuration that the console's settings page shows: whole for administrators, never with a secret."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conversations_kit import Platform, open_platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path / "data") as found:
        yield found


async def test_values_are_shown_and_secrets_only_by_their_end(platform: Platform) -> None:
    answer = await platform.call("GET", "/api/configuration")
    assert answer.status == 200
    account = platform.settings.twilio
    assert account
    items = {item["name"]: item for item in answer.json["items"]}
    assert items["TWILIO_ACCOUNT_SID"]["value"] == account.account_sid
    assert items["TWILIO_AUTH_TOKEN"]["secret"]
    assert account.auth_token.encode() not in answer.raw
    assert items["TWILIO_AUTH_TOKEN"]["value"] in {"••••", f"••••{account.auth_token[-4:]}"}
    assert items["SEGMENT_WRITE_KEY"] == {"name": "SEGMENT_WRITE_KEY", "value": None, "secret": True}


async def test_the_checks_say_what_is_in_order_and_what_to_do(platform: Platform) -> None:
    found = (await platform.call("GET", "/api/configuration")).json["findings"]
    assert {it["level"] for it in found} <= {"ok", "note", "fault"}
    assert any(it["level"] == "ok" and it["what"].startswith("agent: ") for it in found)
    assert all(it["advice"] for it in found if it["level"] != "ok")
