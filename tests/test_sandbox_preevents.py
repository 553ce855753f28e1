"""Webhooks that are asked before a change, and webhooks that go wrong on their way when that is ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.request_validator import RequestValidator

from sandbox import conversations_events
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import ACCOUNT_SID, AUTH_TOKEN, Receiver, Sandbox, open_receiver, open_sandbox

ROOT = "/conversations/v1/Conversations"
LOUD = {
    "Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN),
    "X-Twilio-Webhook-Enabled": "true",
}


class Judge:
    """A pre-event webhook: it remembers what it was asked, and answers `status` and `answer`, or never."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.status, self.answer = 200, "{}"
        self.silent = False

    async def take(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        fields = dict(parse_qsl(body, keep_blank_values=True))
        self.asked.append((str(request.url), request.headers["X-Twilio-Signature"], fields))
        if self.silent:
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=self.answer, content_type="application/json")

    @property
    def names(self) -> list[str]:
        return [fields["EventType"] for _, _, fields in self.asked]


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    found, app = Judge(), web.Application()
    app.router.add_post("/pre", found.take)
    async with TestServer(app) as server:
        found.url = str(server.make_url("/pre"))
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver, judge: Judge) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, CONVERSATIONS_PUBLIC_URL=receiver.url) as opened:
        filters = ["onMessageAdd", "onMessageUpdate", "onMessageRemove", "onConversationAdd", "onParticipantAdd"]
        await opened.twilio(
            "POST", "/conversations/v1/Configuration/Webhooks", PreWebhookUrl=judge.url, Filters=filters
        )
        yield opened


async def loud(sandbox: Sandbox, method: str, path: str, **form: str) -> Any:
    return await sandbox.request(method, path, data=form or None, headers=LOUD)


async def test_a_pre_event_is_asked_signed_and_before_anything_has_a_sid(sandbox: Sandbox, judge: Judge) -> None:
    sid = (await loud(sandbox, "POST", ROOT, FriendlyName="Order")).json["sid"]
    await loud(sandbox, "POST", f"{ROOT}/{sid}/Messages", Body="Olá")
    await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body="silent")
    url, signature, fields = judge.asked[-1]
    assert RequestValidator(AUTH_TOKEN).validate(url, fields, signature)
    assert judge.names == ["onConversationAdd", "onMessageAdd"]
    assert (fields["Body"], fields["ConversationSid"]) == ("Olá", sid)
    assert not {"MessageSid", "Index"} & set(fields)
    assert "ConversationSid" not in judge.asked[0][2]


async def test_a_pre_event_can_change_a_message_and_a_conversations_name(sandbox: Sandbox, judge: Judge) -> None:
    judge.answer = '{"friendly_name": "Renamed", "state": "closed"}'
    made = (await loud(sandbox, "POST", ROOT, FriendlyName="Order")).json
    assert (made["friendly_name"], made["state"]) == ("Renamed", "active")
    judge.answer = '{"body": "masked", "author": "moderator", "sid": "IM0"}'
    message = (await loud(sandbox, "POST", f"{ROOT}/{made['sid']}/Messages", Body="1234")).json
    assert (message["body"], message["author"]) == ("masked", "moderator")
    judge.answer = '{"body": "changed again"}'
    path = f"{ROOT}/{made['sid']}/Messages/{message['sid']}"
    assert (await loud(sandbox, "POST", path, Body="x")).json["body"] == "changed again"


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_a_pre_event_can_say_no(sandbox: Sandbox, judge: Judge, status: int) -> None:
    sid = (await loud(sandbox, "POST", ROOT)).json["sid"]
    message = (await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body="kept")).json["sid"]
    judge.status = status
    for method, path, form in (
        ("POST", f"{ROOT}/{sid}/Messages", {"Body": "no"}),
        ("DELETE", f"{ROOT}/{sid}/Messages/{message}", {}),
        ("POST", f"{ROOT}/{sid}/Participants", {"Identity": "ana"}),
    ):
        assert (await loud(sandbox, method, path, **form)).status == 403, path
    messages = (await sandbox.twilio("GET", f"{ROOT}/{sid}/Messages")).json["messages"]
    assert [m["body"] for m in messages] == ["kept"]


async def test_a_pre_event_that_does_not_answer_in_time_changes_nothing(
    sandbox: Sandbox, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conversations_events.TIMEOUT_S == 5.0
    monkeypatch.setattr(conversations_events, "TIMEOUT_S", 0.2)
    judge.silent = True
    assert (await loud(sandbox, "POST", ROOT, FriendlyName="Order")).json["friendly_name"] == "Order"
    assert judge.names == ["onConversationAdd"]


@pytest.mark.parametrize("filters", ["onMessageSomething", "message"])
async def test_events_that_do_not_exist_cannot_be_filtered_for(sandbox: Sandbox, filters: str) -> None:
    answer = await sandbox.twilio("POST", "/conversations/v1/Configuration/Webhooks", Filters=filters)
    assert (answer.status, answer.json["code"]) == (400, 20001)


# ---- webhooks on their way ----


async def order(sandbox: Sandbox, **fault: Any) -> None:
    answer = await sandbox.control("POST", "webhooks", {"product": "conversations", **fault})
    assert answer.status == 201, answer


async def all_events(sandbox: Sandbox) -> None:
    await sandbox.twilio("POST", "/conversations/v1/Configuration/Webhooks", Filters="onConversationAdded")


def names(receiver: Receiver) -> list[str]:
    return [dict(parse_qsl(body.decode()))["FriendlyName"] for _, _, body in receiver.seen]


async def test_webhooks_can_come_twice_in_another_order_late_or_never(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    await all_events(sandbox)
    await order(sandbox, copies=2)
    await order(sandbox, hold=3)
    await order(sandbox, lose=True)
    await order(sandbox, delay_ms=150)
    for name in ("twice", "a", "b", "c", "lost", "late", "normal"):
        await loud(sandbox, "POST", ROOT, FriendlyName=name)
    await eventually_async(lambda: len(receiver.seen) == 7)
    arrived = names(receiver)
    assert arrived.count("twice") == 2
    assert [name for name in arrived if name in "abc"] == ["c", "b", "a"]
    assert "lost" not in arrived
    assert arrived.index("late") > arrived.index("normal")
    assert (await sandbox.control("GET", "webhooks")).json["items"] == []


async def test_the_same_delivery_has_the_same_idempotency_token(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    await all_events(sandbox)
    await order(sandbox, copies=3)
    await loud(sandbox, "POST", ROOT, FriendlyName="x")
    await eventually_async(lambda: len(receiver.seen) == 3)
    assert len({headers["I-Twilio-Idempotency-Token"] for _, headers, _ in receiver.seen}) == 1


@pytest.mark.parametrize("fault", [{"product": "openai"}, {"copies": 0}, {"count": 0}, {"speed": 2}])
async def test_a_fault_of_webhooks_that_cannot_be_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    answer = await sandbox.control("POST", "webhooks", {"product": "conversations", **fault})
    assert answer.status == 400
