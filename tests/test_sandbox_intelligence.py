"""From a reported call to a transcript, its results and the webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from sandbox.reported_call import ReportedCall, Sentence
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    INTELLIGENCE_SID,
    Receiver,
    Sandbox,
    open_receiver,
    open_sandbox,
    path_of,
)

TRANSCRIPTS = "/intelligence/v2/Transcripts"


def a_call(number: int = 1, *said: str, language: str = "en-US", day: int = 20) -> ReportedCall:
    """A call in which the agent greets and the caller says `said`."""
    sentences = [Sentence("agent", "Hello, how can I help you?", 0.5, 2.0)]
    sentences += [Sentence("caller", text, 3.0 + 2 * i, 4.5 + 2 * i) for i, text in enumerate(said)]
    return ReportedCall(
        call_sid=f"CA{number:032x}",
        session_id=f"VX{number:032x}",
        caller="+15555550101",
        called="+15555550100",
        language=language,
        started_at=datetime(2026, 11, day, 10, tzinfo=UTC),
        duration_s=12.4,
        sentences=sentences,
    )


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, INTELLIGENCE_PUBLIC_URL=receiver.url) as opened:
        yield opened


async def test_a_reported_call_becomes_a_transcript_and_a_signed_webhook(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    sid = await sandbox.report(a_call(1, "When are you open?"))
    queued = (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}")).json
    assert queued["status"] == "queued"
    await eventually_async(lambda: receiver.seen)
    url, headers, body = receiver.seen[0]
    assert url.startswith(receiver.url + "/webhook?bodySHA256=")
    assert RequestValidator(AUTH_TOKEN).validate(url, body.decode(), headers["X-Twilio-Signature"])
    assert headers["Content-Type"] == "application/json"
    assert msgspec.json.decode(body) == {
        "account_sid": ACCOUNT_SID,
        "service_sid": INTELLIGENCE_SID,
        "transcript_sid": sid,
        "customer_key": "CA" + "0" * 31 + "1",
        "event_type": "voice_intelligence_transcript_available",
    }
    done = (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}")).json
    assert (done["status"], done["duration"], done["media_start_time"]) == (
        "completed",
        12,
        "2026-11-20T10:00:00Z",
    )
    media = done["channel"]["media_properties"]
    assert media["reference_sids"] == {"call_sid": "CA" + "0" * 31 + "1"}
    assert [p["role"] for p in done["channel"]["participants"]] == ["Virtual Agent", "Customer"]


async def test_the_sdk_reads_transcripts_sentences_and_results(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    sid = await sandbox.report(a_call(1, "When are you open?", "Perfect, thanks!"))
    await eventually_async(lambda: receiver.seen)

    def story(client: Client) -> None:
        v2 = client.intelligence.v2
        assert [t.sid for t in v2.transcripts.list(page_size=10)] == [sid]
        transcript = v2.transcripts(sid)
        assert transcript.fetch().customer_key == "CA" + "0" * 31 + "1"
        sentences = transcript.sentences.list(word_timestamps=True)
        assert [(s.media_channel, s.transcript) for s in sentences] == [
            (1, "Hello, how can I help you?"),
            (2, "When are you open?"),
            (2, "Perfect, thanks!"),
        ]
        assert [w["word"] for w in sentences[1].words] == ["When", "are", "you", "open?"]
        assert (float(sentences[1].words[0]["start_time"]), float(sentences[1].words[-1]["end_time"])) == (
            3.0,
            4.5,
        )
        results = {result.name: result for result in transcript.operator_results.list()}
        assert results["Sentiment Analysis"].predicted_label == "positive"
        assert results["Customer Effort Score"].json_results["score"] == 7
        one = transcript.operator_results(results["Legal Risk"].operator_sid).fetch()
        assert one.json_results == {"findings": []}
        assert v2.services(INTELLIGENCE_SID).fetch().webhook_url == receiver.url + "/webhook"

    await sandbox.through_sdk(story)


async def test_words_are_told_only_when_they_are_asked_for(sandbox: Sandbox) -> None:
    sid = await sandbox.report(a_call(1, "Hello"))
    sentences = (await sandbox.twilio("GET", f"{TRANSCRIPTS}/{sid}/Sentences")).json["sentences"]
    assert [s["words"] for s in sentences] == [None, None]


async def test_a_call_reported_twice_is_one_transcript(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    first = await sandbox.report(a_call(1, "Hello"))
    assert await sandbox.report(a_call(1, "Hello")) == first
    await sandbox.report(a_call(2, "Hello"))
    await eventually_async(lambda: len(receiver.seen) == 2)
    assert len((await sandbox.twilio("GET", TRANSCRIPTS)).json["transcripts"]) == 2


async def test_transcripts_are_listed_newest_first_filtered_and_in_pages(sandbox: Sandbox) -> None:
    sids = [
        await sandbox.report(a_call(i, "Hi", language=tag, day=i))
        for i, tag in ((1, "en-US"), (2, "pt-BR"), (3, "en-US"))
    ]

    async def listed(query: str) -> list[str]:
        found, path = [], f"{TRANSCRIPTS}?{query}"
        while path:
            page = (await sandbox.twilio("GET", path)).json
            found += [t["sid"] for t in page["transcripts"]]
            path = path_of(page["meta"]["next_page_url"]) if page["meta"]["next_page_url"] else ""
        return found

    assert await listed("PageSize=1") == sids[::-1]
    assert await listed("LanguageCode=pt-BR") == [sids[1]]
    assert await listed("AfterStartTime=2026-11-02T00:00:00Z&PageSize=1") == [sids[2], sids[1]]
    assert await listed("BeforeStartTime=2026-11-02T00:00:00%2B00:00") == [sids[0]]
    assert await listed("AfterDateCreated=2099-01-01T00:00:00Z") == []
    assert await listed(f"SourceSid=VX{1:032x}") == [sids[0]]
    assert await listed("ServiceSid=GA" + "0" * 32) == []
    answer = await sandbox.twilio("GET", f"{TRANSCRIPTS}?AfterDateCreated=yesterday")
    assert (answer.status, answer.json["code"]) == (400, 20001)


async def test_a_transcript_left_unfinished_by_a_stop_is_finished_by_the_next_start(
    tmp_path: Path, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    async with open_sandbox(tmp_path, INTELLIGENCE_PUBLIC_URL=receiver.url) as before:
        sid = await before.report(a_call(1, "Hello"))
    assert receiver.seen == []
    async with open_sandbox(tmp_path, INTELLIGENCE_PUBLIC_URL=receiver.url) as after:
        await eventually_async(lambda: receiver.seen)
        assert (await after.twilio("GET", f"{TRANSCRIPTS}/{sid}")).json["status"] == "completed"


async def test_nobody_reports_a_call_without_the_accounts_credentials(sandbox: Sandbox) -> None:
    body, json = msgspec.json.encode(a_call(1, "Hello")), {"Content-Type": "application/json"}
    answer = await sandbox.request("POST", "/control/reports", data=body, headers=json)
    assert answer.status == 401
    bearer = {**json, "Authorization": "Bearer sandbox-operator-token"}
    answer = await sandbox.request("POST", "/control/reports", data=body, headers=bearer)
    assert answer.status == 201


@pytest.mark.parametrize("body", [{}, {"call_sid": 1}, [], "no"])
async def test_a_malformed_report_is_refused(sandbox: Sandbox, body: Any) -> None:
    assert (await sandbox.control("POST", "reports", body)).status == 400
