"""Webhooks of the sandbox, judged by Twilio's own RequestValidator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.request_validator import RequestValidator

from sandbox.deliveries import Deliveries
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import ACCOUNT_SID, AUTH_TOKEN, Receiver, Sandbox, open_receiver, open_sandbox

CONVERSATIONS = "/conversations/v1/Conversations"
LOUD = {"X-Twilio-Webhook-Enabled": "true"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, CONVERSATIONS_PUBLIC_URL=receiver.url) as opened:
        yield opened


async def loud(sandbox: Sandbox, method: str, path: str, **form: str) -> dict[str, str]:
    """A write that asks for webhooks."""
    auth = aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)
    answer = await sandbox.request(method, path, data=form or None, headers={"Authorization": auth, **LOUD})
    assert answer.status < 300, answer
    body: dict[str, str] = answer.json or {}
    return body


def forms(receiver: Receiver) -> list[dict[str, str]]:
    return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, _, body in receiver.seen]


def events(receiver: Receiver) -> list[str]:
    return [form["EventType"] for form in forms(receiver)]


async def test_a_write_that_asks_for_it_posts_a_signed_form(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    made = await loud(sandbox, "POST", CONVERSATIONS, FriendlyName="Olá & more", UniqueName="u")
    await eventually_async(lambda: receiver.seen)
    url, headers, body = receiver.seen[0]
    fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
    assert url == receiver.url + "/webhooks/conversations"
    assert RequestValidator(AUTH_TOKEN).validate(url, fields, headers["X-Twilio-Signature"])
    assert not RequestValidator("other").validate(url, fields, headers["X-Twilio-Signature"])
    assert fields["EventType"] == "onConversationAdded"
    assert fields["ConversationSid"] == made["sid"]
    assert fields["FriendlyName"] == "Olá & more"
    assert {fields["AccountSid"], fields["Source"], fields["State"]} == {ACCOUNT_SID, "API", "active"}


async def test_a_write_that_does_not_ask_is_silent(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    await sandbox.twilio("POST", CONVERSATIONS, UniqueName="silent")
    await loud(sandbox, "POST", CONVERSATIONS, UniqueName="loud")
    await eventually_async(lambda: receiver.seen)
    assert b"silent" not in b"".join(body for _, _, body in receiver.seen)


async def test_every_kind_of_change_has_its_event(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    sid = (await loud(sandbox, "POST", CONVERSATIONS))["sid"]
    person = await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Participants", Identity="ana")
    message = await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Messages", Author="ana", Body="Olá")
    await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Messages/{message['sid']}", Body="Oi")
    await loud(sandbox, "DELETE", f"{CONVERSATIONS}/{sid}/Messages/{message['sid']}")
    await loud(sandbox, "DELETE", f"{CONVERSATIONS}/{sid}/Participants/{person['sid']}")
    await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}", State="closed")
    await loud(sandbox, "DELETE", f"{CONVERSATIONS}/{sid}")
    expected = {
        *("onConversationAdded", "onConversationUpdated", "onConversationStateUpdated", "onConversationRemoved"),
        *("onParticipantAdded", "onParticipantRemoved", "onUserAdded"),
        *("onMessageAdded", "onMessageUpdated", "onMessageRemoved"),
    }
    await eventually_async(lambda: len(receiver.seen) == len(expected))
    assert set(events(receiver)) == expected


async def test_a_message_that_reaches_a_phone_reports_its_delivery(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    sid = (await sandbox.twilio("POST", CONVERSATIONS)).json["sid"]
    await sandbox.twilio(
        "POST",
        f"{CONVERSATIONS}/{sid}/Participants",
        MessagingBinding__Address="+15555550123",
        MessagingBinding__ProxyAddress="+15555550100",
    )
    await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Messages", Body="Olá")
    await eventually_async(lambda: len(receiver.seen) == 3)
    statuses = [f["Status"] for f in forms(receiver) if f["EventType"] == "onDeliveryUpdated"]
    assert (statuses, events(receiver).count("onMessageAdded")) == (["sent", "delivered"], 1)


async def test_filters_choose_events_and_a_service_of_its_own_silences_the_account(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    configuration = "/conversations/v1/Configuration/Webhooks"
    await sandbox.twilio("POST", configuration, Filters=["onMessageAdded"])
    service = (await sandbox.twilio("POST", "/conversations/v1/Services", FriendlyName="S")).json["sid"]
    inside = f"/conversations/v1/Services/{service}"
    await sandbox.twilio("POST", f"{inside}/Configuration/Webhooks", PostWebhookUrl=receiver.url + "/service")
    await loud(sandbox, "POST", CONVERSATIONS)
    await loud(sandbox, "POST", f"{inside}/Conversations")
    await eventually_async(lambda: receiver.seen)
    assert [
        (urlsplit(url).path, event) for (url, _, _), event in zip(receiver.seen, events(receiver), strict=True)
    ] == [("/service", "onConversationAdded")]


async def test_a_conversations_own_webhook_gets_what_it_wants_by_get_as_well(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    await sandbox.twilio("POST", "/conversations/v1/Configuration/Webhooks", PostWebhookUrl="")
    sid = (await sandbox.twilio("POST", CONVERSATIONS)).json["sid"]
    await sandbox.twilio(
        "POST",
        f"{CONVERSATIONS}/{sid}/Webhooks",
        Target="webhook",
        Configuration__Url=receiver.url + "/own",
        Configuration__Method="get",
        Configuration__Filters=["onMessageAdded"],
    )
    await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Participants", Identity="ana")
    await loud(sandbox, "POST", f"{CONVERSATIONS}/{sid}/Messages", Body="Olá")
    await eventually_async(lambda: receiver.seen)
    url, headers, body = receiver.seen[0]
    assert (len(receiver.seen), body) == (1, b"")
    assert parse_qs(urlsplit(url).query)["EventType"] == ["onMessageAdded"]
    assert RequestValidator(AUTH_TOKEN).validate(url, {}, headers["X-Twilio-Signature"])


async def test_a_webhook_is_repeated_once_when_no_connection_comes_about(free_port: Callable[[], int]) -> None:
    port, arrived, servers = free_port(), [], []

    async def take(request: web.Request) -> web.Response:
        arrived.append(request.path)
        return web.Response()

    async def start_the_receiver(_: float) -> None:
        app = web.Application()
        app.router.add_post("/webhook", take)
        servers.append(TestServer(app, port=port))
        await servers[0].start_server()

    deliveries = Deliveries(AUTH_TOKEN, pause=start_the_receiver)
    await deliveries.open()
    deliveries.json(f"http://127.0.0.1:{port}/webhook", b"{}")
    await deliveries.idle(5.0)
    await deliveries.close()
    await servers[0].close()
    assert arrived == ["/webhook"]


async def test_a_webhook_that_was_received_and_refused_is_not_repeated(receiver: Receiver) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    receiver.status = 500
    deliveries = Deliveries(AUTH_TOKEN, pause=pause)
    await deliveries.open()
    deliveries.json(f"{receiver.url}/webhook", b"{}")
    await deliveries.idle(5.0)
    await deliveries.close()
    assert (len(receiver.seen), paused) == (1, [])
