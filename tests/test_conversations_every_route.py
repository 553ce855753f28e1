"""Every resource through every verb, in both scopes, with the sandbox behind and the SDK beside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conversations_api.resources import RESOURCES, Resource
from tests.conversations_sandbox_kit import Installation, open_installation

ADDRESS = {"address": "+15005550009", "proxyAddress": "+15005550006"}
HOOK = {"target": "webhook", "configuration": {"url": "https://8.8.8.8/x", "filters": ["onMessageAdded"]}}
# resource: (create, update, what the update shows)
LIVES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "conversation": ({"uniqueName": "a b"}, {"attributes": {"x": [1]}}, {"attributes": {"x": [1]}}),
    "participant": ({"messagingBinding": ADDRESS}, {"attributes": {"vip": True}}, {"attributes": {"vip": True}}),
    "message": ({"body": "one", "subject": "S", "author": "ana"}, {"body": "two"}, {"body": "two"}),
    "webhook": (HOOK, {"configuration": {"url": "https://8.8.8.8/y"}}, {"target": "webhook"}),
    "user": ({"identity": "ana"}, {"friendlyName": "Ana"}, {"friendlyName": "Ana"}),
    "role": (
        {"friendlyName": "helper", "type": "conversation", "permissions": ["sendMessage"]},
        {"permissions": ["leaveConversation"]},
        {"permissions": ["leaveConversation"]},
    ),
    "address": (
        {"type": "sms", "address": "+15005550001", "autoCreation": {"enabled": False}},
        {"friendlyName": "desk"},
        {"friendlyName": "desk"},
    ),
    "service": (
        {"friendlyName": "Shop"},
        {"configuration": {"reachabilityEnabled": True}},
        {"friendlyName": "Shop"},
    ),
}


@pytest.fixture
async def installation(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Installation]:
    async with open_installation(tmp_path, free_port()) as opened:
        yield opened


async def ok(installation: Installation, status: int, method: str, path: str, body: object = None) -> Any:
    answer = await installation.platform.call(method, path, body)
    assert answer.status == status, (method, path, answer.raw)
    return answer.json if answer.raw else None


async def scope_of(installation: Installation, scoped: bool) -> str:
    if not scoped:
        return ""
    made = await ok(installation, 201, "POST", "/api/services", {"friendlyName": "Other"})
    return f"serviceSid={made['sid']}"


def cases() -> list[Any]:
    return [
        pytest.param(resource, scoped, id=f"{resource.name}-{'service' if scoped else 'account'}")
        for resource in RESOURCES
        if resource.create is not None
        for scoped in ((False, True) if resource.in_service else (False,))
    ]


@pytest.mark.parametrize(("resource", "scoped"), cases())
async def test_a_thing_lives_from_its_creation_to_its_end(
    installation: Installation, resource: Resource, scoped: bool
) -> None:
    scope = await scope_of(installation, scoped)
    place = f"/api/{resource.plural}"
    if resource.parent is not None:
        above = await ok(installation, 201, "POST", f"/api/conversations?{scope}", {})
        place = f"/api/conversations/{above['sid']}/{resource.plural}"
    create, update, shown = LIVES[resource.name]
    made = await ok(installation, 201, "POST", f"{place}?{scope}", create)
    item = f"{place}/{made['sid']}?{scope}"
    assert (await ok(installation, 200, "GET", item))["sid"] == made["sid"]
    listed = (await ok(installation, 200, "GET", f"{place}?{scope}"))["items"]
    assert made["sid"] in {row["sid"] for row in listed}
    found = (await ok(installation, 200, "GET", f"{place}?{scope}&sort=-created"))["items"]
    assert made["sid"] in {row["sid"] for row in found}
    changed = await ok(installation, 200, "PUT", item, update)
    assert {name: changed[name] for name in shown} == shown
    read = await ok(installation, 200, "GET", item)
    assert {name: read[name] for name in shown} == shown
    await ok(installation, 204, "DELETE", item)
    await ok(installation, 404, "GET", item)


@pytest.mark.parametrize("scoped", [False, True])
async def test_receipts_files_and_a_users_conversations(installation: Installation, scoped: bool) -> None:
    scope = await scope_of(installation, scoped)
    key = (await ok(installation, 201, "POST", f"/api/conversations?{scope}", {}))["sid"]
    place = f"/api/conversations/{key}"
    await ok(installation, 201, "POST", f"{place}/participants?{scope}", {"messagingBinding": ADDRESS})
    await ok(installation, 201, "POST", f"{place}/participants?{scope}", {"identity": "agent"})
    form = aiohttp.FormData()
    form.add_field("file", b"\x89PNG data", filename="cat.png", content_type="image/png")
    stored = await installation.platform.call("POST", f"{place}/media?{scope}", data=form)
    assert stored.status == 201, stored.raw
    body = {"author": "agent", "body": "a cat", "mediaSid": stored.json["sid"]}
    message = await ok(installation, 201, "POST", f"{place}/messages?{scope}", body)
    assert message["media"][0]["sid"] == stored.json["sid"]
    read = await installation.platform.call("GET", f"{place}/media/{stored.json['sid']}?{scope}")
    assert (read.status, read.raw) == (200, b"\x89PNG data")
    receipts = (await ok(installation, 200, "GET", f"{place}/messages/{message['sid']}/receipts?{scope}"))["items"]
    assert len(receipts) == 1
    one = f"{place}/messages/{message['sid']}/receipts/{receipts[0]['sid']}?{scope}"
    assert (await ok(installation, 200, "GET", one))["messageSid"] == message["sid"]
    mine = (await ok(installation, 200, "GET", f"/api/users/agent/conversations?{scope}"))["items"]
    assert [row["conversationSid"] for row in mine] == [key]
    own = f"/api/users/agent/conversations/{key}?{scope}"
    muted = await ok(installation, 200, "PUT", own, {"notificationLevel": "muted"})
    assert muted["notificationLevel"] == "muted"


@pytest.mark.parametrize("scoped", [False, True])
async def test_a_conversation_begins_with_its_people(installation: Installation, scoped: bool) -> None:
    scope = await scope_of(installation, scoped)
    people = [{"identity": "agent", "attributes": {"a": 1}}, {"messagingBinding": ADDRESS}]
    place = f"/api/conversations/with-participants?{scope}"
    made = await ok(installation, 202, "POST", place, {"participants": people})
    there = (await ok(installation, 200, "GET", f"/api/conversations/{made['sid']}/participants?{scope}"))["items"]
    assert {row["identity"] for row in there} == {"agent", None}


async def test_the_sdk_reads_what_the_api_wrote_and_the_other_way_round(installation: Installation) -> None:
    user = await ok(installation, 201, "POST", "/api/users", {"identity": "ana", "attributes": {"vip": True}})
    role = await ok(installation, 201, "POST", "/api/roles", LIVES["role"][0])
    address = await ok(installation, 201, "POST", "/api/addresses", LIVES["address"][0])
    theirs = await installation.through_sdk(
        lambda v1: (
            v1.users(user["sid"]).fetch(),
            v1.roles(role["sid"]).fetch(),
            v1.address_configurations(address["sid"]).fetch(),
        )
    )
    assert (theirs[0].identity, theirs[0].attributes) == ("ana", '{"vip":true}')
    assert (theirs[1].permissions, theirs[2].address) == (["sendMessage"], "+15005550001")
    service = await installation.through_sdk(lambda v1: v1.services.create(friendly_name="Theirs"))
    await installation.through_sdk(
        lambda v1: v1.services(service.sid).configuration().update(reachability_enabled=True)
    )
    await installation.through_sdk(
        lambda v1: (
            v1.services(service.sid).configuration.webhooks().update(filters=["onMessageAdded"], method="POST")
        )
    )
    ours = await ok(installation, 200, "GET", f"/api/services/{service.sid}")
    assert (ours["configuration"]["reachabilityEnabled"], ours["webhooks"]["filters"]) == (
        True,
        ["onMessageAdded"],
    )
    await ok(installation, 200, "PUT", "/api/account", {"configuration": {"defaultClosedTimer": "PT24H"}})
    account = await installation.through_sdk(lambda v1: v1.configuration().fetch())
    assert account.default_closed_timer == "PT24H"
