"""The sandbox's Segment Profile API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from dialogue.customer import customer_traits
from sandbox.callers import default_caller
from sandbox.segment import customers
from shared.config import SegmentSettings
from tests.sandbox_kit import SEGMENT_SECRET, SEGMENT_SPACE, Answer, Sandbox, open_sandbox

EMILY = "phone:+15555550101"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


async def profile(sandbox: Sandbox, who: str, rest: str, *, secret: str = SEGMENT_SECRET) -> Answer:
    headers = {"Authorization": aiohttp.encode_basic_auth(secret, "")}
    root = f"/segment/v1/spaces/{SEGMENT_SPACE}/collections/users/profiles"
    return await sandbox.request("GET", f"{root}/{quote(who, safe=':')}/{rest}", headers=headers)


@pytest.mark.parametrize(
    ("language", "name"), [("en-GB", "Emily"), ("pt-BR", "Ana"), ("es-ES", "Lucía"), (None, "Emily")]
)
async def test_the_default_caller_of_a_language_is_a_known_customer(
    sandbox: Sandbox, language: str | None, name: str
) -> None:
    answer = await profile(sandbox, f"phone:{default_caller(language)}", "traits?limit=200")
    assert answer.json["traits"]["first_name"] == name
    assert answer.headers["Request-Id"]


async def test_our_own_reader_finds_the_customer(sandbox: Sandbox) -> None:
    settings = SegmentSettings(SEGMENT_SPACE, SEGMENT_SECRET, base_url=f"{sandbox.url}/segment/v1")
    found = await customer_traits(sandbox.session, settings, "+551155550101")
    assert found["first_name"] == "Ana"
    assert await customer_traits(sandbox.session, settings, "+15555550199") == {}


async def test_a_profile_is_found_by_any_of_its_ids(sandbox: Sandbox) -> None:
    for who in (EMILY, "email:emily.carter@example.com", "user_id:cus_emily"):
        assert (await profile(sandbox, who, "traits")).json["traits"]["first_name"] == "Emily", who


async def test_traits_beyond_twenty_are_left_for_the_next_page(sandbox: Sandbox) -> None:
    first = (await profile(sandbox, EMILY, "traits")).json
    assert len(first["traits"]) == 20
    assert first["cursor"]["has_more"] is True
    second = (await profile(sandbox, EMILY, f"traits?next={first['cursor']['next']}")).json
    assert set(first["traits"]) | set(second["traits"]) == set(customers()[0].traits)
    assert second["cursor"] == {**second["cursor"], "has_more": False, "next": ""}


async def test_traits_can_be_chosen_and_explained(sandbox: Sandbox) -> None:
    chosen = (await profile(sandbox, EMILY, "traits?include=tier,city")).json["traits"]
    assert chosen == {"tier": "gold", "city": "Portland"}
    verbose = (await profile(sandbox, EMILY, "traits?include=tier&verbose=true")).json["traits"]
    assert set(verbose["tier"]) == {"value", "source_id", "updated_at"}


async def test_external_ids_and_events_are_listed(sandbox: Sandbox) -> None:
    ids = (await profile(sandbox, EMILY, "external_ids")).json["data"]
    assert {(i["type"], i["id"]) for i in ids} >= {("phone", "+15555550101"), ("user_id", "cus_emily")}
    events = (await profile(sandbox, EMILY, "events?limit=1")).json
    assert [event["event"] for event in events["data"]] == ["Order Completed"]
    assert events["cursor"]["has_more"] is True
    only = (await profile(sandbox, EMILY, "events?exclude=Order%20Completed")).json["data"]
    assert [event["event"] for event in only] == ["Page Viewed"]


@pytest.mark.parametrize(
    ("who", "rest", "secret", "status", "code"),
    [
        ("phone:+15555550199", "traits", SEGMENT_SECRET, 404, "not_found"),
        ("nobody", "traits", SEGMENT_SECRET, 400, "validation_error"),
        (EMILY, "traits?limit=201", SEGMENT_SECRET, 400, "validation_error"),
        (EMILY, "traits?limit=all", SEGMENT_SECRET, 400, "validation_error"),
        (EMILY, "traits", "wrong", 401, "authentication_error"),
        (EMILY, "nothing", SEGMENT_SECRET, 404, "not_found"),
    ],
)
async def test_errors_have_segments_shape(
    sandbox: Sandbox, who: str, rest: str, secret: str, status: int, code: str
) -> None:
    answer = await profile(sandbox, who, rest, secret=secret)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    assert set(answer.json["error"]) == {"code", "message"}


def test_every_seeded_number_is_fictional() -> None:
    numbers = [customer.ids["phone"] for customer in customers()]
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        assert number.startswith(("+1555555010", "+55115555010", "+3455501010")), number
