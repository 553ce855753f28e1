"""The sandbox's Segment intake: what is sent shows in profiles, what is rejected is seen in control."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from tests.sandbox_kit import SEGMENT_SECRET, SEGMENT_SPACE, Answer, Sandbox, open_sandbox

WRITE_KEY = "write-key-of-tests"
AT = "2026-11-20T10:00:00.000Z"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, SEGMENT_WRITE_KEY=WRITE_KEY) as opened:
        yield opened


async def send(sandbox: Sandbox, path: str, body: Any, key: str = WRITE_KEY) -> Answer:
    headers = {"Authorization": aiohttp.encode_basic_auth(key, "")}
    return await sandbox.request("POST", f"/segment/v1/{path}", json=body, headers=headers)


async def profile(sandbox: Sandbox, who: str, rest: str) -> Answer:
    headers = {"Authorization": aiohttp.encode_basic_auth(SEGMENT_SECRET, "")}
    root = f"/segment/v1/spaces/{SEGMENT_SPACE}/collections/users/profiles"
    return await sandbox.request("GET", f"{root}/{quote(who, safe=':')}/{rest}", headers=headers)


async def seen(sandbox: Sandbox) -> Any:
    return (await sandbox.control("GET", "segment")).json


async def test_an_identify_makes_a_profile_that_is_found_by_all_its_ids(sandbox: Sandbox) -> None:
    traits = {"email": "new@example.com", "phone": "+15555550188", "tier": "gold"}
    body = {"userId": "u1", "anonymousId": "a1", "traits": traits, "messageId": "m1", "timestamp": AT}
    assert (await send(sandbox, "identify", body)).json == {"success": True}
    for who in ("user_id:u1", "anonymous_id:a1", "email:new@example.com", "phone:+15555550188"):
        assert (await profile(sandbox, who, "traits")).json["traits"]["tier"] == "gold", who
    metadata = (await profile(sandbox, "user_id:u1", "metadata")).json["metadata"]
    assert (metadata["created_at"], metadata["first_message_id"]) == (AT, "m1")
    changed = {"userId": "u1", "traits": {"tier": "silver", "phone": None}, "messageId": "m2"}
    await send(sandbox, "identify", changed)
    found = (await profile(sandbox, "user_id:u1", "traits")).json["traits"]
    assert found == {"email": "new@example.com", "tier": "silver"}


async def test_events_of_a_known_customer_are_in_their_profile_newest_first_and_in_pages(sandbox: Sandbox) -> None:
    batch = [
        {
            "type": "track",
            "userId": "cus_emily",
            "event": f"Call {i}",
            "messageId": f"m{i}",
            "timestamp": f"2026-11-2{i}T10:00:00.000Z",
            "properties": {"csat": i},
        }
        for i in range(3)
    ]
    await send(sandbox, "batch", {"batch": batch})
    first = (await profile(sandbox, "phone:+15555550101", "events?limit=2")).json
    assert [event["event"] for event in first["data"]] == ["Call 2", "Call 1"]
    rest = (await profile(sandbox, "phone:+15555550101", f"events?limit=9&next={first['cursor']['next']}")).json
    assert [event["event"] for event in rest["data"]] == ["Call 0", "Order Completed", "Page Viewed"]
    assert rest["cursor"]["has_more"] is False
    late = (await profile(sandbox, "user_id:cus_emily", "events?start=2026-11-21T00:00:00Z&sort=asc")).json
    assert [event["event"] for event in late["data"]] == ["Call 1", "Call 2"]
    only = (await profile(sandbox, "user_id:cus_emily", "events?include=Call%201,Call%202")).json
    assert len(only["data"]) == 2


async def test_a_message_id_counts_once(sandbox: Sandbox) -> None:
    event = {"userId": "cus_emily", "event": "Once", "messageId": "same"}
    for _ in range(3):
        assert (await send(sandbox, "track", event)).status == 200
    state = await seen(sandbox)
    assert (state["accepted"], state["duplicates"]) == (1, 2)
    found = (await profile(sandbox, "user_id:cus_emily", "events?include=Once")).json["data"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("path", "body", "key", "reason"),
    [
        ("track", {"event": "x"}, WRITE_KEY, "needs a userId"),
        ("track", {"userId": "u"}, WRITE_KEY, "needs an event"),
        ("group", {"userId": "u"}, WRITE_KEY, "groupId"),
        ("identify", {"userId": "u"}, "wrong", "write key"),
        ("batch", {"batch": [{"type": "poke", "userId": "u"}]}, WRITE_KEY, "type must be"),
        ("batch", {"batch": ["no object"]}, WRITE_KEY, "type must be"),
        ("batch", {"batch": [{"type": "track", "userId": "u", "event": "x" * 33_000}]}, WRITE_KEY, "32 KB"),
    ],
)
async def test_a_rejected_event_is_answered_200_and_seen_in_control(
    sandbox: Sandbox, path: str, body: Any, key: str, reason: str
) -> None:
    assert (await send(sandbox, path, body, key)).status == 200
    state = await seen(sandbox)
    assert (state["accepted"], state["rejected"]) == (0, 1)
    assert reason in state["rejections"][0]["reason"]
    assert (await profile(sandbox, "user_id:u", "traits")).status == 404


async def test_only_bad_json_and_too_large_requests_are_refused(sandbox: Sandbox) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(WRITE_KEY, "")}
    for data in (b"{", b"[]", b'{"userId":"' + b"x" * 33_000 + b'"}'):
        answer = await sandbox.request("POST", "/segment/v1/track", data=data, headers=headers)
        assert answer.status == 400, data[:20]


async def test_groups_are_links_and_the_write_key_may_be_in_the_body(sandbox: Sandbox) -> None:
    body = {"userId": "cus_ana", "groupId": "acme", "messageId": "g1", "writeKey": WRITE_KEY, "timestamp": AT}
    assert (await sandbox.request("POST", "/segment/v1/group", json=body)).status == 200
    links = (await profile(sandbox, "user_id:cus_ana", "links")).json["data"]
    assert [(link["to_collection"], link["external_ids"][0]["id"]) for link in links] == [("accounts", "acme")]


async def test_custom_ids_come_in_external_ids(sandbox: Sandbox) -> None:
    external = [{"id": "+15555550133", "type": "phone", "collection": "users", "encoding": "none"}]
    event = {"anonymousId": "a9", "event": "Called", "context": {"externalIds": external}, "messageId": "e1"}
    await send(sandbox, "track", event)
    found = (await profile(sandbox, "phone:+15555550133", "events")).json["data"]
    assert [e["event"] for e in found] == ["Called"]


async def test_a_made_up_cursor_is_refused(sandbox: Sandbox) -> None:
    answer = await profile(sandbox, "user_id:cus_emily", "traits?next=nonsense")
    assert (answer.status, answer.json["error"]["code"]) == (400, "validation_error")
