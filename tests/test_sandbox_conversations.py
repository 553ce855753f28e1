"""The sandbox's Conversations product, driven by Twilio's own SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.rest import Client

from sandbox.sids import is_sid
from tests.sandbox_kit import AsyncRewritingHttp, Sandbox, open_sandbox, path_of

AOAUTH = "ignore:.*auth.*:DeprecationWarning"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


async def test_the_sdk_creates_reads_changes_and_deletes_a_conversation(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        conversations = client.conversations.v1.conversations
        made = conversations.create(friendly_name="Order", unique_name="order-1", attributes='{"vip": true}')
        assert is_sid(made.sid, "CH")
        assert is_sid(made.chat_service_sid, "IS")
        assert (made.state, made.attributes) == ("active", '{"vip": true}')
        assert conversations("order-1").fetch().sid == made.sid
        assert conversations(made.sid).update(friendly_name="Order 2").friendly_name == "Order 2"
        assert conversations(made.sid).delete() is True
        with pytest.raises(TwilioRestException) as gone:
            conversations(made.sid).fetch()
        assert (gone.value.status, gone.value.code) == (404, 20404)

    await sandbox.through_sdk(story)


async def test_the_sdk_drives_what_belongs_to_a_conversation(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        talk = client.conversations.v1.conversations(client.conversations.v1.conversations.create().sid)
        ana = talk.participants.create(identity="ana")
        phone = talk.participants.create(
            messaging_binding_address="+15555550123", messaging_binding_proxy_address="+15555550100"
        )
        assert phone.messaging_binding == {
            "type": "sms",
            "address": "+15555550123",
            "proxy_address": "+15555550100",
        }
        assert talk.participants("ana").fetch().sid == ana.sid
        assert talk.participants(ana.sid).update(attributes='{"a": 1}').attributes == '{"a": 1}'

        first = talk.messages.create(author="ana", body="Olá")
        assert (first.index, first.participant_sid) == (0, ana.sid)
        assert (first.delivery["sent"], first.delivery["delivered"]) == ("all", "none")
        receipts = talk.messages(first.sid).delivery_receipts.list()
        assert [r.participant_sid for r in receipts] == [phone.sid]
        assert talk.messages(first.sid).delivery_receipts(receipts[0].sid).fetch().message_sid == first.sid
        assert talk.messages(first.sid).update(body="Oi").body == "Oi"
        assert talk.messages(first.sid).delete() is True
        assert talk.messages.create(body="system says").index == 1

        hook = talk.webhooks.create(
            target="webhook", configuration_url="http://127.0.0.1:1/x", configuration_filters=["onMessageAdded"]
        )
        assert hook.configuration["filters"] == ["onMessageAdded"]
        assert talk.webhooks(hook.sid).update(configuration_method="get").configuration["method"] == "GET"
        assert talk.webhooks(hook.sid).delete() is True
        assert talk.participants(phone.sid).delete() is True
        assert [p.identity for p in talk.participants.list()] == ["ana"]

    await sandbox.through_sdk(story)


async def test_the_sdk_drives_services_users_roles_and_configurations(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        v1 = client.conversations.v1
        made = v1.services.create(friendly_name="Second")
        assert len(v1.services.list()) == 2
        service = v1.services(made.sid)
        assert service.fetch().friendly_name == "Second"

        user = service.users.create(identity="ana", friendly_name="Ana")
        assert service.users("ana").fetch().sid == user.sid
        assert v1.users.list() == []
        assert service.users(user.sid).update(friendly_name="A.").friendly_name == "A."

        role = service.roles.create(
            friendly_name="guest", type="conversation", permission=["sendMessage", "leave"]
        )
        assert service.roles(role.sid).update(permission=["sendMessage"]).permissions == ["sendMessage"]
        assert len(service.roles.list()) == 5

        assert service.configuration().update(reachability_enabled=True).reachability_enabled is True
        assert service.configuration.webhooks().update(post_webhook_url="http://127.0.0.1:1/s").filters is None
        v1.configuration().update(default_chat_service_sid=made.sid)
        assert v1.configuration().fetch().default_chat_service_sid == made.sid
        assert v1.conversations.create().chat_service_sid == made.sid

        inside = service.conversations.create(unique_name="inside")
        assert service.conversations("inside").fetch().sid == inside.sid
        assert made.delete() is True

    await sandbox.through_sdk(story)


@pytest.mark.filterwarnings(AOAUTH)
async def test_the_asynchronous_sdk_works_as_well(sandbox: Sandbox) -> None:
    async with AsyncRewritingHttp(sandbox.account) as http:
        client = Client(sandbox.account.account_sid, sandbox.account.auth_token, http_client=http)
        v1 = client.conversations.v1
        made = await v1.conversations.create_async(friendly_name="Order")
        await v1.conversations(made.sid).messages.create_async(author="ana", body="Olá")
        messages = await v1.conversations(made.sid).messages.list_async(page_size=10)
        assert [message.body for message in messages] == ["Olá"]
        with pytest.raises(TwilioRestException) as missing:
            await v1.conversations("CH" + "0" * 32).fetch_async()
        assert missing.value.code == 20404


async def test_the_sdk_follows_the_pages_of_a_list(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        conversations = client.conversations.v1.conversations
        names = [conversations.create(friendly_name=f"c{i}").friendly_name for i in range(7)]
        assert [c.friendly_name for c in conversations.list(page_size=3)] == names
        page = conversations.page(page_size=3)
        second = page.next_page()
        assert [c.friendly_name for c in second] == names[3:6]
        assert [c.friendly_name for c in second.previous_page()] == names[:3]

    await sandbox.through_sdk(story)


async def test_pages_neither_repeat_nor_skip_when_records_come_and_go(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    made = [await sandbox.twilio("POST", root, FriendlyName=f"c{i}") for i in range(4)]
    first = await sandbox.twilio("GET", f"{root}?PageSize=2")
    await sandbox.twilio("DELETE", f"{root}/{made[0].json['sid']}")
    await sandbox.twilio("POST", root, FriendlyName="c4")
    seen, following = [], first.json["meta"]["next_page_url"]
    while following:
        page = (await sandbox.twilio("GET", path_of(following))).json
        seen += [c["friendly_name"] for c in page["conversations"]]
        following = page["meta"]["next_page_url"]
    assert seen == ["c2", "c3", "c4"]


async def test_page_addresses_keep_the_filters_and_the_host_of_the_request(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    for i in range(3):
        await sandbox.twilio("POST", root, FriendlyName=f"c{i}")
    meta = (await sandbox.twilio("GET", f"{root}?PageSize=1&State=active")).json["meta"]
    following = urlsplit(meta["next_page_url"])
    assert f"{following.scheme}://{following.netloc}" == sandbox.url
    query = parse_qs(following.query)
    assert (query["State"], query["PageSize"], query["Page"]) == (["active"], ["1"], ["1"])
    assert meta["previous_page_url"] is None
    assert meta["key"] == "conversations"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("PageSize=101", 400, 20001),
        ("PageSize=0", 400, 20001),
        ("PageSize=many", 400, 20001),
        ("Page=1", 400, 20001),
        ("PageToken=nonsense", 400, 21481),
        ("State=asleep", 400, 20001),
    ],
)
async def test_a_list_refuses_what_twilio_refuses(sandbox: Sandbox, query: str, status: int, code: int) -> None:
    answer = await sandbox.twilio("GET", f"/conversations/v1/Conversations?{query}")
    assert (answer.status, answer.json["code"]) == (status, code)


async def test_a_refused_list_is_an_exception_of_the_sdk(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        with pytest.raises(TwilioException):
            client.conversations.v1.conversations.list(page_size=500)

    await sandbox.through_sdk(story)


async def test_conversations_are_filtered_by_state_and_day(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    await sandbox.twilio("POST", root, FriendlyName="old", DateCreated="2025-03-01T08:00:00Z")
    await sandbox.twilio("POST", root, FriendlyName="shut", State="closed")

    async def names(query: str) -> list[str]:
        answer = await sandbox.twilio("GET", f"{root}?{query}")
        return [c["friendly_name"] for c in answer.json["conversations"]]

    assert await names("State=closed") == ["shut"]
    assert await names("EndDate=2025-03-01") == ["old"]
    assert await names("StartDate=2025-03-02") == ["shut"]


async def test_messages_can_be_listed_newest_first(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    sid = (await sandbox.twilio("POST", root)).json["sid"]
    for body in ("a", "b", "c"):
        await sandbox.twilio("POST", f"{root}/{sid}/Messages", Body=body)
    first = (await sandbox.twilio("GET", f"{root}/{sid}/Messages?Order=desc&PageSize=2")).json
    assert [m["body"] for m in first["messages"]] == ["c", "b"]
    rest = (await sandbox.twilio("GET", path_of(first["meta"]["next_page_url"]))).json
    assert [m["body"] for m in rest["messages"]] == ["a"]


async def test_a_closed_conversation_stays_closed(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    sid = (await sandbox.twilio("POST", root, State="closed")).json["sid"]
    for path, form in (
        (f"{root}/{sid}", {"State": "active"}),
        (f"{root}/{sid}/Messages", {"Body": "too late"}),
        (f"{root}/{sid}/Participants", {"Identity": "ana"}),
    ):
        answer = await sandbox.twilio("POST", path, **form)
        assert (answer.status, answer.json["code"]) == (400, 50377), path
    assert (await sandbox.twilio("DELETE", f"{root}/{sid}")).status == 204


async def test_names_addresses_and_identities_are_taken_once(sandbox: Sandbox) -> None:
    root = "/conversations/v1"
    talk = (await sandbox.twilio("POST", f"{root}/Conversations", UniqueName="one")).json["sid"]
    people = f"{root}/Conversations/{talk}/Participants"
    binding = {"MessagingBinding__Address": "+15555550123", "MessagingBinding__ProxyAddress": "+15555550100"}
    for path, form, code in (
        (f"{root}/Conversations", {"UniqueName": "one"}, 50353),
        (people, {"Identity": "ana"}, 50437),
        (people, binding, 50416),
        (f"{root}/Users", {"Identity": "bia"}, 50201),
    ):
        if code != 50353:
            assert (await sandbox.twilio("POST", path, **form)).status == 201, path
        again = await sandbox.twilio("POST", path, **form)
        assert (again.status, again.json["code"]) == (409, code), path


async def test_a_pair_of_addresses_is_free_again_when_its_conversation_is_closed(sandbox: Sandbox) -> None:
    root = "/conversations/v1/Conversations"
    binding = {"MessagingBinding__Address": "+15555550123", "MessagingBinding__ProxyAddress": "+15555550100"}
    first, second = [(await sandbox.twilio("POST", root)).json["sid"] for _ in range(2)]
    assert (await sandbox.twilio("POST", f"{root}/{first}/Participants", **binding)).status == 201
    assert (await sandbox.twilio("POST", f"{root}/{second}/Participants", **binding)).status == 409
    await sandbox.twilio("POST", f"{root}/{first}", State="closed")
    assert (await sandbox.twilio("POST", f"{root}/{second}/Participants", **binding)).status == 201


@pytest.mark.parametrize(
    ("path", "form", "code"),
    [
        ("Services", {}, 20001),
        ("Conversations", {"FriendlyName": "x" * 257}, 20001),
        ("Conversations", {"Attributes": "{not json"}, 20001),
        ("Conversations", {"Attributes": '"' + "x" * 16_384 + '"'}, 20001),
        ("Conversations", {"State": "asleep"}, 20001),
        ("Conversations", {"Timers__Inactive": "PT30S"}, 20001),
        ("Conversations", {"Timers__Closed": "soon"}, 20001),
        ("Conversations", {"MessagingServiceSid": "MG1"}, 20001),
        ("Users", {"FriendlyName": "nobody"}, 20001),
        ("Roles", {"FriendlyName": "r", "Type": "emperor", "Permission": "sendMessage"}, 20001),
    ],
)
async def test_what_twilio_does_not_accept_is_refused(
    sandbox: Sandbox, path: str, form: dict[str, str], code: int
) -> None:
    answer = await sandbox.twilio("POST", f"/conversations/v1/{path}", **form)
    assert (answer.status, answer.json["code"], answer.json["status"]) == (400, code, 400)
    assert answer.json["more_info"].endswith(str(code))


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 50407),
        ({"Identity": "ana", "MessagingBinding__Address": "+15555550123"}, 50407),
        ({"MessagingBinding__Address": "+15555550123"}, 50408),
        (
            {"MessagingBinding__Address": "+15555550123", "MessagingBinding__ProxyAddress": "+15555550123"},
            50409,
        ),
    ],
)
async def test_a_participant_is_reached_in_exactly_one_way(
    sandbox: Sandbox, form: dict[str, str], code: int
) -> None:
    sid = (await sandbox.twilio("POST", "/conversations/v1/Conversations")).json["sid"]
    answer = await sandbox.twilio("POST", f"/conversations/v1/Conversations/{sid}/Participants", **form)
    assert (answer.status, answer.json["code"]) == (400, code)


async def test_a_conversation_has_at_most_five_webhooks(sandbox: Sandbox) -> None:
    sid = (await sandbox.twilio("POST", "/conversations/v1/Conversations")).json["sid"]
    path = f"/conversations/v1/Conversations/{sid}/Webhooks"
    form = {"Target": "webhook", "Configuration__Url": "http://127.0.0.1:1/x"}
    statuses = [(await sandbox.twilio("POST", path, **form)).status for _ in range(6)]
    assert statuses == [201] * 5 + [400]
    assert (await sandbox.twilio("GET", path)).json["meta"]["page_size"] == 5


@pytest.mark.parametrize("authorization", [None, "Bearer x", "Basic !", "Basic QUNmYWtlOnRva2Vu"])
async def test_wrong_credentials_are_error_20003(sandbox: Sandbox, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = await sandbox.request("GET", "/conversations/v1/Conversations", headers=headers)
    assert (answer.status, answer.json["code"]) == (401, 20003)


async def test_a_service_and_the_account_do_not_see_each_others_conversations(sandbox: Sandbox) -> None:
    service = (await sandbox.twilio("POST", "/conversations/v1/Services", FriendlyName="S")).json["sid"]
    inside = f"/conversations/v1/Services/{service}/Conversations"
    sid = (await sandbox.twilio("POST", inside, UniqueName="same")).json["sid"]
    assert (await sandbox.twilio("GET", f"/conversations/v1/Conversations/{sid}")).status == 404
    assert (await sandbox.twilio("POST", "/conversations/v1/Conversations", UniqueName="same")).status == 201
    assert (
        await sandbox.twilio("GET", "/conversations/v1/Services/IS" + "0" * 32 + "/Conversations")
    ).status == 404


async def test_an_unknown_address_is_twilios_404_and_not_ours(sandbox: Sandbox) -> None:
    answer = await sandbox.twilio("GET", "/conversations/v1/Nothing/here")
    assert answer.status == 404
    assert set(answer.json) == {"code", "message", "more_info", "status"}


async def test_a_unique_name_with_odd_characters_is_found_when_it_is_escaped(sandbox: Sandbox) -> None:
    await sandbox.twilio("POST", "/conversations/v1/Conversations", UniqueName="a/b c?ü")
    answer = await sandbox.twilio("GET", "/conversations/v1/Conversations/a%2Fb%20c%3F%C3%BC")
    assert answer.json["unique_name"] == "a/b c?ü"


async def test_everything_is_still_there_after_a_restart(tmp_path: Path) -> None:
    made: Any = None
    async with open_sandbox(tmp_path) as before:
        made = (await before.twilio("POST", "/conversations/v1/Conversations", UniqueName="kept")).json
        await before.twilio("POST", f"/conversations/v1/Conversations/{made['sid']}/Messages", Body="one")
    async with open_sandbox(tmp_path) as after:
        found = (await after.twilio("GET", "/conversations/v1/Conversations/kept")).json
        assert found["sid"] == made["sid"]
        second = await after.twilio("POST", f"/conversations/v1/Conversations/{made['sid']}/Messages", Body="two")
        assert second.json["index"] == 1
        assert len((await after.twilio("GET", "/conversations/v1/Services")).json["services"]) == 1
    assert (tmp_path / "sandbox.sqlite").stat().st_mode & 0o077 == 0
