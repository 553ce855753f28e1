"""Conversations as time goes by: timers, receipts, changes a second. The clock is moved, nobody waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from sandbox.limits import MutationLimit
from tests.conftest import EventuallyAsync
from tests.sandbox_kit import Receiver, Sandbox, open_receiver, open_sandbox

ROOT = "/conversations/v1/Conversations"
MINUTE, HOUR = 60, 3600


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as opened:
        yield opened


@pytest.fixture
async def sandbox(tmp_path: Path, receiver: Receiver) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path, CONVERSATIONS_PUBLIC_URL=receiver.url) as opened:
        yield opened


async def make(sandbox: Sandbox, **form: str) -> str:
    answer = await sandbox.twilio("POST", ROOT, **form)
    assert answer.status == 201, answer
    return str(answer.json["sid"])


async def state_of(sandbox: Sandbox, sid: str) -> tuple[str, set[str]]:
    found = (await sandbox.twilio("GET", f"{ROOT}/{sid}")).json
    return found["state"], set(found["timers"])


async def add_phone(sandbox: Sandbox, sid: str, address: str) -> None:
    binding = {"MessagingBinding__Address": address, "MessagingBinding__ProxyAddress": "+15555550100"}
    answer = await sandbox.twilio("POST", f"{ROOT}/{sid}/Participants", **binding)
    assert answer.status == 201, answer


def forms(receiver: Receiver, event_type: str) -> list[dict[str, str]]:
    found = [dict(parse_qsl(body.decode())) for _, _, body in receiver.seen]
    return [form for form in found if form["EventType"] == event_type]


async def test_timers_make_a_conversation_inactive_and_then_close_it_for_good(
    sandbox: Sandbox, receiver: Receiver, eventually_async: EventuallyAsync
) -> None:
    sid = await make(sandbox, State="active", Timers__Inactive="PT5M", Timers__Closed="PT1H")
    await sandbox.advance(4 * MINUTE)
    assert await state_of(sandbox, sid) == ("active", {"date_inactive", "date_closed"})
    await sandbox.advance(2 * MINUTE)
    assert await state_of(sandbox, sid) == ("inactive", {"date_closed"})
    await sandbox.advance(HOUR)
    assert await state_of(sandbox, sid) == ("closed", set())
    refused = await sandbox.twilio("POST", f"{ROOT}/{sid}", State="active")
    assert refused.json["code"] == 50377
    await eventually_async(lambda: len(receiver.seen) == 2)
    moves = [(f["StateFrom"], f["StateTo"], f["Reason"]) for f in forms(receiver, "onConversationStateUpdated")]
    assert moves == [("active", "inactive", "TIMER"), ("inactive", "closed", "TIMER")]


async def test_a_message_wakes_an_inactive_conversation_and_starts_its_timers_again(sandbox: Sandbox) -> None:
    sid = await make(sandbox, State="active", Timers__Inactive="PT5M", Timers__Closed="PT1H")
    await sandbox.advance(6 * MINUTE)
    await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body="still here")
    assert await state_of(sandbox, sid) == ("active", {"date_inactive", "date_closed"})
    await sandbox.advance(4 * MINUTE)
    assert (await state_of(sandbox, sid))[0] == "active"
    await sandbox.advance(2 * MINUTE)
    assert (await state_of(sandbox, sid))[0] == "inactive"


async def test_the_accounts_own_timers_count_for_new_conversations(sandbox: Sandbox) -> None:
    configuration = "/conversations/v1/Configuration"
    refused = await sandbox.twilio("POST", configuration, DefaultClosedTimer="PT1M")
    assert (refused.status, refused.json["code"]) == (400, 20001)
    await sandbox.twilio("POST", configuration, DefaultClosedTimer="PT10M")
    sid = await make(sandbox)
    await sandbox.advance(11 * MINUTE)
    assert (await state_of(sandbox, sid))[0] == "closed"


async def test_timers_go_on_after_a_restart(tmp_path: Path) -> None:
    async with open_sandbox(tmp_path) as before:
        sid = await make(before, State="active", Timers__Inactive="PT5M")
    async with open_sandbox(tmp_path) as after:
        await after.advance(6 * MINUTE)
        assert (await state_of(after, sid))[0] == "inactive"


async def test_timers_without_a_state_are_refused_when_that_is_asked_for(sandbox: Sandbox) -> None:
    await make(sandbox, Timers__Inactive="PT5M")
    await sandbox.control("PUT", "limits", {"mutations_per_s": 30, "timers_need_state": True})
    answer = await sandbox.twilio("POST", ROOT, Timers__Inactive="PT5M")
    assert (answer.status, answer.json["code"]) == (400, 50382)


@pytest.mark.parametrize(
    ("address", "statuses", "error_code"),
    [
        ("+15555550123", ["delivered"], 0),
        ("whatsapp:+15555550123", ["read"], 0),
        ("+15555559999", ["undelivered"], 30003),
        ("+15555559998", ["failed"], 30005),
    ],
)
async def test_receipts_go_on_to_what_the_number_stands_for(
    sandbox: Sandbox, address: str, statuses: list[str], error_code: int
) -> None:
    sid = await make(sandbox)
    await add_phone(sandbox, sid, address)
    message = (await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body="Hello")).json
    assert message["delivery"]["sent"] == "all"
    await sandbox.advance(10)
    path = f"{ROOT}/{sid}/Messages/{message['sid']}"
    receipts = (await sandbox.twilio("GET", f"{path}/Receipts")).json["delivery_receipts"]
    assert [(r["status"], r["error_code"]) for r in receipts] == [(status, error_code) for status in statuses]
    delivery = (await sandbox.twilio("GET", path)).json["delivery"]
    assert delivery[statuses[0]] == "all"
    assert delivery["total"] == 1


async def test_a_message_to_several_phones_is_delivered_to_some(sandbox: Sandbox) -> None:
    sid = await make(sandbox)
    for address in ("+15555550123", "+15555559999"):
        await add_phone(sandbox, sid, address)
    message = (await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body="Hello")).json
    await sandbox.advance(10)
    delivery = (await sandbox.twilio("GET", f"{ROOT}/{sid}/Messages/{message['sid']}")).json["delivery"]
    assert (delivery["delivered"], delivery["undelivered"], delivery["read"]) == ("some", "some", "none")


async def test_a_text_that_is_too_long_fails_on_a_phone_and_not_in_a_chat(sandbox: Sandbox) -> None:
    sid = await make(sandbox)
    long = "x" * 1601
    assert (await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body=long)).json["delivery"] is None
    await add_phone(sandbox, sid, "+15555550123")
    message = (await sandbox.twilio("POST", f"{ROOT}/{sid}/Messages", Body=long)).json
    await sandbox.advance(1)
    receipts = await sandbox.twilio("GET", f"{ROOT}/{sid}/Messages/{message['sid']}/Receipts")
    assert receipts.json["delivery_receipts"][0]["error_code"] == 21617


async def test_thirty_changes_a_second_are_enough_and_reads_are_not_counted(sandbox: Sandbox) -> None:
    sid = await make(sandbox)

    def story(client: Client) -> tuple[int, Any]:
        talk = client.conversations.v1.conversations(sid)
        for number in range(200):
            talk.fetch()
            try:
                talk.update(friendly_name=str(number))
            except TwilioRestException as error:
                return number, error
        return 200, None

    await sandbox.control("PUT", "limits", {"mutations_per_s": 3})
    allowed, error = await sandbox.through_sdk(story)
    assert (error.status, error.code) == (429, 50063)
    assert allowed >= 3
    await sandbox.control("PUT", "limits", {"mutations_per_s": 0})
    assert (await sandbox.twilio("POST", f"{ROOT}/{sid}", FriendlyName="free again")).status == 200


def test_the_limit_counts_each_key_by_itself_and_only_within_the_second() -> None:
    now = [0.0]
    limit = MutationLimit(2, lambda: now[0])
    assert [limit.admit("a") for _ in range(3)] == [True, True, False]
    assert limit.admit("b") is True
    now[0] = 1.0
    assert limit.admit("a") is True


async def test_one_conversations_changes_do_not_count_for_another(sandbox: Sandbox) -> None:
    first, second = await make(sandbox), await make(sandbox)
    await sandbox.control("PUT", "limits", {"mutations_per_s": 1})
    statuses = [(await sandbox.twilio("POST", f"{ROOT}/{first}/Messages", Body="x")).status for _ in range(9)]
    assert 429 in statuses
    assert (await sandbox.twilio("POST", f"{ROOT}/{second}/Messages", Body="x")).status == 201
