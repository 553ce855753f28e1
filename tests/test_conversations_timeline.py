"""One customer, one timeline: calls of the journal and messages of Twilio, by address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from shared.journal import Journal
from shared.records import CallEnded, CallRecord, CallStarted, Turn
from tests.conftest import EventuallyAsync
from tests.conversations_kit import sid
from tests.conversations_sandbox_kit import Installation, open_installation

ANA, OURS = "+15005550009", "+15005550006"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
PLACE = f"/api/customers/{quote(ANA, safe='')}/timeline"


def records() -> list[CallRecord]:
    """A call of yesterday; its second turn is corrected later, as an interrupt does."""

    def at(seconds: int) -> datetime:
        return YESTERDAY + timedelta(seconds=seconds)

    def call(number: int, seconds: int, caller: str, called: str, direction: str) -> CallStarted:
        return CallStarted(
            call_sid=sid("CA", number),
            session_id=f"VX{number}",
            caller=caller,
            called=called,
            direction=direction,
            language="pt-BR",
            agent="a",
            at=at(seconds),
        )

    def turn(number: int, seconds: int, said: str, reply: str = "", **more: Any) -> Turn:
        return Turn(
            call_sid=sid("CA"),
            turn=number,
            input="speech",
            caller_text=said,
            reply_text=reply,
            at=at(seconds),
            **more,
        )

    cut = {"heard_text": "A caminho", "interrupted": True, "outcome": "interrupted"}
    return [
        call(1, 0, ANA, OURS, "inbound"),
        turn(1, 1, "Olá", "Bom dia", outcome="completed"),
        turn(2, 5, "Onde está?"),
        turn(2, 9, "Onde está?", "A caminho, chega", **cut),
        CallEnded(call_sid=sid("CA"), reason="completed", duration_s=12.5, turns=2, at=at(12)),
        call(2, 60, OURS, ANA, "outbound-api"),
        call(3, 70, "+15005550010", OURS, "inbound"),
    ]


@pytest.fixture
async def installation(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Installation]:
    (tmp_path / "data").mkdir(mode=0o700)
    journal = Journal.open(tmp_path / "data", "calls", None)
    for record in records():
        journal.append(record).result()
    journal.close()
    async with open_installation(tmp_path, free_port()) as opened:
        yield opened


async def conversation(installation: Installation, address: str) -> str:
    call = installation.platform.call
    key = (await call("POST", "/api/conversations", {"friendlyName": "Ana"})).json["sid"]
    proxy = f"whatsapp:{OURS}" if address.startswith("whatsapp:") else OURS
    binding = {"address": address, "proxyAddress": proxy}
    await call("POST", f"/api/conversations/{key}/participants", {"messagingBinding": binding})
    await call("POST", f"/api/conversations/{key}/messages", {"author": address, "body": f"from {address}"})
    await call("POST", f"/api/conversations/{key}/messages", {"author": "agent", "body": "answer"})
    return str(key)


async def test_calls_and_messages_of_an_address_join_newest_first(
    installation: Installation, eventually_async: EventuallyAsync
) -> None:
    await conversation(installation, ANA)
    await conversation(installation, f"whatsapp:{ANA}")

    async def whole() -> list[dict[str, object]]:
        items = await installation.list(PLACE)
        return items if len(items) == 8 else []

    items = await eventually_async(whole)
    assert {item["channel"] for item in items[:4]} == {"sms", "whatsapp"}
    assert sorted(str(item["direction"]) for item in items[:4]) == ["in", "in", "out", "out"]
    assert [item["kind"] for item in items[4:]] == ["call", "turn", "turn", "call"]
    second, first = items[5], items[6]
    assert (second["heardText"], second["interrupted"], second["outcome"]) == ("A caminho", True, "interrupted")
    assert (first["callerText"], first["replyText"]) == ("Olá", "Bom dia")
    assert (items[7]["reason"], items[7]["durationS"], items[7]["turns"]) == ("completed", 12.5, 2)
    pages, place = [], f"{PLACE}?limit=3"
    while place:
        answer = (await installation.platform.call("GET", place)).json
        pages.append(answer["items"])
        place = f"{PLACE}?limit=3&cursor={answer['nextCursor']}" if answer["nextCursor"] else ""
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [item for page in pages for item in page] == items


async def test_a_conversation_has_the_calls_of_its_people_and_no_other_conversation(
    installation: Installation, eventually_async: EventuallyAsync
) -> None:
    key = await conversation(installation, ANA)
    await conversation(installation, f"whatsapp:{ANA}")

    async def joined() -> bool:
        items = await installation.list(f"/api/conversations/{key}/timeline")
        return [item["kind"] for item in items] == ["message", "message", "call", "turn", "turn", "call"]

    await eventually_async(joined)
    assert (await installation.platform.call("GET", f"/api/conversations/{sid('CH')}/timeline")).status == 404


async def test_a_call_is_never_written_into_twilio(installation: Installation) -> None:
    key = await conversation(installation, ANA)
    bodies = await installation.through_sdk(lambda v1: [m.body for m in v1.conversations(key).messages.list()])
    assert bodies == [f"from {ANA}", "answer"]


async def test_a_stranger_has_an_empty_timeline(installation: Installation) -> None:
    assert await installation.list("/api/customers/%2B15005550011/timeline") == []
    assert (await installation.platform.call("GET", f"{PLACE}?cursor=x")).status == 400
