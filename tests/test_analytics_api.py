"""The analytics over HTTP: today's summary, buckets, pages of calls, malformed questions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from shared.journal import Journal
from shared.operators import Role
from shared.records import CallEnded, CallStarted, IntelResult, LegalRisk
from shared.service import OPERATORS
from signal_analytics.app import create_app
from tests.conftest import EventuallyAsync, MakeSettings

BEARER = {"Authorization": "Bearer test-operator-token"}


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


class Platform:
    """The journals of the other services, and the analytics that follow them."""

    def __init__(self, data_dir: Path) -> None:
        self._calls = Journal.open(data_dir, "calls")
        self._results = Journal.open(data_dir, "intel_results")
        self.client: Any = None

    def close(self) -> None:
        self._calls.close()
        self._results.close()

    async def call(self, number: int, at: datetime | None = None, language: str = "en-US", **scores: Any) -> None:
        """A whole call of one minute and its result."""
        begun = at or datetime.now(UTC)
        start = CallStarted(
            at=begun,
            call_sid=sid("CA", number),
            session_id="VX",
            caller="+15550100100",
            called="+15550100101",
            direction="inbound",
            language=language,
            agent="ana",
        )
        end = CallEnded(call_sid=sid("CA", number), reason="completed", duration_s=60, turns=3)
        result = IntelResult(
            source="v2", transcript_sid=sid("GT", number), call_sid=sid("CA", number), started_at=begun
        )
        for name, value in scores.items():
            setattr(result, name, value)
        await self._calls.commit(start)
        await self._calls.commit(end)
        await self._results.commit(result)

    async def get(self, path: str, expected: int = 200, **query: str) -> Any:
        async with self.client.get(path, params=query, headers=BEARER) as response:
            assert response.status == expected, await response.text()
            return await response.json(content_type=None)


@pytest.fixture
async def platform(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[Platform]:
    settings = make_settings("signal_analytics", tmp_path)
    platform = Platform(settings.data_dir)
    async with TestClient(TestServer(create_app(settings))) as client:
        platform.client = client
        yield platform
    platform.close()


async def summary_of(platform: Platform, calls: int) -> dict[str, Any] | None:
    """Today's summary once it counts so many calls with a CSAT, None before."""
    found: dict[str, Any] = await platform.get("/api/summary")
    return found if found["csat"]["n"] == calls else None


async def test_a_call_is_in_the_summary_soon_after_its_result(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    worse = LegalRisk(score=72, band="high")
    await platform.call(1, csat=4, ces=6, sentiment="positive", legal_risk=worse)
    await platform.call(2, csat=2, ces=4, sentiment="mixed", legal_risk=LegalRisk(score=10, band="low"))
    found = await eventually_async(lambda: summary_of(platform, 2), 2.0)
    assert (found["calls"], found["timezone"], found["skipped_lines"]) == (2, "UTC", 0)
    assert found["date"] == datetime.now(UTC).date().isoformat()
    assert (found["csat"]["mean"], found["csat"]["top2_pct"]) == (3.0, 50.0)
    assert found["csat"]["low"] == pytest.approx(9.45, abs=0.01)
    assert (found["ces"]["mean"], found["ces"]["easy_pct"]) == (5.0, 50.0)
    assert (found["sentiment"]["mixed_pct"], found["sentiment"]["net"]) == (50.0, 0.5)
    risk = found["legal_risk"]
    assert (risk["mean"], risk["p95"], risk["high_pct"]) == (41.0, pytest.approx(68.9), 50.0)


async def test_a_day_without_calls_has_nulls(platform: Platform) -> None:
    found = await platform.get("/api/summary", tz="America/Sao_Paulo")
    assert (found["calls"], found["timezone"]) == (0, "America/Sao_Paulo")
    assert (found["csat"]["n"], found["csat"]["mean"], found["csat"]["top2_pct"]) == (0, None, None)


async def test_buckets_follow_the_callers_clock_and_empty_ones_are_there(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    await platform.call(1, datetime(2026, 11, 20, 2, 30, tzinfo=UTC), csat=5)  # the 19th in São Paulo
    await platform.call(2, datetime(2026, 11, 21, 12, 0, tzinfo=UTC), csat=3)
    await platform.call(3, csat=1)
    await eventually_async(lambda: summary_of(platform, 1))
    asked = {"bucket": "day", "tz": "America/Sao_Paulo", "from": "2026-11-19", "to": "2026-11-22"}
    buckets = (await platform.get("/api/aggregates", **asked))["buckets"]
    assert [(bucket["start"], bucket["calls"], bucket["csat"]["mean"]) for bucket in buckets] == [
        ("2026-11-19T00:00:00-03:00", 1, 5.0),
        ("2026-11-20T00:00:00-03:00", 0, None),
        ("2026-11-21T00:00:00-03:00", 1, 3.0),
    ]


async def test_a_result_that_comes_late_lands_in_the_bucket_of_its_call(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    month_ago = datetime.now(UTC) - timedelta(days=40)
    await platform.call(1, month_ago, csat=5)
    await platform.call(2, csat=1)
    await eventually_async(lambda: summary_of(platform, 1))
    day = month_ago.date()
    asked = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}
    (bucket,) = (await platform.get("/api/aggregates", **asked))["buckets"]
    assert (bucket["calls"], bucket["csat"]["mean"]) == (1, 5.0)


@pytest.mark.parametrize(
    ("bucket", "count"), [("hour", 24), ("day", 30), ("week", 12), ("month", 12), ("quarter", 8), ("year", 5)]
)
async def test_without_a_period_the_latest_buckets_are_shown(platform: Platform, bucket: str, count: int) -> None:
    buckets = (await platform.get("/api/aggregates", bucket=bucket, tz="America/Sao_Paulo"))["buckets"]
    assert len(buckets) == count
    starts = [datetime.fromisoformat(found["start"]) for found in buckets]
    assert starts == sorted(starts)
    assert starts[-1] <= datetime.now(UTC)


async def test_filters_apply(platform: Platform, eventually_async: EventuallyAsync) -> None:
    await platform.call(1, csat=5, language="pt-BR")
    await platform.call(2, csat=1, language="en-US")
    await eventually_async(lambda: summary_of(platform, 2))
    assert (await platform.get("/api/summary", language="pt"))["csat"]["mean"] == 5.0
    assert (await platform.get("/api/summary", agent="nobody"))["calls"] == 0
    assert (await platform.get("/api/aggregates", bucket="year", channel="voice"))["buckets"][-1]["calls"] == 2


async def test_calls_are_listed_in_pages_newest_first(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    for number in range(5):
        await platform.call(number, csat=3)
    await eventually_async(lambda: summary_of(platform, 5))
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = await platform.get("/api/calls", **query)
        seen += [item["call_sid"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert seen == [sid("CA", number) for number in (4, 3, 2, 1, 0)]
    assert page["items"][0]["started_at"].endswith("Z")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/summary", {"tz": "Mars/Olympus"}),
        ("/api/summary", {"tz": "../../etc/passwd"}),
        ("/api/summary", {"tz": ""}),
        ("/api/aggregates", {"bucket": "decade"}),
        ("/api/aggregates", {"from": "yesterday"}),
        ("/api/aggregates", {"from": "2026-11-22", "to": "2026-11-22"}),
        ("/api/aggregates", {"from": "0001-01-01", "to": "0001-01-02", "tz": "Asia/Kolkata"}),
        ("/api/aggregates", {"from": "9999-12-31", "to": "9999-12-31T23:00", "bucket": "year"}),
        ("/api/aggregates", {"bucket": "hour", "from": "1990-01-01", "to": "2026-01-01"}),
        ("/api/aggregates", {"by": "phase of the moon"}),
        ("/api/aggregates", {"by": "segment:"}),
        ("/api/aggregates", {"segment": "gold"}),
        ("/api/aggregates", {"signal": "telepathic"}),
        ("/api/aggregates", {"compare": "once"}),
        ("/api/aggregates", {"compare": "2026-11-22..2026-11-21"}),
        ("/api/aggregates", {"compare": "2026-11-22.."}),
        ("/api/aggregates", {"compare": "year", "from": "0001-02-01", "to": "0001-02-02"}),
        ("/api/calls", {"limit": "0"}),
        ("/api/calls", {"limit": "-5"}),
        ("/api/calls", {"limit": "many"}),
        ("/api/calls", {"cursor": "not one of ours"}),
        ("/api/calls", {"cursor": "é"}),
        ("/api/calls", {"cursor": "WzFd"}),
    ],
)
async def test_a_malformed_question_is_a_problem_400(platform: Platform, path: str, query: dict[str, str]) -> None:
    found = await platform.get(path, 400, **query)
    assert found["status"] == 400
    assert found["detail"]


async def test_no_sign_in_no_numbers(platform: Platform) -> None:
    for path in ("/api/summary", "/api/aggregates", "/api/calls"):
        async with platform.client.get(path) as response:
            assert response.status == 401


async def test_times_with_an_offset_are_understood(platform: Platform) -> None:
    asked = {"bucket": "hour", "from": "2026-11-20T00:00:00+02:00", "to": "2026-11-20T02:00:00+02:00"}
    buckets = (await platform.get("/api/aggregates", **asked))["buckets"]
    assert [bucket["start"] for bucket in buckets] == ["2026-11-19T22:00:00+00:00", "2026-11-19T23:00:00+00:00"]


async def test_groups_and_comparisons(platform: Platform, eventually_async: EventuallyAsync) -> None:
    now = datetime.now(UTC)
    for number, language in enumerate(("pt-BR", "pt-BR", "en-US")):
        await platform.call(number, csat=5, language=language)
    await platform.call(9, now - timedelta(days=30), csat=1)
    await eventually_async(lambda: summary_of(platform, 3))
    found = await platform.get("/api/aggregates", by="language", compare="previous")
    assert [(group["group"], group["total"]["calls"]) for group in found["groups"]] == [("pt-BR", 2), ("en-US", 1)]
    assert (found["bucket"], found["tz"], found["by"], len(found["buckets"])) == ("day", "UTC", "language", 30)
    assert found["compare"]["to"] == found["from"]
    difference = found["compare"]["differences"]["csat.mean"]
    assert (difference["now"], difference["before"], difference["difference"]) == (5.0, 1.0, 4.0)
    several = await platform.get("/api/aggregates", language="en,es", direction="inbound")
    assert several["total"]["calls"] == 1


@pytest.mark.parametrize("compare", ["previous", "year", "2024-01-01..2024-02-01"])
async def test_a_leap_day_can_be_compared(platform: Platform, compare: str) -> None:
    asked = {"from": "2024-02-29", "to": "2024-03-01", "compare": compare}
    found = (await platform.get("/api/aggregates", **asked))["compare"]
    begins = {"previous": "2024-02-28", "year": "2023-02-28"}.get(compare, "2024-01-01")
    assert found["from"] == f"{begins}T00:00:00+00:00"


async def test_what_has_not_changed_is_not_sent_again(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    async def asked(tag: str) -> tuple[int, str]:
        headers = {**BEARER, "If-None-Match": tag}
        async with platform.client.get("/api/aggregates", headers=headers) as response:
            return response.status, response.headers["ETag"]

    _, tag = await asked('"none"')
    assert await asked(tag) == (304, tag)
    await platform.call(1, csat=5)
    await eventually_async(lambda: summary_of(platform, 1))
    status, newer = await asked(tag)
    assert (status, newer == tag) == (200, False)


async def test_listeners_hear_of_a_result_within_two_seconds(platform: Platform) -> None:
    async with platform.client.get("/api/live", headers=BEARER) as stream:
        assert stream.content_type == "text/event-stream"
        assert (await event_of(stream))[0] == "hello"
        written = asyncio.get_running_loop().time()
        await platform.call(1, csat=5)
        while True:
            name, data = await asyncio.wait_for(event_of(stream), 5)
            assert name == "change"
            if data["calls"][0]["csat"] == 5.0:
                break
        assert asyncio.get_running_loop().time() - written < 2.0
        assert data["calls"][0]["call_sid"] == sid("CA", 1)
        assert data["total"] == 1


async def event_of(stream: Any) -> tuple[str, Any]:
    """The next event of a stream: its name and its data."""
    name = ""
    while True:
        line = (await stream.content.readline()).decode().strip()
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            return name, msgspec.json.decode(line.removeprefix("data: "))


async def test_lines_that_cannot_be_read_are_listed(
    platform: Platform, tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    (tmp_path / "data" / "calls.import.ndjson").write_bytes(b'{"half":\n')

    async def listed() -> Any:
        found = await platform.get("/api/skipped")
        return found if found["total"] else None

    found = await eventually_async(listed)
    assert found["total"] == 1
    item = found["items"][0]
    assert (item["stream"], item["file"], item["line"]) == ("calls", "calls.import.ndjson", 1)
    assert item["reason"]


async def test_a_viewer_sees_numbers_and_neither_callers_nor_words(
    platform: Platform, eventually_async: EventuallyAsync
) -> None:
    await platform.call(1, csat=5, summary="The caller asked for the opening hours.")
    await eventually_async(lambda: summary_of(platform, 1))
    (mine,) = (await platform.get("/api/calls"))["items"]
    assert (mine["caller"], mine["evidence"]["summary"][:10]) == ("+15550100100", "The caller")
    token = platform.client.app[OPERATORS].add("vera", Role.VIEWER)
    headers = {"Authorization": f"Bearer {token}"}
    async with platform.client.get("/api/calls", headers=headers) as response:
        (theirs,) = (await response.json())["items"]
    assert (theirs["caller"], theirs["evidence"], theirs["csat"]) == (None, None, 5.0)
