"""`/api/events`: server-sent events that are resumed by Last-Event-ID."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from conversations_api.parts import FEED
from tests.conversations_kit import BEARER, Platform, open_platform


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with open_platform(tmp_path) as opened:
        yield opened


class Stream:
    """The events of one answer, in the order they came."""

    def __init__(self, response: object) -> None:
        self._response = response

    async def event(self, *topics: str) -> tuple[str, str, object]:
        """(id, event, data) of the next event of these topics."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(5):
            async for line in self._response.content:  # type: ignore[attr-defined]
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name and value:
                    fields[name] = value
                elif fields:
                    if fields.get("event") in topics:
                        return fields["id"], fields["event"], msgspec.json.decode(fields["data"])
                    fields = {}
        raise AssertionError("the stream ended")


@asynccontextmanager
async def listen(platform: Platform, last: str = "") -> AsyncIterator[Stream]:
    headers = {**BEARER, **({"Last-Event-ID": last} if last else {})}
    async with platform.client.get("/api/events", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield Stream(response)


async def test_two_operators_see_each_others_changes(platform: Platform) -> None:
    async with listen(platform) as first, listen(platform) as second:
        await first.event("hello")
        await second.event("hello")
        made = await platform.call("POST", "/api/conversations", {"friendlyName": "Ana"})
        for stream in (first, second):
            _, _, data = await stream.event("conversations")
            assert isinstance(data, dict)
            assert (data["event_type"], data["sid"]) == ("onConversationAdded", made.json["sid"])


async def test_who_comes_back_gets_what_was_missed_once(platform: Platform) -> None:
    async with listen(platform) as stream:
        last, _, _ = await stream.event("hello")
    feed = platform.client.app[FEED]
    feed.publish("calls", b'{"n":1}')
    feed.publish("calls", b'{"n":2}')
    async with listen(platform, last) as stream:
        first = await stream.event("calls", "resync")
        second = await stream.event("calls", "resync")
        assert (first[2], second[2]) == ({"n": 1}, {"n": 2})
    async with listen(platform, first[0]) as stream:
        assert (await stream.event("calls", "resync"))[2] == {"n": 2}


async def test_a_position_that_is_gone_means_reading_anew(platform: Platform) -> None:
    feed = platform.client.app[FEED]
    before = feed.head
    async with listen(platform, "17") as stream:
        key, topic, _ = await stream.event("resync", "calls")
        assert topic == "resync"
        assert before <= int(key) <= feed.head  # the service may publish something meanwhile


@pytest.mark.parametrize("last", ["x", "-1", "9" * 30, "１７"])
async def test_a_position_that_is_none_begins_now(platform: Platform, last: str) -> None:
    feed = platform.client.app[FEED]
    before = feed.head
    async with listen(platform, last) as stream:
        assert before <= int((await stream.event("hello"))[0]) <= feed.head


async def test_strangers_hear_nothing_and_a_stopping_service_sends_away(platform: Platform) -> None:
    async with platform.client.get("/api/events") as response:
        assert response.status == 401
    async with listen(platform) as stream:
        await stream.event("hello")
        platform.client.app[FEED].close()
    assert (await platform.call("GET", "/api/events")).status == 503
