"""Every answer of the sandbox's Twilio products against Twilio's own OpenAPI documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.reported_call import ReportedCall, Sentence
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import OpenApi, Sandbox, load_openapi, open_sandbox

LEVELS = {"account": "", "service": "/Services/{ChatServiceSid}"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def conversations_document() -> OpenApi:
    return load_openapi("twilio_conversations_v1.json")


@pytest.fixture(scope="module")
def intelligence_document() -> OpenApi:
    return load_openapi("twilio_intelligence_v2.json")


Check = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def check(sandbox: Sandbox, conversations_document: OpenApi) -> Check:
    """Sends a request and compares the answer with the document; `{names}` in the path are filled from `ids`."""

    async def send(method: str, template: str, ids: dict[str, str], **form: str | list[str]) -> dict[str, Any]:
        answer = await sandbox.twilio(method, "/conversations" + template.format(**ids), **form)
        conversations_document.check(template, method.lower(), answer.status, answer.json)
        body: dict[str, Any] = answer.json
        return body

    return send


@pytest.mark.parametrize("level", LEVELS)
async def test_conversations_and_what_is_in_them_answer_as_documented(check: Check, level: str) -> None:
    service = await check("POST", "/v1/Services", {}, FriendlyName="Support")
    ids = {"ChatServiceSid": service["sid"]}
    root = "/v1" + LEVELS[level]
    made = await check(
        "POST",
        f"{root}/Conversations",
        ids,
        FriendlyName="Order 4711",
        UniqueName="order-4711",
        Attributes='{"vip": true}',
        State="active",
        Timers__Inactive="PT5M",
        Timers__Closed="PT1H",
    )
    ids |= {"ConversationSid": made["sid"], "Sid": made["sid"]}
    await check("GET", f"{root}/Conversations/{{Sid}}", ids)
    await check("GET", f"{root}/Conversations", ids)
    await check("POST", f"{root}/Conversations/{{Sid}}", ids, FriendlyName="Order 4712")
    inner = f"{root}/Conversations/{{ConversationSid}}"
    for path, form in (
        ("Participants", {"Identity": "ana"}),
        (
            "Participants",
            {"MessagingBinding__Address": "+15555550123", "MessagingBinding__ProxyAddress": "+15555550100"},
        ),
        ("Messages", {"Author": "ana", "Body": "Olá"}),
        ("Webhooks", {"Target": "webhook", "Configuration__Url": "http://127.0.0.1:1/hook"}),
    ):
        one = await check("POST", f"{inner}/{path}", ids, **form)
        own = {**ids, "Sid": one["sid"], "MessageSid": one["sid"]}
        await check("GET", f"{inner}/{path}", own)
        await check("GET", f"{inner}/{path}/{{Sid}}", own)
        if path == "Messages":
            receipts = await check("GET", f"{inner}/Messages/{{MessageSid}}/Receipts", own)
            own["Sid"] = receipts["delivery_receipts"][0]["sid"]
            await check("GET", f"{inner}/Messages/{{MessageSid}}/Receipts/{{Sid}}", own)


@pytest.mark.parametrize("level", LEVELS)
async def test_users_and_roles_answer_as_documented(check: Check, level: str) -> None:
    service = await check("POST", "/v1/Services", {}, FriendlyName="Support")
    ids = {"ChatServiceSid": service["sid"]}
    root = "/v1" + LEVELS[level]
    for path, form in (
        ("Users", {"Identity": "ana", "FriendlyName": "Ana"}),
        ("Roles", {"FriendlyName": "guest", "Type": "conversation", "Permission": ["sendMessage"]}),
    ):
        made = await check("POST", f"{root}/{path}", ids, **form)
        ids["Sid"] = made["sid"]
        await check("GET", f"{root}/{path}", ids)
        await check("GET", f"{root}/{path}/{{Sid}}", ids)


async def test_services_configurations_and_addresses_answer_as_documented(check: Check) -> None:
    made = await check("POST", "/v1/Services", {}, FriendlyName="Support")
    ids = {"ChatServiceSid": made["sid"], "Sid": made["sid"]}
    await check("GET", "/v1/Services", ids)
    await check("GET", "/v1/Services/{Sid}", ids)
    for path in (
        "/v1/Configuration",
        "/v1/Configuration/Webhooks",
        "/v1/Services/{ChatServiceSid}/Configuration",
        "/v1/Services/{ChatServiceSid}/Configuration/Webhooks",
    ):
        await check("GET", path, ids)
        await check("POST", path, ids)
    address = await check("POST", "/v1/Configuration/Addresses", ids, Type="sms", Address="+15555550123")
    ids["Sid"] = address["sid"]
    await check("GET", "/v1/Configuration/Addresses", ids)
    await check("GET", "/v1/Configuration/Addresses/{Sid}", ids)


async def test_a_transcript_and_its_results_answer_as_documented(
    sandbox: Sandbox, intelligence_document: OpenApi, eventually_async: EventuallyAsync
) -> None:
    call = ReportedCall(
        call_sid="CA" + "1" * 32,
        session_id="VX" + "1" * 32,
        caller="+15555550101",
        called="+15555550100",
        language="en-US",
        started_at=datetime.now(UTC),
        duration_s=4.0,
        sentences=[Sentence("agent", "Hello!", 0.5, 1.0), Sentence("caller", "When are you open?", 1.5, 3.0)],
    )
    ids = {"TranscriptSid": await sandbox.report(call)}
    ids["Sid"] = ids["TranscriptSid"]

    async def results() -> object:
        answer = await sandbox.twilio("GET", f"/intelligence/v2/Transcripts/{ids['Sid']}/OperatorResults")
        return answer.json["operator_results"]

    await eventually_async(results)
    for template in (
        "/v2/Transcripts",
        "/v2/Transcripts/{Sid}",
        "/v2/Transcripts/{Sid}/Media",
        "/v2/Transcripts/{TranscriptSid}/Sentences",
        "/v2/Transcripts/{TranscriptSid}/OperatorResults",
        "/v2/Services",
    ):
        answer = await sandbox.twilio("GET", "/intelligence" + template.format(**ids))
        intelligence_document.check(template, "get", answer.status, answer.json)


async def test_the_judge_refuses_an_answer_that_is_not_as_documented(conversations_document: OpenApi) -> None:
    with pytest.raises(AssertionError, match="sid"):
        conversations_document.check("/v1/Services", "post", 201, {"sid": "not-a-sid"})
