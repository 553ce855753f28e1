"""Search, filters, sorts and totals from the index, in front of the sandbox: own writes, webhooks, passes."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conversations_api import index_sync
from conversations_api.index_schema import FILE
from conversations_api.parts import INDEX, SYNC
from conversations_api.upstream import Call
from shared.erase_route import TOMBSTONES
from tests.conftest import EventuallyAsync
from tests.conversations_sandbox_kit import Installation, open_installation

ANA, BO, OURS = "+15005550009", "whatsapp:+351912345678", "+15005550006"


@pytest.fixture
async def installation(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Installation]:
    async with open_installation(tmp_path, free_port()) as opened:
        yield opened


async def make(installation: Installation, name: str, *bodies: str, address: str = "", **more: Any) -> str:
    """A conversation, with someone outside who wrote these messages."""
    call = installation.platform.call
    made = await call("POST", "/api/conversations", {"friendlyName": name, **more})
    assert made.status == 201, made.raw
    key = str(made.json["sid"])
    if address:
        ours = f"whatsapp:{OURS}" if address.startswith("whatsapp:") else OURS
        binding = {"address": address, "proxyAddress": ours}
        joined = await call("POST", f"/api/conversations/{key}/participants", {"messagingBinding": binding})
        assert joined.status == 201, joined.raw
    for body in bodies:
        sent = await call(
            "POST", f"/api/conversations/{key}/messages", {"author": address or "system", "body": body}
        )
        assert sent.status == 201, sent.raw
    return key


async def names(installation: Installation, query: str) -> list[str]:
    return [item["friendlyName"] for item in await installation.list(f"/api/conversations?{query}")]


async def test_what_was_just_written_is_found_by_name_person_number_word_and_attribute(
    installation: Installation,
) -> None:
    await make(installation, "Encomenda João", "Where is my parcel?", address=ANA, attributes={"tier": "gold"})
    await make(installation, "Other", "Nothing here")
    for words in ("joao", "ENCOMENDA jo", "parcel", "where parc", "gold", ANA, "50009", "parcel joão"):
        assert await names(installation, f"q={quote(words)}") == ["Encomenda João"], words
    assert await names(installation, "q=parcel+nothing") == []
    assert await names(installation, 'q="OR+NEAR(*') == []  # no operator reaches the index


async def test_filters_and_sorts_are_joined_and_counted(installation: Installation) -> None:
    call = installation.platform.call
    first = await make(installation, "b", "hi", address=ANA)
    await make(installation, "A", "olá", address=BO)
    third = await make(installation, "c")
    await call("POST", f"/api/conversations/{third}/participants", {"identity": "ana"})
    await call("PUT", f"/api/conversations/{first}", {"state": "closed"})
    assert await names(installation, "sort=name") == ["A", "b", "c"]
    assert await names(installation, "sort=-name&state=active") == ["c", "A"]
    assert await names(installation, "channel=whatsapp") == ["A"]
    assert await names(installation, f"address={quote('+351912345678')}") == ["A"]
    assert await names(installation, "address=12345&sort=name") == ["A"]
    assert await names(installation, "participant=ana") == ["c"]
    assert await names(installation, f"participant={quote(BO)}") == ["A"]
    assert await names(installation, "unread=true&sort=name") == ["A", "b"]
    assert await names(installation, "activeAfter=2100-01-01T00:00:00Z") == []
    assert await names(installation, "startDate=2020-01-01&endDate=2100-01-01&unread=false") == ["c"]
    answer = await call("GET", "/api/conversations?sort=name&limit=2")
    assert (answer.json["total"], answer.json["source"], answer.json["complete"]) == (3, "index", True)
    following = await call("GET", f"/api/conversations?sort=name&limit=2&cursor={answer.json['nextCursor']}")
    assert [item["friendlyName"] for item in following.json["items"]] == ["c"]
    assert following.json["nextCursor"] is None
    foreign = await call("GET", f"/api/conversations?sort=-name&limit=2&cursor={answer.json['nextCursor']}")
    assert foreign.status == 400


async def test_rows_say_what_happened_last_and_what_nobody_has_read(installation: Installation) -> None:
    call = installation.platform.call
    key = await make(installation, "Ana", "one", "two", address=ANA)
    agent = await call("POST", f"/api/conversations/{key}/participants", {"identity": "agent"})
    (row,) = await installation.list("/api/conversations?q=ana")
    activity = row["activity"]
    assert (activity["messageCount"], activity["unreadCount"], activity["channels"]) == (2, 2, ["chat", "sms"])
    assert (activity["lastMessage"]["body"], activity["lastMessage"]["author"]) == ("two", ANA)
    assert {person["address"] or person["identity"] for person in activity["participants"]} == {ANA, "agent"}
    place = f"/api/conversations/{key}/participants/{agent.json['sid']}"
    assert (await call("PUT", place, {"lastReadMessageIndex": 0})).status == 200
    assert (await installation.list("/api/conversations?q=ana"))[0]["activity"]["unreadCount"] == 1
    await call("POST", f"/api/conversations/{key}/messages", {"author": "agent", "body": "Here I am"})
    assert (await installation.list("/api/conversations?q=ana"))[0]["activity"]["unreadCount"] == 0
    plain = await installation.list("/api/conversations")  # Twilio's own list knows it as well
    assert plain[0]["activity"]["messageCount"] == 3


async def test_messages_are_searched_inside_one_conversation(installation: Installation) -> None:
    key = await make(installation, "Long", *(f"line {number} apple" for number in range(39)), "a pear at last")
    found = await installation.platform.call("GET", f"/api/conversations/{key}/messages?q=pear")
    assert [item["body"] for item in found.json["items"]] == ["a pear at last"]
    assert (found.json["total"], found.json["source"]) == (1, "index")
    last = await installation.list(f"/api/conversations/{key}/messages?q=apple&sort=-index&limit=2")
    assert [item["body"] for item in last] == ["line 38 apple", "line 37 apple"]
    assert await installation.list(f"/api/conversations/{key}/messages?author=nobody") == []


async def test_a_search_shows_where_the_words_stand(installation: Installation) -> None:
    await make(installation, "Apple order", "I ate the <b>apple</b>", "nothing", address=ANA)
    (result,) = await installation.list("/api/search?q=apple")
    assert {hit["kind"] for hit in result["hits"]} == {"name", "message"}
    snippets = {hit["kind"]: hit["snippet"] for hit in result["hits"]}
    assert snippets["message"] == "I ate the <b>\x02apple\x03</b>"
    assert (await installation.platform.call("GET", "/api/search")).status == 400
    assert (await installation.platform.call("GET", "/api/search?q=%22%22")).status == 400


async def test_every_list_takes_the_same_parameters(installation: Installation) -> None:
    call = installation.platform.call
    for name in ("zoe", "ana", "Änne"):
        await call("POST", "/api/users", {"identity": name, "friendlyName": name.title()})
    found = await call("GET", "/api/users?sort=identity&limit=2")
    assert ([item["identity"] for item in found.json["items"]], found.json["total"]) == (["ana", "Änne"], 3)
    rest = await call("GET", f"/api/users?sort=identity&limit=2&cursor={found.json['nextCursor']}")
    assert [item["identity"] for item in rest.json["items"]] == ["zoe"]
    assert [item["identity"] for item in await installation.list("/api/users?q=anne")] == ["Änne"]
    assert {item["type"] for item in await installation.list("/api/roles?type=service")} == {"service"}
    assert await installation.list("/api/services?q=default")
    key = await make(installation, "People", address=ANA)
    await call("POST", f"/api/conversations/{key}/participants", {"identity": "ana"})
    assert len(await installation.list(f"/api/conversations/{key}/participants?channel=sms")) == 1
    assert (await call("GET", f"/api/conversations/{key}/participants?identity=ana")).json["source"] == "scan"


async def test_another_service_is_another_list(installation: Installation) -> None:
    call = installation.platform.call
    service = (await call("POST", "/api/services", {"friendlyName": "Shop"})).json["sid"]
    inside = await call("POST", f"/api/conversations?serviceSid={service}", {"friendlyName": "Inside"})
    await make(installation, "Outside", "hello")
    assert await names(installation, f"sort=name&serviceSid={service}") == ["Inside"]
    assert await names(installation, "sort=name") == ["Outside"]
    hidden = await call("GET", f"/api/conversations/{inside.json['sid']}/messages?q=hello")
    assert hidden.status == 404


async def test_what_happens_elsewhere_comes_in_by_webhook(
    installation: Installation, eventually_async: EventuallyAsync
) -> None:
    told = {"x_twilio_webhook_enabled": "true"}
    made = await installation.through_sdk(lambda v1: v1.conversations.create(friendly_name="Elsewhere", **told))
    await installation.through_sdk(lambda v1: v1.conversations(made.sid).messages.create(body="kumquat", **told))

    async def found() -> bool:
        return await names(installation, "q=kumquat") == ["Elsewhere"]

    await eventually_async(found)
    await installation.through_sdk(lambda v1: v1.conversations(made.sid).delete(**told))

    async def gone() -> bool:
        return await names(installation, "q=kumquat") == []

    await eventually_async(gone)


async def test_what_no_webhook_tells_a_pass_notices_and_counts(installation: Installation) -> None:
    key = await make(installation, "Quiet", "first")
    sync = installation.platform.client.app[SYNC]
    await sync.one_pass()
    before = (await installation.platform.call("GET", "/api/index")).json
    await installation.through_sdk(lambda v1: v1.conversations(key).messages.create(body="unheard"))
    other = await installation.through_sdk(lambda v1: v1.conversations.create(friendly_name="Unseen"))
    assert await names(installation, "q=unheard") == []
    await sync.one_pass()
    assert await names(installation, "q=unheard") == ["Quiet"]
    after = (await installation.platform.call("GET", "/api/index")).json
    assert after["missedEvents"] - before["missedEvents"] == 2
    await installation.through_sdk(lambda v1: v1.conversations(other.sid).delete())
    await sync.one_pass()
    assert await names(installation, "q=unseen") == []
    assert (after["state"], after["conversations"], after["messages"]) == ("ready", 2, 2)


async def test_a_rebuilt_index_is_the_same(installation: Installation, eventually_async: EventuallyAsync) -> None:
    for number in range(3):
        await make(installation, f"c{number}", "apple", address=ANA if number == 0 else "")
    before = await installation.list("/api/conversations?q=apple&sort=name")
    assert (await installation.platform.call("POST", "/api/index/rebuild")).status == 202

    async def same() -> bool:
        return await installation.list("/api/conversations?q=apple&sort=name") == before

    await eventually_async(same)


async def test_a_damaged_index_is_made_anew(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with open_installation(tmp_path, free_port()) as opened:
        await make(opened, "Before", "apple")
    (tmp_path / "data" / FILE).write_bytes(b"garbage" * 1000)
    async with open_installation(tmp_path, free_port()) as opened:
        await opened.platform.client.app[SYNC].one_pass()
        assert await names(opened, "q=apple") == ["Before"]


async def test_the_index_is_private_and_goes_on_where_it_was(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with open_installation(tmp_path, free_port()) as opened:
        await make(opened, "Kept", "apple")
        assert await names(opened, "q=apple") == ["Kept"]
    path = tmp_path / "data" / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM messages").fetchone()[0] == 1
    async with open_installation(tmp_path, free_port()) as opened:
        assert await names(opened, "q=apple") == ["Kept"]
        assert await opened.platform.client.app[INDEX].settled()


async def test_a_message_is_as_long_as_its_channel_takes(installation: Installation) -> None:
    call = installation.platform.call
    long = {"author": "system", "body": "x" * 1601}
    chat, text = await make(installation, "chat"), await make(installation, "sms", address=ANA)
    assert (await call("POST", f"/api/conversations/{chat}/messages", long)).status == 201
    refused = await call("POST", f"/api/conversations/{text}/messages", long)
    assert (refused.status, refused.json["errors"][0]["limit"]) == (400, 1600)
    fits = await call("POST", f"/api/conversations/{text}/messages", {"author": "system", "body": "x" * 1600})
    assert fits.status == 201


async def test_an_erased_person_is_in_no_page_of_the_file_and_stays_away(installation: Installation) -> None:
    await make(installation, "Erased", "kumquat", address=ANA)
    await make(installation, "Kept", "kumquat", address=BO)
    assert len(await names(installation, "q=kumquat")) == 2
    erased = await installation.platform.call("POST", "/erase", {"caller": ANA})
    assert erased.status == 200, erased.raw
    assert erased.json["derived"][FILE] > 0
    assert await names(installation, "q=kumquat") == ["Kept"]
    assert ANA.encode() not in (installation.data_dir / FILE).read_bytes()
    await installation.platform.client.app[SYNC].one_pass()
    assert await names(installation, "q=kumquat") == ["Kept"]


async def test_a_rebuilt_index_holds_nothing_of_who_was_erased_until_they_write_again(
    installation: Installation, eventually_async: EventuallyAsync
) -> None:
    key = await make(installation, "Erased", "kumquat", address=ANA)
    await make(installation, "Kept", "kumquat", address=BO)
    assert (await installation.platform.call("POST", "/erase", {"caller": ANA})).status == 200
    assert (await installation.platform.call("POST", "/api/index/rebuild")).status == 202
    sync = installation.platform.client.app[SYNC]

    async def rebuilt() -> bool:
        return (await installation.platform.call("GET", "/api/index")).json["state"] == "ready"

    await eventually_async(rebuilt)
    assert await names(installation, "q=kumquat") == ["Kept"]
    path = installation.data_dir / FILE
    assert ANA.encode() not in path.read_bytes() + path.with_name(f"{FILE}-wal").read_bytes()
    # Twilio's dates have whole seconds: what is written within the second of the erasure may be of before it.
    later = datetime.now(UTC) + timedelta(seconds=2)
    again = {"author": ANA, "body": "persimmon", "date_created": later}
    await installation.through_sdk(lambda v1: v1.conversations(key).messages.create(**again))
    await sync.one_pass()
    assert await names(installation, "q=persimmon") == ["Erased"]
    assert await names(installation, "q=kumquat") == ["Kept"]


async def test_a_number_that_was_erased_without_its_conversation_being_known_stays_out(
    installation: Installation,
) -> None:
    await make(installation, "Unknown", "kumquat", address=ANA)
    installation.platform.client.app[TOMBSTONES].add("conversations_api", [("phone", ANA)])
    sync = installation.platform.client.app[SYNC]
    await sync.rebuild()  # a pass of its own may have known the conversation before the number was erased
    await sync.one_pass(deep=True)
    assert await names(installation, "q=kumquat") == []


async def test_a_pass_reads_only_what_may_differ(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [await make(installation, f"c{n}", *(f"line {m}" for m in range(n))) for n in range(3)]
    sync = installation.platform.client.app[SYNC]
    await sync.one_pass(deep=True)
    asked: list[str] = []
    send = sync._reader._client.send

    async def watched(call: Call) -> bytes:
        asked.append(call.path.rpartition("/")[2])
        return await send(call)

    sync._reader._client.send = watched
    await sync.one_pass()
    assert sorted(asked) == ["Conversations", *["Messages"] * 3, "Services"]
    asked.clear()
    monkeypatch.setattr(index_sync, "NEWEST_READ", 2)
    told = [f"n{number}" for number in range(4)]  # more than one look at the newest shows
    for body in told:
        await installation.through_sdk(lambda v1, b=body: v1.conversations(keys[0]).messages.create(body=b))
    await sync.one_pass()
    assert len(await installation.list(f"/api/conversations/{keys[0]}/messages?q=n")) == 4
    asked.clear()
    await sync.one_pass(deep=True)
    assert asked.count("Participants") == 3  # everything
