"""Conversations by participant and user, made together with participants, opened by a text, and files."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from tests.conftest import EventuallyAsync
from tests.sandbox_kit import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    AsyncRewritingHttp,
    Receiver,
    Sandbox,
    open_receiver,
    open_sandbox,
    path_of,
)

ROOT = "/conversations/v1/Conversations"
PHONE, OURS = "+15555550123", "+15555550100"
AUTH = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, CONVERSATIONS_PUBLIC_URL=receiver.url) as opened:
        yield opened


def forms(receiver: Receiver) -> list[dict[str, str]]:
    return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, _, body in receiver.seen]


async def test_the_sdk_finds_conversations_by_participant_and_user(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        v1 = client.conversations.v1
        talks = [v1.conversations.create(friendly_name=f"c{i}") for i in range(3)]
        for talk in talks[:2]:
            v1.conversations(talk.sid).participants.create(identity="ana")
        v1.conversations(talks[2].sid).participants.create(
            messaging_binding_address=PHONE, messaging_binding_proxy_address=OURS
        )
        found = v1.participant_conversations.list(identity="ana", page_size=1)
        assert [f.conversation_friendly_name for f in found] == ["c0", "c1"]
        by_phone = v1.participant_conversations.list(address=PHONE)
        assert [f.conversation_sid for f in by_phone] == [talks[2].sid]

        mine = v1.users("ana").user_conversations
        v1.conversations(talks[0].sid).messages.create(body="one")
        v1.conversations(talks[0].sid).messages.create(body="two")
        assert mine(talks[0].sid).fetch().unread_messages_count is None
        read = mine(talks[0].sid).update(notification_level="muted", last_read_message_index=0)
        assert (read.unread_messages_count, read.notification_level) == (1, "muted")
        assert mine(talks[1].sid).delete() is True
        assert [m.conversation_sid for m in mine.list()] == [talks[0].sid]

    await sandbox.through_sdk(story)


@pytest.mark.filterwarnings("ignore:.*auth.*:DeprecationWarning")
async def test_the_asynchronous_sdk_drives_the_rest_of_the_resources(sandbox: Sandbox) -> None:
    async with AsyncRewritingHttp(sandbox.account) as http:
        v1 = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http).conversations.v1
        service = await v1.services.create_async(friendly_name="Second")
        inside = v1.services(service.sid)
        made = await inside.conversation_with_participants.create_async(
            friendly_name="Group", participant=[json.dumps({"identity": "ana"})]
        )
        assert made.state == "initializing"
        await sandbox.advance(1)
        assert (await inside.conversations(made.sid).fetch_async()).state == "active"
        people = await inside.conversations(made.sid).participants.list_async()
        assert [p.identity for p in people] == ["ana"]
        found = await inside.participant_conversations.list_async(identity="ana")
        assert [f.conversation_sid for f in found] == [made.sid]
        assert [u.identity for u in await inside.users.list_async()] == ["ana"]
        mine = await inside.users("ana").user_conversations.list_async()
        assert [m.conversation_sid for m in mine] == [made.sid]
        role = await inside.roles.create_async("guest", "conversation", ["sendMessage"])
        assert (await inside.roles(role.sid).update_async(["leaveConversation"])).permissions == [
            "leaveConversation"
        ]
        notices = await inside.configuration.notifications().update_async(
            log_enabled=True, new_message_enabled=True, new_message_with_media_enabled=True
        )
        assert (notices.log_enabled, notices.new_message["with_media"]["enabled"]) == (True, True)
        address = await v1.address_configurations.create_async("sms", "+15555550177")
        assert (await v1.address_configurations("+15555550177").fetch_async()).sid == address.sid
        hook = await inside.conversations(made.sid).webhooks.create_async(
            target="webhook", configuration_url="http://127.0.0.1:1/x"
        )
        assert await inside.conversations(made.sid).webhooks(hook.sid).delete_async() is True
        credential = await v1.credentials.create_async("fcm", friendly_name="Push", secret="s")
        assert "secret" not in json.dumps(
            (await v1.credentials(credential.sid).fetch_async()).__dict__, default=str
        )


@pytest.mark.parametrize(
    ("people", "status", "code"),
    [
        ([{"identity": f"p{i}"} for i in range(11)], 400, 50426),
        ([{"messaging_binding": {"address": PHONE, "proxy_address": OURS}}], 409, 50425),
        ([{"identity": "bia"}, {"messaging_binding": {"address": "+1555"}}], 400, 50427),
    ],
)
async def test_a_conversation_whose_participants_cannot_be_added_is_not_made(
    sandbox: Sandbox, people: list[Any], status: int, code: int
) -> None:
    sid = (await sandbox.twilio("POST", ROOT)).json["sid"]
    binding = {"MessagingBinding__Address": PHONE, "MessagingBinding__ProxyAddress": OURS}
    await sandbox.twilio("POST", f"{ROOT}/{sid}/Participants", **binding)
    texts = [json.dumps(person) for person in people]
    answer = await sandbox.twilio(
        "POST", "/conversations/v1/ConversationWithParticipants", FriendlyName="x", Participant=texts
    )
    assert (answer.status, answer.json["code"]) == (status, code)
    assert len((await sandbox.twilio("GET", ROOT)).json["conversations"]) == 1


@pytest.mark.parametrize("query", ["", "?Identity=a&Address=b"])
async def test_participant_conversations_need_exactly_one_of_identity_and_address(
    sandbox: Sandbox, query: str
) -> None:
    answer = await sandbox.twilio("GET", f"/conversations/v1/ParticipantConversations{query}")
    assert (answer.status, answer.json["code"]) == (400, 20001)


async def test_presence_is_shown_of_one_user_and_only_where_it_is_switched_on(sandbox: Sandbox) -> None:
    def story(client: Client) -> None:
        v1 = client.conversations.v1
        user = v1.users.create(identity="ana")
        assert v1.users(user.sid).fetch().is_online is None
        v1.services(user.chat_service_sid).configuration().update(reachability_enabled=True)
        assert v1.users(user.sid).fetch().is_online is False
        assert v1.users.list()[0].is_online is None

    await sandbox.through_sdk(story)


# ---- texts that arrive ----


async def test_a_text_to_a_number_that_opens_conversations_opens_one_and_the_next_one_finds_it(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    text = {"from": PHONE, "to": OURS, "body": "Olá"}
    refused = await sandbox.control("POST", "messages", text)
    assert (refused.status, refused.json["code"]) == (409, 40900)
    await sandbox.twilio(
        "POST",
        "/conversations/v1/Configuration/Addresses",
        Type="sms",
        Address=OURS,
        AutoCreation__Enabled="true",
        AutoCreation__Type="webhook",
        AutoCreation__WebhookUrl=receiver.url + "/own",
        AutoCreation__WebhookFilters=["onMessageAdded"],
    )
    first = (await sandbox.control("POST", "messages", text)).json
    second = (await sandbox.control("POST", "messages", {**text, "body": "Oi?"})).json
    assert (first["opened"], second["opened"]) == (True, False)
    assert first["conversation_sid"] == second["conversation_sid"]
    messages = (await sandbox.twilio("GET", f"{ROOT}/{first['conversation_sid']}/Messages")).json["messages"]
    assert [(m["author"], m["body"]) for m in messages] == [(PHONE, "Olá"), (PHONE, "Oi?")]
    await eventually_async(lambda: len(receiver.seen) >= 6)
    added = [form for form in forms(receiver) if form["EventType"] == "onMessageAdded"]
    assert {form["Source"] for form in added} == {"SMS"}
    assert sorted(urlsplit(url).path for url, _, _ in receiver.seen).count("/own") == 2
    await sandbox.twilio("POST", f"{ROOT}/{first['conversation_sid']}", State="closed")
    assert (await sandbox.control("POST", "messages", text)).json["opened"] is True


async def test_a_text_without_a_sender_is_refused(sandbox: Sandbox) -> None:
    assert (await sandbox.control("POST", "messages", {"to": OURS, "body": "x"})).status == 400


# ---- files ----


async def upload(sandbox: Sandbox, data: Any, query: str = "", **headers: str) -> Any:
    service = (await sandbox.twilio("GET", "/conversations/v1/Configuration")).json["default_chat_service_sid"]
    path = f"/mcs/v1/Services/{service}/Media{query}"
    return await sandbox.request("POST", path, data=data, headers={**AUTH, **headers})


async def test_a_file_is_uploaded_attached_to_a_message_and_downloaded(sandbox: Sandbox) -> None:
    image = bytes(range(256)) * 5000
    made = await upload(sandbox, io.BytesIO(image), "?Filename=cover.png", **{"Content-Type": "image/png"})
    assert made.status == 201
    file = made.json
    assert (file["size"], file["content_type"], file["filename"]) == (len(image), "image/png", "cover.png")

    def story(client: Client) -> Any:
        talk = client.conversations.v1.conversations(client.conversations.v1.conversations.create().sid)
        message = talk.messages.create(author="ana", media_sid=file["sid"])
        with pytest.raises(TwilioRestException):
            talk.messages.create(author="ana", media_sid="ME" + "0" * 32)
        return message.media

    media = await sandbox.through_sdk(story)
    assert [(m["sid"], m["size"], m["content_type"]) for m in media] == [(file["sid"], len(image), "image/png")]
    one = f"/mcs/v1/Services/{file['service_sid']}/Media/{file['sid']}"
    again = (await sandbox.request("GET", one, headers=AUTH)).json
    assert again["message_sid"].startswith("IM")
    link = path_of(again["links"]["content_direct_temporary"])
    async with sandbox.session.get(sandbox.url + link) as response:
        assert (response.status, response.content_type) == (200, "image/png")
        assert await response.read() == image


async def test_a_link_to_a_file_is_temporary_and_cannot_be_made_up(sandbox: Sandbox) -> None:
    file = (await upload(sandbox, b"hello", **{"Content-Type": "text/plain"})).json
    link = path_of(file["links"]["content_direct_temporary"])
    assert (await sandbox.request("GET", link)).status == 200
    assert (await sandbox.request("GET", link.replace("Expires=", "Expires=9"))).status == 403
    await sandbox.advance(301)
    assert (await sandbox.request("GET", link)).status == 403
    assert (await sandbox.request("GET", f"/mcs/v1/Services/{file['service_sid']}/Media")).status == 401


async def test_a_form_upload_works_as_well_and_an_empty_one_is_refused(sandbox: Sandbox) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"%PDF", filename="bill.pdf", content_type="application/pdf")
    made = await upload(sandbox, form)
    assert (made.json["filename"], made.json["content_type"], made.json["size"]) == (
        "bill.pdf",
        "application/pdf",
        4,
    )
    refused = await upload(sandbox, b"", **{"Content-Type": "text/plain"})
    assert (refused.status, refused.json["code"]) == (400, 20001)
    folder = sandbox.data_dir / "sandbox_media"
    assert [path.name for path in folder.iterdir()] == [made.json["sid"]]
    assert folder.stat().st_mode & 0o077 == 0
    await upload(sandbox, b"another", **{"Content-Type": "text/plain"})
    path = f"/mcs/v1/Services/{made.json['service_sid']}/Media/{made.json['sid']}"
    assert (await sandbox.request("DELETE", path, headers=AUTH)).status == 204
    assert (await sandbox.request("GET", path, headers=AUTH)).status == 404
    await sandbox.control("POST", "reset")
    assert list(folder.iterdir()) == []
