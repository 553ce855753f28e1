"""Intelligence v2 beyond reading, and v3: services, redaction, failures, late webhooks, rules with results."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.intelligence.v3.configuration import ConfigurationList

from sandbox.redaction import redacted
from sandbox.reported_call import ReportedCall, Sentence
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    INTELLIGENCE_SID,
    AsyncRewritingHttp,
    Receiver,
    Sandbox,
    open_receiver,
    open_sandbox,
)

TRANSCRIPTS = "/intelligence/v2/Transcripts"
SENTIMENT = "intelligence_operator_01kcrvw16kfa88qvgrfmr7y151"
SUMMARY = "intelligence_operator_01kcv35pnkeysaf6z6cqtbpegn"
AUTH = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, INTELLIGENCE_PUBLIC_URL=receiver.url) as opened:
        yield opened


def a_call(number: int, *said: str) -> ReportedCall:
    turns = [("agent", "Hello, how can I help?"), *(("caller", text) for text in said)]
    sentences = [
        Sentence("agent" if who == "agent" else "caller", text, 2.0 * i, 2.0 * i + 1)
        for i, (who, text) in enumerate(turns)
    ]
    return ReportedCall(
        call_sid=f"CA{number:032x}",
        session_id=f"VX{number:032x}",
        caller="+15555550101",
        called="+15555550100",
        language="en-US",
        started_at=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
        duration_s=20.0,
        sentences=sentences,
    )


def bodies(receiver: Receiver) -> list[Any]:
    return [msgspec.json.decode(body) for _, _, body in receiver.seen]


# ---- v2 ----


async def test_a_services_webhook_can_be_moved_and_silenced(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    def move(client: Client) -> Any:
        service = client.intelligence.v2.services(INTELLIGENCE_SID)
        return service.update(webhook_url=receiver.url + "/elsewhere", friendly_name="Mine")

    changed = await sandbox.through_sdk(move)
    assert (changed.friendly_name, changed.version) == ("Mine", 2)
    await sandbox.report(a_call(1, "Hi"))
    await eventually_async(lambda: receiver.seen)
    assert receiver.seen[0][0].partition("?")[0] == receiver.url + "/elsewhere"
    await sandbox.twilio("POST", f"/intelligence/v2/Services/{INTELLIGENCE_SID}", WebhookHttpMethod="NULL")
    await sandbox.report(a_call(2, "Hi"))
    await sandbox.advance(5)
    assert len(receiver.seen) == 1


@pytest.mark.filterwarnings("ignore:.*auth.*:DeprecationWarning")
async def test_the_asynchronous_sdk_drives_services_operators_and_transcripts(sandbox: Sandbox) -> None:
    sid = await sandbox.report(a_call(1, "My number is +1 555 555 0133", "I want to speak to a manager"))
    await sandbox.advance(5)
    async with AsyncRewritingHttp(sandbox.account) as http:
        v2 = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http).intelligence.v2
        operators = {o.friendly_name: o for o in await v2.prebuilt_operators.list_async()}
        pii, escalation = (operators[name].sid for name in ("PII Extraction", "Escalation Request"))
        for operator in (pii, escalation):
            await v2.operator_attachment(INTELLIGENCE_SID, operator).create_async()
        again = await v2.transcripts.create_async(
            service_sid=INTELLIGENCE_SID,
            channel={"media_properties": {"source_sid": f"CA{1:032x}"}},
            customer_key="again",
        )
        assert (again.status, again.customer_key) == ("queued", "again")
        await sandbox.advance(5)
        results = {r.name: r for r in await v2.transcripts(again.sid).operator_results.list_async()}
        assert results["PII Extraction"].extract_results == {"PhoneNumber": ["[Redacted:PhoneNumber]"]}
        assert results["Escalation Request"].extract_match is True
        assert "PII Extraction" not in {r.name for r in await v2.transcripts(sid).operator_results.list_async()}
        assert await v2.transcripts(again.sid).delete_async() is True
        assert [t.sid for t in await v2.transcripts.list_async(limit=9, page_size=1)] == [sid]


async def test_a_recording_that_nobody_knows_fails(sandbox: Sandbox) -> None:
    form = {
        "ServiceSid": INTELLIGENCE_SID,
        "Channel": '{"media_properties": {"media_url": "https://x.example/a.wav"}}',
    }
    made = (await sandbox.twilio("POST", TRANSCRIPTS, **form)).json
    await sandbox.advance(5)
    assert (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{made['sid']}")).json["status"] == "failed"
    refused = await sandbox.twilio("POST", TRANSCRIPTS, ServiceSid=INTELLIGENCE_SID, Channel="[]")
    assert (refused.status, refused.json["code"]) == (400, 20001)


async def test_statuses_progress_at_the_pace_that_was_set_and_can_fail(
    sandbox: Sandbox, receiver: Receiver
) -> None:
    await sandbox.control("PUT", "intelligence", {"step_ms": 60_000, "fail_next": 1})
    sid = await sandbox.report(a_call(1, "Hi"))
    statuses = []
    for _ in range(3):
        statuses.append((await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}")).json["status"])
        await sandbox.advance(61)
    assert statuses == ["queued", "in-progress", "failed"]
    assert receiver.seen == []
    second = await sandbox.report(a_call(2, "Hi"))
    await sandbox.advance(121)
    assert (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{second}")).json["status"] == "completed"


async def test_webhooks_come_late_twice_and_reordered_when_ordered(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    for fault in ({"hold": 2}, {"copies": 2}):
        answer = await sandbox.control("POST", "webhooks", {"product": "intelligence", **fault})
        assert answer.status == 201
    sids = []
    for number in range(3):
        sids.append(await sandbox.report(a_call(number, "Hi")))
        await sandbox.advance(5)
    await eventually_async(lambda: len(receiver.seen) == 4)
    arrived = [body["transcript_sid"] for body in bodies(receiver)]
    assert [sid for sid in arrived if sid != sids[2]] == [sids[1], sids[0]]
    assert arrived.count(sids[2]) == 2


async def test_a_redacting_service_hides_numbers_unless_asked(sandbox: Sandbox) -> None:
    service = f"/intelligence/v2/Services/{INTELLIGENCE_SID}"
    await sandbox.twilio("POST", service, AutoRedaction="true")
    sid = await sandbox.report(a_call(1, "My card is 4111 1111 1111 1111"))
    await sandbox.advance(5)

    async def said(query: str) -> str:
        page = (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}/Sentences{query}")).json
        return str(page["sentences"][1]["transcript"])

    assert await said("") == await said("?Redacted=true") == "My card is [Redacted:CreditCard]"
    assert await said("?Redacted=false") == "My card is 4111 1111 1111 1111"
    results = (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}/OperatorResults")).json["operator_results"]
    summary = next(r for r in results if r["name"] == "Conversation Summary")
    assert summary["text_generation_results"]["result"] == "[Redacted:Conversation Summary]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ana.b@example.com.br now", "write to [Redacted:Email] now"),
        ("+55 11 5555-0101 or 555-555-0123", "[Redacted:PhoneNumber] or [Redacted:PhoneNumber]"),
        ("order 471100", "order [Redacted:Number]"),
        ("at 10 or 123", "at 10 or 123"),
    ],
)
def test_personal_data_is_found_by_its_form(text: str, expected: str) -> None:
    assert redacted(text) == expected


# ---- v3 ----


def rules(url: str, on: str, count: int | None = None) -> dict[str, Any]:
    trigger = {"on": on, **({"parameters": {"count": count}} if count else {})}
    rule = {
        "operators": [{"id": SENTIMENT}, {"id": SUMMARY}],
        "triggers": [trigger],
        "actions": [{"type": "WEBHOOK", "method": "POST", "url": url}],
    }
    return {"displayName": "Calls", "description": "all calls", "rules": [rule]}


async def configure(sandbox: Sandbox, body: dict[str, Any]) -> Any:
    path = "/intelligence/v3/ControlPlane/Configurations"
    return await sandbox.request("POST", path, json=body, headers=AUTH)


async def test_a_rule_sends_its_results_inline_and_signed_at_the_end_of_a_call(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    made = await configure(sandbox, rules(receiver.url + "/v3", "CONVERSATION_END"))
    assert (made.status, made.json["version"]) == (201, 1)
    await sandbox.report(a_call(1, "This is terrible"))
    await eventually_async(lambda: len(receiver.seen) == 2)
    url, headers, body = next(seen for seen in receiver.seen if "/v3" in seen[0])
    assert RequestValidator(AUTH_TOKEN).validate(url, body.decode(), headers["X-Twilio-Signature"])
    sent = msgspec.json.decode(body)
    assert sent["intelligenceConfiguration"]["ruleId"] == made.json["rules"][0]["id"]
    assert set(sent) == {"accountId", "conversationId", "intelligenceConfiguration", "operatorResults"}
    found = {r["operator"]["id"]: r for r in sent["operatorResults"]}
    assert (found[SENTIMENT]["outputFormat"], found[SENTIMENT]["result"]) == (
        "CLASSIFICATION",
        {"label": "negative"},
    )
    assert set(found[SUMMARY]["result"]) == {"text"}
    assert found[SENTIMENT]["referenceIds"] == [f"CA{1:032x}"]
    assert found[SENTIMENT]["executionDetails"]["trigger"]["on"] == "CONVERSATION_END"
    assert found[SENTIMENT]["dateCreated"].endswith("000Z")


async def test_a_communication_rule_fires_again_and_again_with_what_was_said_so_far(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    await configure(sandbox, rules(receiver.url + "/v3", "COMMUNICATION", 2))
    await sandbox.report(a_call(1, "Hello", "I love it", "It is terrible"))
    await eventually_async(lambda: len(receiver.seen) == 3)
    sent = [body for body in bodies(receiver) if "operatorResults" in body]
    labels = {result["result"].get("label") for body in sent for result in body["operatorResults"]}
    assert labels == {"neutral", "mixed", None}
    ids = [result["id"] for body in sent for result in body["operatorResults"]]
    assert len(set(ids)) == len(ids) == 4


async def test_the_sdk_reads_what_v3_keeps(sandbox: Sandbox, receiver: Receiver) -> None:
    for number in range(3):
        await sandbox.report(a_call(number, "Hi"))
    await sandbox.advance(5)

    def story(client: Client) -> None:
        v3 = client.intelligence.v3
        request = ConfigurationList.CreateConfigurationRequest(rules(receiver.url + "/v3", "CONVERSATION_END"))
        made = v3.configurations.create(create_configuration_request=request)
        assert v3.configurations(made.id).fetch().display_name == "Calls"
        assert [c.id for c in v3.configurations.list()] == [made.id]
        talks = v3.conversations.list(page_size=1)
        assert len(talks) == 3
        assert talks[0].channel_ids == [f"CA{0:032x}"]
        names = {o.display_name for o in v3.operators.list()}
        assert {"Sentiment Analysis", "Conversation Summary", "Legal Risk"} <= names
        assert v3.operator_results.list() == []
        execution = {
            "intelligenceConfigurationId": made.id,
            "ruleId": made.rules[0]["id"],
            "conversationId": talks[0].id,
        }
        from twilio.rest.intelligence.v3.rule_execution import RuleExecutionList

        v3.rule_executions.create(RuleExecutionList.CreateRuleExecutionRequest(execution))
        results = v3.operator_results.list(conversation_id=talks[0].id, page_size=1)
        assert {r.operator["id"] if isinstance(r.operator, dict) else r.operator.id for r in results} == {
            SENTIMENT,
            SUMMARY,
        }
        assert v3.operator_results(results[0].id).fetch().conversation_id == talks[0].id
        assert v3.operator_results(results[0].id).delete() is True
        assert len(v3.operator_results.list()) == 1
        with pytest.raises(TwilioException):
            v3.operator_results(results[0].id).fetch()
        assert v3.configurations(made.id).delete() is True

    await sandbox.through_sdk(story)


async def test_a_new_version_of_a_configuration_is_not_the_one_that_runs(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    made = (await configure(sandbox, rules(receiver.url + "/old", "CONVERSATION_END"))).json
    path = f"/intelligence/v3/ControlPlane/Configurations/{made['id']}"
    new = rules(receiver.url + "/new", "CONVERSATION_END")
    changed = await sandbox.request("PUT", path, json=new, headers=AUTH)
    assert (changed.status, changed.json["version"]) == (200, 2)
    await sandbox.report(a_call(1, "Hi"))
    await eventually_async(lambda: len(receiver.seen) == 2)
    paths = {url.partition("?")[0].removeprefix(receiver.url) for url, _, _ in receiver.seen}
    assert paths == {"/webhook", "/old"}


@pytest.mark.parametrize(
    "change",
    [
        {"rules": [{"operators": []}]},
        {"rules": [{"operators": [{"id": SENTIMENT}], "triggers": [{"on": "FULL_MOON"}]}]},
        {"rules": [{"operators": [{"id": SENTIMENT}]}] * 6},
        {"displayName": None},
    ],
)
async def test_a_configuration_that_cannot_be_is_refused_in_v3s_shape(
    sandbox: Sandbox, change: dict[str, Any]
) -> None:
    answer = await configure(sandbox, {**rules("http://127.0.0.1:1/x", "CONVERSATION_END"), **change})
    assert (answer.status, answer.json["code"], answer.json["title"]) == (400, 20001, "Bad Request")


async def test_a_form_is_not_taken_by_v3(sandbox: Sandbox) -> None:
    path = "/intelligence/v3/ControlPlane/Configurations"
    answer = await sandbox.request("POST", path, data={"displayName": "x"}, headers=AUTH)
    assert (answer.status, answer.json["code"]) == (415, 20422)
