"""Every operation of Twilio's own OpenAPI documents: the sandbox answers all of them, as documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.reported_call import ReportedCall, Sentence
from tests.sandbox_kit import OpenApi, Sandbox, load_openapi, open_sandbox

LEVELS = {"account": "", "service": "/Services/{ChatServiceSid}"}
BINDING = {"MessagingBinding__Address": "+15555550123", "MessagingBinding__ProxyAddress": "+15555550100"}
# Public-key encryption is not played: there is no audio, and the results are made here.
NOT_PLAYED = {
    ("get", "/v2/Transcripts/{TranscriptSid}/OperatorResults/Encrypted"),
    ("get", "/v2/Transcripts/{TranscriptSid}/Sentences/Encrypted"),
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


@dataclass
class Asked:
    """Requests to one product, each answer compared with its document; `ids` fill the `{names}` of paths."""

    sandbox: Sandbox
    product: str
    document: OpenApi
    ids: dict[str, str]

    async def __call__(self, method: str, template: str, **form: str | list[str]) -> dict[str, Any]:
        answer = await self.sandbox.twilio(method, f"/{self.product}" + template.format(**self.ids), **form)
        self.document.check(template, method.lower(), answer.status, answer.json)
        body: dict[str, Any] = answer.json
        return body

    async def all_verbs(
        self, collection: str, form: dict[str, Any], change: dict[str, Any] | None = None, name: str = "Sid"
    ) -> dict[str, Any]:
        """Creates, lists, fetches and updates; the new sid is then `ids[name]`."""
        made = await self("POST", collection, **form)
        self.ids[name] = self.ids["Sid"] = made["sid"]
        await self("GET", collection)
        await self("GET", f"{collection}/{{Sid}}")
        if change is not None:
            await self("POST", f"{collection}/{{Sid}}", **change)
        return made

    async def delete(self, member: str) -> None:
        await self("DELETE", member)


async def test_every_operation_of_conversations_answers_as_documented(sandbox: Sandbox) -> None:
    document = load_openapi("twilio_conversations_v1.json")
    for level in LEVELS.values():
        asked = Asked(sandbox, "conversations", document, {})
        await asked.all_verbs("/v1/Services", {"FriendlyName": "Support"}, name="ChatServiceSid")
        root = "/v1" + level
        await _conversation_and_what_is_in_it(asked, root)
        await _users_and_roles(asked, root)
        await _together(asked, root)
    await _configurations(asked)
    await _bindings(asked)
    assert document.operations - document.checked == set()


async def _conversation_and_what_is_in_it(asked: Asked, root: str) -> None:
    form = {"FriendlyName": "Order 4711", "UniqueName": "order-4711", "Attributes": '{"vip": true}'}
    timers = {"State": "active", "Timers__Inactive": "PT5M", "Timers__Closed": "PT1H"}
    change = {"FriendlyName": "Order 4712"}
    await asked.all_verbs(f"{root}/Conversations", {**form, **timers}, change, name="ConversationSid")
    inner = f"{root}/Conversations/{{ConversationSid}}"
    for path, create, change in (
        ("Participants", {"Identity": "ana"}, {"Attributes": "{}"}),
        ("Participants", BINDING, {}),
        ("Messages", {"Author": "ana", "Body": "Olá"}, {"Body": "Oi"}),
        ("Webhooks", {"Target": "webhook", "Configuration__Url": "http://127.0.0.1:1/hook"}, {}),
    ):
        made = await asked.all_verbs(f"{inner}/{path}", create, change)
        if path == "Messages":
            asked.ids["MessageSid"] = made["sid"]
            receipts = await asked("GET", f"{inner}/Messages/{{MessageSid}}/Receipts")
            asked.ids["Sid"] = receipts["delivery_receipts"][0]["sid"]
            await asked("GET", f"{inner}/Messages/{{MessageSid}}/Receipts/{{Sid}}")
            asked.ids["Sid"] = made["sid"]
    await asked.delete(f"{inner}/Webhooks/{{Sid}}")
    asked.ids["Sid"] = asked.ids["MessageSid"]
    await asked.delete(f"{inner}/Messages/{{Sid}}")


async def _users_and_roles(asked: Asked, root: str) -> None:
    inner = f"{root}/Conversations/{{ConversationSid}}"
    await asked.all_verbs(f"{root}/Users", {"Identity": "bia"}, {"FriendlyName": "Bia"}, name="UserSid")
    person = await asked("POST", f"{inner}/Participants", Identity="bia")
    of_user = f"{root}/Users/{{UserSid}}/Conversations"
    await asked("GET", of_user)
    await asked("GET", f"{of_user}/{{ConversationSid}}")
    await asked("POST", f"{of_user}/{{ConversationSid}}", NotificationLevel="muted", LastReadMessageIndex="0")
    await _by_participant(asked, root)
    await asked.delete(f"{of_user}/{{ConversationSid}}")
    gone = await asked.sandbox.twilio(
        "GET", f"/conversations{inner.format(**asked.ids)}/Participants/{person['sid']}"
    )
    assert gone.status == 404
    asked.ids["Sid"] = asked.ids["UserSid"]
    await asked.delete(f"{root}/Users/{{Sid}}")
    role = {"FriendlyName": "guest", "Type": "conversation", "Permission": ["sendMessage"]}
    await asked.all_verbs(f"{root}/Roles", role, {"Permission": ["leaveConversation"]})
    await asked.delete(f"{root}/Roles/{{Sid}}")


async def _by_participant(asked: Asked, root: str) -> None:
    template = f"{root}/ParticipantConversations"
    path = f"/conversations{template.format(**asked.ids)}"
    for query in ("Identity=ana", "Address=%2B15555550123"):
        answer = await asked.sandbox.twilio("GET", f"{path}?{query}")
        asked.document.check(template, "get", answer.status, answer.json)
        assert [c["conversation_sid"] for c in answer.json["conversations"]] == [asked.ids["ConversationSid"]]


async def _together(asked: Asked, root: str) -> None:
    people = ['{"identity": "carla"}', '{"identity": "davi", "attributes": "{}"}']
    made = await asked("POST", f"{root}/ConversationWithParticipants", FriendlyName="New", Participant=people)
    assert made["state"] == "initializing"
    inner = f"{root}/Conversations/{{ConversationSid}}"
    people_found = await asked("GET", f"{inner}/Participants")
    asked.ids["Sid"] = people_found["participants"][0]["sid"]
    await asked.delete(f"{inner}/Participants/{{Sid}}")
    asked.ids["Sid"] = asked.ids["ConversationSid"]
    await asked.delete(f"{root}/Conversations/{{Sid}}")


async def _configurations(asked: Asked) -> None:
    for path in (
        "/v1/Configuration",
        "/v1/Configuration/Webhooks",
        "/v1/Services/{ChatServiceSid}/Configuration",
        "/v1/Services/{ChatServiceSid}/Configuration/Webhooks",
        "/v1/Services/{ChatServiceSid}/Configuration/Notifications",
    ):
        await asked("GET", path)
        await asked("POST", path)
    address = {"Type": "sms", "Address": "+15555550123"}
    await asked.all_verbs("/v1/Configuration/Addresses", address, {"FriendlyName": "Main"})
    await asked.delete("/v1/Configuration/Addresses/{Sid}")
    await asked.all_verbs("/v1/Credentials", {"Type": "fcm", "Secret": "s"}, {"FriendlyName": "Push"})
    await asked.delete("/v1/Credentials/{Sid}")


async def _bindings(asked: Asked) -> None:
    """Bindings are made by chat clients; the sandbox has a route of its own for that."""
    service = asked.ids["ChatServiceSid"]
    made = await asked.sandbox.control(
        "POST", "bindings", {"service_sid": service, "identity": "ana", "endpoint": "phone-1"}
    )
    asked.ids["Sid"] = made.json["sid"]
    template = "/v1/Services/{ChatServiceSid}/Bindings"
    listed = await asked("GET", template)
    assert [b["sid"] for b in listed["bindings"]] == [made.json["sid"]]
    for query, number in (("BindingType=fcm&Identity=bia&Identity=ana", 1), ("BindingType=apn", 0)):
        answer = await asked.sandbox.twilio("GET", f"/conversations{template.format(**asked.ids)}?{query}")
        assert len(answer.json["bindings"]) == number
    await asked("GET", f"{template}/{{Sid}}")
    await asked.delete(f"{template}/{{Sid}}")
    asked.ids["Sid"] = service
    await asked.delete("/v1/Services/{Sid}")


def a_call() -> ReportedCall:
    return ReportedCall(
        call_sid="CA" + "1" * 32,
        session_id="VX" + "1" * 32,
        caller="+15555550101",
        called="+15555550100",
        language="en-US",
        started_at=datetime.now(UTC),
        duration_s=4.0,
        sentences=[Sentence("agent", "Hello!", 0.5, 1.0), Sentence("caller", "When are you open?", 1.5, 3.0)],
    )


async def test_every_operation_of_intelligence_answers_as_documented(sandbox: Sandbox) -> None:
    document = load_openapi("twilio_intelligence_v2.json")
    asked = Asked(sandbox, "intelligence", document, {"TranscriptSid": await sandbox.report(a_call())})
    await sandbox.advance(5)
    asked.ids["Sid"] = asked.ids["TranscriptSid"]
    results = "/v2/Transcripts/{TranscriptSid}/OperatorResults"
    for template in ("/v2/Transcripts", "/v2/Transcripts/{Sid}", "/v2/Transcripts/{Sid}/Media", results):
        await asked("GET", template)
    await asked("GET", "/v2/Transcripts/{TranscriptSid}/Sentences")
    asked.ids["OperatorSid"] = (await asked("GET", results))["operator_results"][0]["operator_sid"]
    await asked("GET", f"{results}/{{OperatorSid}}")
    await asked.all_verbs(
        "/v2/Services", {"UniqueName": "second"}, {"WebhookUrl": "http://127.0.0.1:1/x"}, "ServiceSid"
    )
    channel = '{"media_properties": {"source_sid": "CA' + "1" * 32 + '"}}'
    asked.ids["Sid"] = (await asked("POST", "/v2/Transcripts", ServiceSid=asked.ids["Sid"], Channel=channel))[
        "sid"
    ]
    await asked.delete("/v2/Transcripts/{Sid}")
    await _operators(asked)
    asked.ids["Sid"] = asked.ids["ServiceSid"]
    await asked.delete("/v2/Services/{Sid}")
    assert document.operations - document.checked == NOT_PLAYED


async def _operators(asked: Asked) -> None:
    await asked("POST", "/v2/Services/{ServiceSid}/Operators/{OperatorSid}")
    attached = await asked("GET", "/v2/Services/{ServiceSid}/Operators")
    assert attached["operator_sids"] == [asked.ids["OperatorSid"]]
    await asked.delete("/v2/Services/{ServiceSid}/Operators/{OperatorSid}")
    asked.ids["Sid"] = asked.ids["OperatorSid"]
    for family in ("", "/PreBuilt"):
        assert (await asked("GET", f"/v2/Operators{family}"))["operators"]
        await asked("GET", f"/v2/Operators{family}/{{Sid}}")
    form = {"FriendlyName": "Refund asked", "OperatorType": "json", "Config": '{"prompt": "…"}'}
    await asked.all_verbs("/v2/Operators/Custom", form, {"FriendlyName": "Refund", "Config": "{}"})
    await asked.delete("/v2/Operators/Custom/{Sid}")
    asked.ids["Sid"] = (await asked("GET", "/v2/OperatorTypes"))["operator_types"][0]["sid"]
    await asked("GET", "/v2/OperatorTypes/{Sid}")


async def test_the_judge_refuses_an_answer_that_is_not_as_documented() -> None:
    document = load_openapi("twilio_conversations_v1.json")
    with pytest.raises(AssertionError, match="sid"):
        document.check("/v1/Services", "post", 201, {"sid": "not-a-sid"})
