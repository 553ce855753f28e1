"""Every resource and verb that the official SDKs have for what the sandbox plays, by the synchronous client and by
the asynchronous one. What was driven is compared with what the SDK offers, so that nothing is left out."""

from __future__ import annotations

import asyncio
import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest
import twilio.rest.api.v2010.account.call
import twilio.rest.conversations.v1
import twilio.rest.intelligence.v2
import twilio.rest.intelligence.v3
from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.intelligence.v3.configuration import ConfigurationList
from twilio.rest.intelligence.v3.rule_execution import RuleExecutionList

from sandbox.reported_call import ReportedCall, Sentence
from tests.sandbox_kit import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    INTELLIGENCE_SID,
    OPENAI_KEY,
    AsyncRewritingHttp,
    Sandbox,
    open_sandbox,
    sync_client,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*auth.*:DeprecationWarning")
KINDS = ("sync", "async")
VERBS = ("create", "list", "fetch", "update", "delete")
PHONE, OURS, NOWHERE = "+15555550123", "+15555550100", "http://127.0.0.1:1/x"
SENTIMENT = "intelligence_operator_01kcrvw16kfa88qvgrfmr7y151"
# As docs/sandbox-products.md says: public-key encryption, and operators that an account writes for v3.
NOT_PLAYED = {"encrypted_operator_results", "encrypted_sentences", "version"}
READ_ONLY = {("twilio.rest.intelligence.v3.operator", verb) for verb in ("create", "update", "delete")}


@dataclass
class Drive:
    """Asks by one kind of client and remembers which resource was asked for what."""

    kind: str
    client: Client
    driven: set[tuple[str, str]] = field(default_factory=set)

    async def __call__(self, resource: Any, verb: str, *args: Any, **options: Any) -> Any:
        self.driven.add((type(resource).__module__, verb))
        if self.kind == "async":
            return await getattr(resource, f"{verb}_async")(*args, **options)
        return await asyncio.to_thread(getattr(resource, verb), *args, **options)

    async def all_verbs(
        self, resources: Any, form: dict[str, Any], change: dict[str, Any] | None, key: str = "sid"
    ) -> Any:
        """Creates, lists, fetches, updates; what was made is given back."""
        made = await self(resources, "create", **form)
        own = getattr(made, key)
        assert own in [getattr(one, key) for one in await self(resources, "list", page_size=5)]
        assert getattr(await self(resources(own), "fetch"), key) == own
        if change is not None:
            assert getattr(await self(resources(own), "update", **change), key) == own
        return made

    async def delete(self, resource: Any) -> None:
        """Deletes, and sees that it is gone."""
        assert await self(resource, "delete") is True
        if hasattr(resource, "fetch"):
            with pytest.raises(TwilioException):
                await self(resource, "fetch")


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        await opened.control("PUT", "limits", {"mutations_per_s": 0})
        yield opened


@asynccontextmanager
async def open_drive(kind: str, sandbox: Sandbox) -> AsyncIterator[Drive]:
    if kind == "sync":
        with sync_client(sandbox.account) as client:
            yield Drive(kind, client)
        return
    async with AsyncRewritingHttp(sandbox.account) as http:
        yield Drive(kind, Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http))


def offered(*packages: ModuleType) -> set[tuple[str, str]]:
    """(module, verb) of everything in the SDK's packages."""
    return {found for package in packages for module in _modules(package) for found in _verbs(module)}


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if info.name.rpartition(".")[2] not in NOT_PLAYED:
            yield importlib.import_module(info.name)


def _verbs(module: ModuleType) -> Iterator[tuple[str, str]]:
    for name, found in vars(module).items():
        if isinstance(found, type) and found.__module__ == module.__name__ and name.endswith(("List", "Context")):
            yield from ((module.__name__, verb) for verb in VERBS if hasattr(found, verb))


# ---- conversations ----


@pytest.mark.parametrize("kind", KINDS)
async def test_every_resource_of_conversations(sandbox: Sandbox, kind: str) -> None:
    async with open_drive(kind, sandbox) as drive:
        v1 = drive.client.conversations.v1
        service = await drive.all_verbs(v1.services, {"friendly_name": "Support"}, None)
        for level in (v1, v1.services(service.sid)):
            await _in_a_conversation(drive, level)
            await _people(drive, level)
        await _settings(drive, service.sid)
        await _bindings(drive, sandbox, service.sid)
        await drive.delete(v1.services(service.sid))
        assert offered(twilio.rest.conversations.v1) - drive.driven == set()


async def _in_a_conversation(drive: Drive, level: Any) -> None:
    form = {"friendly_name": "Order", "unique_name": "order-1", "attributes": '{"vip": true}'}
    made = await drive.all_verbs(level.conversations, form, {"friendly_name": "Order 2"})
    today = datetime.now(UTC).date().isoformat()
    for filters, count in (
        ({"state": "active", "start_date": today}, 1),
        ({"state": "closed"}, 0),
        ({"end_date": "2020-01-01"}, 0),
    ):
        assert len(await drive(level.conversations, "list", **filters)) == count, filters
    talk = level.conversations("order-1")
    binding = {"messaging_binding_address": PHONE, "messaging_binding_proxy_address": OURS}
    phone = await drive.all_verbs(talk.participants, binding, {"attributes": "{}"})
    message = await drive.all_verbs(talk.messages, {"author": "ana", "body": "Olá"}, {"body": "Oi"})
    await drive(talk.messages, "create", body="second")
    assert [m.body for m in await drive(talk.messages, "list", order="desc")] == ["second", "Oi"]
    receipts = talk.messages(message.sid).delivery_receipts
    (receipt,) = await drive(receipts, "list")
    assert (await drive(receipts(receipt.sid), "fetch")).participant_sid == phone.sid
    hook = {"target": "webhook", "configuration_url": NOWHERE, "configuration_filters": ["onMessageAdded"]}
    made_hook = await drive.all_verbs(talk.webhooks, hook, {"configuration_method": "get"})
    for one in (talk.webhooks(made_hook.sid), talk.messages(message.sid), talk.participants(phone.sid)):
        await drive.delete(one)
    await drive.delete(level.conversations(made.sid))


async def _people(drive: Drive, level: Any) -> None:
    user = await drive.all_verbs(level.users, {"identity": "bia"}, {"friendly_name": "Bia"})
    people = [json.dumps({"identity": "bia"})]
    group = await drive(level.conversation_with_participants, "create", friendly_name="g", participant=people)
    found = await drive(level.participant_conversations, "list", identity="bia")
    assert [f.conversation_sid for f in found] == [group.sid]
    mine = level.users(user.sid).user_conversations
    assert [m.conversation_sid for m in await drive(mine, "list")] == [group.sid]
    assert (await drive(mine(group.sid), "fetch")).notification_level == "default"
    assert (await drive(mine(group.sid), "update", notification_level="muted")).notification_level == "muted"
    await drive.delete(mine(group.sid))
    await drive.delete(level.users(user.sid))
    role = {"friendly_name": "guest", "type": "conversation", "permission": ["sendMessage"]}
    made = await drive.all_verbs(level.roles, role, {"permission": ["leaveConversation"]})
    await drive.delete(level.roles(made.sid))


async def _settings(drive: Drive, service_sid: str) -> None:
    v1 = drive.client.conversations.v1
    service = v1.services(service_sid)
    for resource, change in (
        (v1.configuration(), {"default_inactive_timer": "PT1H"}),
        (v1.configuration.webhooks(), {"post_webhook_url": NOWHERE}),
        (service.configuration(), {"reachability_enabled": True}),
        (service.configuration.webhooks(), {"post_webhook_url": NOWHERE}),
        (service.configuration.notifications(), {"log_enabled": True}),
    ):
        await drive(resource, "update", **change)
        name, value = next(iter(change.items()))
        assert getattr(await drive(resource, "fetch"), name) == value
    for resources, form in (
        (v1.address_configurations, {"type": "sms", "address": PHONE}),
        (v1.credentials, {"type": "fcm", "secret": "s"}),
    ):
        made = await drive.all_verbs(resources, form, {"friendly_name": "Main"})
        await drive.delete(resources(made.sid))


async def _bindings(drive: Drive, sandbox: Sandbox, service_sid: str) -> None:
    body = {"service_sid": service_sid, "identity": "ana", "endpoint": "phone-1"}
    made = (await sandbox.control("POST", "bindings", body)).json
    bindings = drive.client.conversations.v1.services(service_sid).bindings
    for filters, count in (
        ({}, 1),
        ({"binding_type": ["fcm"], "identity": ["bia", "ana"]}, 1),
        ({"binding_type": ["apn"]}, 0),
        ({"identity": ["bia"]}, 0),
    ):
        assert len(await drive(bindings, "list", **filters)) == count, filters
    assert (await drive(bindings(made["sid"]), "fetch")).endpoint == "phone-1"
    await drive.delete(bindings(made["sid"]))


# ---- intelligence ----


def a_call(number: int) -> ReportedCall:
    said = (("agent", "Hello!", 0.5, 1.0), ("caller", "This is terrible", 1.5, 3.0))
    return ReportedCall(
        call_sid=f"CA{number:032x}",
        session_id=f"VX{number:032x}",
        caller="+15555550101",
        called=OURS,
        language="en-US",
        started_at=datetime.now(UTC),
        duration_s=4.0,
        sentences=[Sentence(*one) for one in said],
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_every_resource_of_intelligence_v2(sandbox: Sandbox, kind: str) -> None:
    sid = await sandbox.report(a_call(1))
    await sandbox.advance(5)
    async with open_drive(kind, sandbox) as drive:
        v2 = drive.client.intelligence.v2
        service = await drive.all_verbs(v2.services, {"unique_name": "second"}, {"friendly_name": "Second"})
        await _transcripts(drive, sid)
        await _operators(drive, service.sid)
        await drive.delete(v2.services(service.sid))
        assert offered(twilio.rest.intelligence.v2) - drive.driven == set()


async def _transcripts(drive: Drive, sid: str) -> None:
    v2 = drive.client.intelligence.v2
    one, source = v2.transcripts(sid), f"VX{1:032x}"
    assert (await drive(one, "fetch")).status == "completed"
    for filters, count in (
        ({"source_sid": source, "status": "completed"}, 1),
        ({"service_sid": INTELLIGENCE_SID, "after_date_created": "2020-01-01T00:00:00Z"}, 1),
        ({"before_date_created": "2020-01-01T00:00:00Z"}, 0),
        ({"status": "failed"}, 0),
    ):
        assert len(await drive(v2.transcripts, "list", **filters)) == count, filters
    assert [s.transcript for s in await drive(one.sentences, "list")] == ["Hello!", "This is terrible"]
    results = {r.name: r for r in await drive(one.operator_results, "list", page_size=2)}
    mood = results["Sentiment Analysis"]
    assert (await drive(one.operator_results(mood.operator_sid), "fetch")).predicted_label == "negative"
    assert (await drive(one.media(), "fetch")).sid == sid
    channel = {"media_properties": {"source_sid": source}}
    again = await drive(v2.transcripts, "create", service_sid=INTELLIGENCE_SID, channel=channel)
    await drive.delete(v2.transcripts(again.sid))


async def _operators(drive: Drive, service_sid: str) -> None:
    v2 = drive.client.intelligence.v2
    form = {"friendly_name": "Refund", "operator_type": "json", "config": {"prompt": "?"}}
    change = {"friendly_name": "Refund asked", "config": {"prompt": "!"}}
    own = await drive.all_verbs(v2.custom_operators, form, change)
    counts = {}
    for resources in (v2.operators, v2.prebuilt_operators, v2.custom_operators):
        found = await drive(resources, "list", page_size=2, availability="public", language_code="pt-BR")
        counts[type(resources).__name__] = len(found)
        assert (await drive(resources(found[0].sid), "fetch")).sid == found[0].sid
        assert await drive(resources, "list", availability="retired") == []
    assert counts["OperatorList"] == counts["PrebuiltOperatorList"] + counts["CustomOperatorList"]
    assert counts["PrebuiltOperatorList"] >= 4
    assert await drive(v2.prebuilt_operators, "list", language_code="de") == []
    assert [o.sid for o in await drive(v2.operators, "list", language_code="de")] == [own.sid]
    attachment = v2.operator_attachment(service_sid, own.sid)
    await drive(attachment, "create")
    assert (await drive(v2.operator_attachments(service_sid), "fetch")).operator_sids == [own.sid]
    assert await drive(attachment, "delete") is True
    await drive.delete(v2.custom_operators(own.sid))
    kind = (await drive(v2.operator_type, "list"))[0]
    assert (await drive(v2.operator_type(kind.sid), "fetch")).name == kind.name


@pytest.mark.parametrize("kind", KINDS)
async def test_every_resource_of_intelligence_v3(sandbox: Sandbox, kind: str) -> None:
    await sandbox.report(a_call(1))
    await sandbox.advance(5)
    action = {"type": "WEBHOOK", "method": "POST", "url": NOWHERE}
    rule = {"operators": [{"id": SENTIMENT}], "triggers": [{"on": "CONVERSATION_END"}], "actions": [action]}
    body = {"displayName": "Calls", "description": "all", "rules": [rule]}
    async with open_drive(kind, sandbox) as drive:
        v3 = drive.client.intelligence.v3
        made = await drive.all_verbs(
            v3.configurations,
            {"create_configuration_request": ConfigurationList.CreateConfigurationRequest(body)},
            {"update_configuration_request": ConfigurationList.UpdateConfigurationRequest(body)},
            "id",
        )
        (talk,) = await drive(v3.conversations, "list", page_size=1)
        assert (await drive(v3.conversations(talk.id), "fetch")).id == talk.id
        execution = {
            "intelligenceConfigurationId": made.id,
            "ruleId": made.rules[0]["id"],
            "conversationId": talk.id,
        }
        await drive(v3.rule_executions, "create", RuleExecutionList.CreateRuleExecutionRequest(execution))
        (result,) = await drive(v3.operator_results, "list", conversation_id=talk.id)
        assert (await drive(v3.operator_results(result.id), "fetch")).conversation_id == talk.id
        await drive.delete(v3.operator_results(result.id))
        operators = await drive(v3.operators, "list", page_size=2)
        assert (await drive(v3.operators(operators[0].id), "fetch")).id == operators[0].id
        await drive.delete(v3.configurations(made.id))
        assert offered(twilio.rest.intelligence.v3) - drive.driven == READ_ONLY


# ---- calls ----


@pytest.mark.parametrize("kind", KINDS)
async def test_calls(sandbox: Sandbox, kind: str) -> None:
    await sandbox.control("PUT", "callees/+15555550101", {"ring_s": 30})
    async with open_drive(kind, sandbox) as drive:
        calls = drive.client.calls
        form = {"to": "+15555550101", "from_": OURS, "twiml": "<Response><Hangup/></Response>"}
        made = await drive.all_verbs(calls, form, {"status": "canceled"})
        assert (await drive(calls(made.sid), "fetch")).status == "canceled"
        for filters, count in (
            ({"to": "+15555550101", "status": "canceled"}, 1),
            ({"from_": OURS}, 1),
            ({"status": "busy"}, 0),
        ):
            assert len(await drive(calls, "list", **filters)) == count, filters
        await drive.delete(calls(made.sid))
        assert (await drive(drive.client.api.v2010.accounts(ACCOUNT_SID), "fetch")).status == "active"
        assert set(_verbs(twilio.rest.api.v2010.account.call)) - drive.driven == set()


# ---- the model ----


async def test_the_openai_sdk_by_both_clients(sandbox: Sandbox) -> None:
    options: dict[str, Any] = {"api_key": OPENAI_KEY, "base_url": f"{sandbox.url}/openai/v1", "max_retries": 0}
    async with openai.AsyncOpenAI(**options) as client:
        theirs = await _ask_asynchronously(client)
    ours = await asyncio.to_thread(_ask_synchronously, options)
    assert ours == theirs
    assert len(set(ours)) == 2
    assert ours[0].startswith("Good day!")


MESSAGES: Any = [{"role": "user", "content": "Hello!"}]
ASKED: dict[str, Any] = {"model": "sandbox-agent", "messages": MESSAGES}
INPUT: dict[str, Any] = {"model": "sandbox-agent", "input": "Hello!"}


def _ask_synchronously(options: dict[str, Any]) -> list[str | None]:
    """The answer by every way of asking, and the model's name."""
    with openai.OpenAI(**options) as client:
        whole = client.chat.completions.create(**ASKED).choices[0].message.content
        chunks = client.chat.completions.create(**ASKED, stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        response = client.responses.create(**INPUT)
        kept = client.responses.retrieve(response.id).output_text
        events = client.responses.create(**INPUT, stream=True)
        last = [event.response.output_text for event in events if event.type == "response.completed"]
        (model,) = client.models.list()
        return [whole, streamed, response.output_text, kept, *last, client.models.retrieve(model.id).id]


async def _ask_asynchronously(client: openai.AsyncOpenAI) -> list[str | None]:
    whole = (await client.chat.completions.create(**ASKED)).choices[0].message.content
    chunks = await client.chat.completions.create(**ASKED, stream=True)
    streamed = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
    response = await client.responses.create(**INPUT)
    kept = (await client.responses.retrieve(response.id)).output_text
    events = await client.responses.create(**INPUT, stream=True)
    last = [event.response.output_text async for event in events if event.type == "response.completed"]
    (model,) = [model async for model in client.models.list()]
    return [whole, streamed, response.output_text, kept, *last, (await client.models.retrieve(model.id)).id]
