"""Twilio's Conversations events: verified, journalled once, acknowledged when durable."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from conversations_api.deliveries import STREAM, Deliveries, event_key
from shared.journal import Journal
from shared.records import ConversationEvent
from shared.signature import sign_form
from tests.conversations_kit import AUTH_TOKEN, PUBLIC_URL, Answer, Platform, journal_lines, open_platform, sid

PATH = "/webhooks/conversations"
MESSAGE = {
    "AccountSid": sid("AC"),
    "EventType": "onMessageAdded",
    "ChatServiceSid": sid("IS"),
    "ConversationSid": sid("CH"),
    "MessageSid": sid("IM"),
    "Body": "Olá, tudo bem? 1+1=2 & mais",
    "Author": "+15550100",
    "Media": "",
    "Index": "1",
    "RetryCount": "0",
}


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


async def post(
    platform: Platform,
    fields: dict[str, str],
    *,
    path: str = PATH,
    token: str = AUTH_TOKEN,
    signature: str | None = None,
    body: bytes | None = None,
) -> Answer:
    """What Twilio sends."""
    signed = signature if signature is not None else sign_form(PUBLIC_URL + path, fields, token)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signed}
    data = urlencode(fields).encode() if body is None else body
    async with platform.client.post(path, data=data, headers=headers) as response:
        return Answer(response.status, response.headers, await response.read())


def events(platform: Platform) -> list[dict[str, object]]:
    return journal_lines(platform.settings.data_dir, STREAM)


async def test_a_signed_event_is_on_disk_when_it_is_acknowledged(platform: Platform) -> None:
    answer = await post(platform, MESSAGE)
    assert (answer.status, answer.json) == (200, {})
    (event,) = events(platform)
    assert (event["event_type"], event["source"]) == ("onMessageAdded", "webhook")
    assert (event["conversation_sid"], event["sid"]) == (sid("CH"), sid("IM"))
    assert event["payload"] == MESSAGE


async def test_the_query_of_the_configured_address_is_part_of_what_is_signed(platform: Platform) -> None:
    assert (await post(platform, MESSAGE, path=f"{PATH}?a=%20b&c=+")).status == 200
    signature = sign_form(f"{PUBLIC_URL}{PATH}?a=1", MESSAGE, AUTH_TOKEN)
    assert (await post(platform, MESSAGE, path=f"{PATH}?a=2", signature=signature)).status == 403


@pytest.mark.parametrize("signature", ["", "x", "é", "A" * 5_000])
async def test_without_a_valid_signature_nothing_is_written(platform: Platform, signature: str) -> None:
    answer = await post(platform, MESSAGE, signature=signature)
    assert (answer.status, events(platform)) == (403, [])


async def test_another_accounts_signature_is_refused(platform: Platform) -> None:
    assert (await post(platform, MESSAGE, token="another")).status == 403


@pytest.mark.parametrize("changed", [{"Body": "Send money"}, {"Media": "x"}, {"Extra": ""}])
async def test_a_changed_or_added_field_is_refused(platform: Platform, changed: dict[str, str]) -> None:
    signature = sign_form(PUBLIC_URL + PATH, MESSAGE, AUTH_TOKEN)
    assert (await post(platform, MESSAGE | changed, signature=signature)).status == 403
    assert events(platform) == []


async def test_forwarded_headers_have_no_say(platform: Platform) -> None:
    signature = sign_form(f"https://evil.example{PATH}", MESSAGE, AUTH_TOKEN)
    headers = {
        "X-Twilio-Signature": signature,
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Host": "evil.example",
    }
    async with platform.client.post(PATH, data=MESSAGE, headers=headers) as response:
        assert response.status == 403


async def test_a_redelivery_is_acknowledged_and_written_once(platform: Platform) -> None:
    for retry in ("0", "1", "2"):
        assert (await post(platform, MESSAGE | {"RetryCount": retry})).status == 200
    assert len(events(platform)) == 1


async def test_deliveries_at_the_same_moment_are_written_once(platform: Platform) -> None:
    answers = await asyncio.gather(*[post(platform, MESSAGE) for _ in range(20)])
    assert {answer.status for answer in answers} == {200}
    assert len(events(platform)) == 1


async def test_another_event_about_the_same_message_is_written(platform: Platform) -> None:
    await post(platform, MESSAGE)
    await post(platform, MESSAGE | {"EventType": "onMessageUpdated", "DateUpdated": "2026-11-22T10:00:01Z"})
    assert [event["event_type"] for event in events(platform)] == ["onMessageAdded", "onMessageUpdated"]


async def test_a_replay_after_a_restart_is_still_known(tmp_path: Path) -> None:
    for _ in range(2):
        async with open_platform(tmp_path) as platform:
            assert (await post(platform, MESSAGE)).status == 200
            assert len(events(platform)) == 1


def throw_away_index(data_dir: Path) -> None:
    for path in data_dir.glob("conversations_index.sqlite*"):
        path.unlink()


async def test_the_index_of_deliveries_can_be_thrown_away(tmp_path: Path) -> None:
    async with open_platform(tmp_path) as platform:
        await post(platform, MESSAGE)
    throw_away_index(tmp_path)
    async with open_platform(tmp_path) as platform:
        await post(platform, MESSAGE)
        assert len(events(platform)) == 1


async def test_catching_up_reads_only_what_is_new(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, STREAM)
    await journal.commit(ConversationEvent(event_type="a", source="webhook", event_key="one"))
    deliveries = Deliveries(tmp_path)
    deliveries.catch_up()
    await journal.commit(ConversationEvent(event_type="b", source="webhook", event_key="two"))
    deliveries.close()
    journal.close()
    reopened = Deliveries(tmp_path)
    before = reopened.known("one"), reopened.known("two")
    reopened.catch_up()
    assert (before, reopened.known("two")) == ((True, False), True)
    reopened.close()


def test_the_key_tells_fields_apart_that_read_alike() -> None:
    assert event_key([("a", "bc")]) != event_key([("ab", "c")])
    assert event_key([("a", "1"), ("b", "2")]) == event_key([("b", "2"), ("a", "1"), ("RetryCount", "5")])


async def test_an_unknown_event_is_kept(platform: Platform) -> None:
    assert (await post(platform, {"EventType": "onSomethingNew", "A": "b"})).status == 200
    assert events(platform)[0]["event_type"] == "onSomethingNew"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"\xff\xfe", 400), (b"a=%ff", 400), (b"&".join([b"a=b"] * 600), 400), (b"a=" + b"x" * 300_000, 413)],
)
async def test_a_body_that_is_no_form_of_twilios_is_refused(platform: Platform, body: bytes, status: int) -> None:
    answer = await post(platform, MESSAGE, body=body)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert events(platform) == []


async def test_a_full_disk_is_a_503_and_the_redelivery_is_taken(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fdatasync", full)
        answer = await post(platform, MESSAGE)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert (await post(platform, MESSAGE)).status == 200


async def test_signatures_can_be_switched_off_on_loopback_only(tmp_path: Path) -> None:
    async with open_platform(tmp_path, TWILIO_VALIDATE_SIGNATURES="false") as platform:
        assert (await post(platform, MESSAGE, signature="")).status == 200
