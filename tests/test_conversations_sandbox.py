"""The service against the sandbox's Conversations, and the official SDK as the independent client of the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.conversations_kit import BEARER, until
from tests.conversations_sandbox_kit import Installation, open_installation


@pytest.fixture
async def installation(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Installation]:
    async with open_installation(tmp_path, free_port()) as opened:
        yield opened


async def test_the_sdk_reads_back_what_the_api_wrote(installation: Installation) -> None:
    call = installation.platform.call
    made = await call("POST", "/api/conversations", {"friendlyName": "Ana", "attributes": {"vip": True}})
    key = made.json["sid"]
    person = await call("POST", f"/api/conversations/{key}/participants", {"identity": "ana"})
    message = await call("POST", f"/api/conversations/{key}/messages", {"author": "ana", "body": "Olá"})
    assert (made.status, person.status, message.status) == (201, 201, 201)
    theirs = await installation.through_sdk(lambda v1: v1.conversations(key).fetch())
    assert (theirs.friendly_name, theirs.attributes) == ("Ana", '{"vip":true}')
    words = await installation.through_sdk(lambda v1: [m.body for m in v1.conversations(key).messages.list()])
    people = await installation.through_sdk(lambda v1: [p.sid for p in v1.conversations(key).participants.list()])
    assert (words, people) == (["Olá"], [person.json["sid"]])
    assert message.json["participantSid"] == person.json["sid"]


async def test_the_api_reads_back_what_the_sdk_wrote(installation: Installation) -> None:
    call = installation.platform.call
    service = await installation.through_sdk(lambda v1: v1.services.create(friendly_name="Shop"))
    inside = await installation.through_sdk(
        lambda v1: v1.services(service.sid).conversations.create(unique_name="order 7/ü", friendly_name="Order")
    )
    listed = await call("GET", f"/api/conversations?serviceSid={service.sid}")
    assert [item["sid"] for item in listed.json["items"]] == [inside.sid]
    assert listed.json["items"][0]["uniqueName"] == "order 7/ü"
    assert (await call("GET", f"/api/conversations/{inside.sid}")).status == 404
    gone = await call("DELETE", f"/api/conversations/{inside.sid}?serviceSid={service.sid}")
    assert gone.status == 204
    with pytest.raises(TwilioRestException) as missing:
        await installation.through_sdk(lambda v1: v1.services(service.sid).conversations(inside.sid).fetch())
    assert missing.value.status == 404


async def test_a_unique_name_with_odd_characters_is_found(installation: Installation) -> None:
    call = installation.platform.call
    name = "ana é?#&%+ ñ"
    made = await call("POST", "/api/conversations", {"uniqueName": name})
    found = await call("GET", f"/api/conversations/{quote(name, safe='')}")
    assert (found.status, found.json["sid"]) == (200, made.json["sid"])


async def test_cursors_lead_through_every_page(installation: Installation) -> None:
    call = installation.platform.call
    made = [(await call("POST", "/api/conversations", {})).json["sid"] for _ in range(5)]
    found: list[str] = []
    path = "/api/conversations?limit=2"
    while path:
        answer = await call("GET", path)
        found += [item["sid"] for item in answer.json["items"]]
        cursor = answer.json["nextCursor"]
        path = f"/api/conversations?limit=2&cursor={cursor}" if cursor else ""
    assert sorted(found) == sorted(made)


async def test_states_filters_and_orders_are_twilios(installation: Installation) -> None:
    call = installation.platform.call
    key = (await call("POST", "/api/conversations", {})).json["sid"]
    await call("POST", "/api/conversations", {})
    for body in ("one", "two"):
        await call("POST", f"/api/conversations/{key}/messages", {"body": body})
    newest = await call("GET", f"/api/conversations/{key}/messages?order=desc")
    assert [item["body"] for item in newest.json["items"]] == ["two", "one"]
    closed = await call("PUT", f"/api/conversations/{key}", {"state": "closed"})
    assert (closed.status, closed.json["state"]) == (200, "closed")
    listed = await call("GET", "/api/conversations?state=closed&startDate=2020-01-01")
    assert [item["sid"] for item in listed.json["items"]] == [key]


async def test_refusals_carry_twilios_code_and_our_sentence(installation: Installation) -> None:
    call = installation.platform.call
    key = (await call("POST", "/api/conversations", {"uniqueName": "taken"})).json["sid"]
    again = await call("POST", "/api/conversations", {"uniqueName": "taken"})
    assert (again.status, again.json["code"]) == (409, 50353)
    hook = {"target": "webhook", "configuration": {"url": "https://a.example/x", "filters": ["onMessageAdded"]}}
    statuses = [(await call("POST", f"/api/conversations/{key}/webhooks", hook)).status for _ in range(6)]
    assert statuses == [201] * 5 + [409]
    assert len((await call("GET", f"/api/conversations/{key}/webhooks")).json["items"]) == 5
    await call("PUT", f"/api/conversations/{key}", {"state": "closed"})
    final = await call("PUT", f"/api/conversations/{key}", {"friendlyName": "x"})
    assert (final.status, final.json["code"]) == (409, 50377)


async def test_our_write_comes_back_as_twilios_event_and_both_are_seen_live(installation: Installation) -> None:
    platform = installation.platform
    async with platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        await socket.receive_json()
        made = await platform.call("POST", "/api/conversations", {"friendlyName": "Ana"})
        sources = set()
        async with asyncio.timeout(5):
            while sources != {"api", "webhook"}:
                frame = await socket.receive_json()
                if frame["topic"] == "conversations":
                    assert frame["data"]["conversation_sid"] == made.json["sid"]
                    sources.add(frame["data"]["source"])
    assert installation.events("webhook") == ["onConversationAdded"]


async def test_what_happens_elsewhere_in_twilio_arrives_by_webhook(installation: Installation) -> None:
    key = (await installation.platform.call("POST", "/api/conversations", {})).json["sid"]
    await installation.through_sdk(
        lambda v1: v1.conversations(key).messages.create(body="Hi", x_twilio_webhook_enabled="true")
    )
    await until(lambda: "onMessageAdded" in installation.events("webhook"))
