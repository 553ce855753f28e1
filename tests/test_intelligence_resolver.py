"""From an accepted event to its one result: reading Twilio over REST, trying again, giving up with a reason."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from intelligence_webhooks import payload
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.reconcile import AlreadyRunning, reconcile
from intelligence_webhooks.resolver import Resolver
from intelligence_webhooks.schedule import NotCompleted, Schedule
from intelligence_webhooks.store import Store, open_store
from intelligence_webhooks.twilio_reads import BadAnswer, ReadRefused, TwilioReads, Unavailable
from shared.config import Settings
from shared.journal_reader import Entry, JournalReader
from shared.records import DeadLetter, IntelResult, decode
from tests.conftest import EventuallyAsync, MakeSettings
from tests.intelligence_kit import CALL_SID, Upstream, fixture, fixture_bytes, sid, v2_body

QUICK = Schedule(first_s=0.01, longest_s=0.05, patient_tries=5, short_tries=2)


class Running:
    """A store whose events are being resolved against an upstream."""

    def __init__(self, store: Store, reads: TwilioReads) -> None:
        self.store = store
        self.reads = reads

    async def accept(self, body: bytes) -> bool:
        delivery = Delivery(body, {"content-type": "application/json"})
        return await asyncio.to_thread(self.store.intake.accept, payload.parse(body), delivery)

    def results(self) -> list[IntelResult]:
        return _records(self.store.settings, "intel_results", IntelResult)

    def dead_letters(self) -> list[DeadLetter]:
        return _records(self.store.settings, "dead_letters", DeadLetter)

    def unresolved(self) -> int:
        return self.store.ledger.totals().unresolved


def _records(settings: Settings, stream: str, kind: type[Any]) -> list[Any]:
    lines = JournalReader(settings.data_dir, stream).read()
    records = [decode(line.raw) for line in lines if isinstance(line, Entry)]
    return [record for record in records if isinstance(record, kind)]


@pytest.fixture
async def upstream() -> Upstream:
    return Upstream()


Start = Callable[[], Any]


@pytest.fixture
async def start(upstream: Upstream, make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[Start]:
    """`async with start() as running`: the resolver at work on the same data directory each time."""
    server = TestServer(upstream.application())
    await server.start_server()
    settings = make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL=str(server.make_url("")))

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        store = open_store(settings)
        try:
            async with TwilioReads(store.account) as reads:
                task = asyncio.create_task(Resolver(store, reads, QUICK).run())
                try:
                    yield Running(store, reads)
                finally:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        finally:
            store.close()

    yield run
    await server.close()


def answer(status: int, times: int = 1_000_000, **headers: str) -> Callable[[web.Request], web.Response | None]:
    """A fault that answers the first `times` requests with this status."""
    left = [times]

    def fault(_: web.Request) -> web.Response | None:
        left[0] -= 1
        if left[0] < 0:
            return None
        return web.Response(
            status=status, text="<html>oops</html>", headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    return fault


def has_results(running: Running, count: int) -> bool:
    return len(running.results()) >= count


async def test_a_webhook_becomes_one_result_line(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put()
    async with start() as running:
        await running.accept(v2_body())
        (result,) = await eventually_async(running.results)
        assert (result.call_sid, result.csat, result.ces, result.sentiment) == (CALL_SID, 4.0, 6.0, "positive")
        assert len(result.operators) == len(fixture("operator_results_json"))  # over four pages of two
        await eventually_async(lambda: running.unresolved() == 0)


async def test_a_prompt_upstream_is_answered_within_a_second(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    for number in range(5):
        upstream.put(number)
    async with start() as running:
        await running.accept(v2_body(0))
        await eventually_async(running.results)
        slowest_s = 0.0
        for number in range(1, 5):
            started_s = time.monotonic()
            await running.accept(v2_body(number))
            await eventually_async(functools.partial(has_results, running, number + 1))
            slowest_s = max(slowest_s, time.monotonic() - started_s)
    assert slowest_s < 1.0


async def test_v3_results_are_written_without_asking_twilio(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    async with start() as running:
        await running.accept(fixture_bytes("webhook_v3"))
        await running.accept(fixture_bytes("webhook_v3_later_run"))
        await eventually_async(lambda: len(running.results()) == 2)
        assert [result.sentiment for result in running.results()] == ["mixed", "positive"]
        current = await eventually_async(lambda: running.store.ledger.results(10))
        assert [result.csat for result in current] == [4.0]
    assert upstream.seen == []


async def test_busy_and_broken_answers_are_tried_again(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put()
    upstream.faults = [answer(429, 1, Retry_After="0"), answer(503, 2), answer(500, 2)]
    async with start() as running:
        await running.accept(v2_body())
        await eventually_async(running.results)
        assert running.dead_letters() == []


async def test_a_transcript_that_is_not_completed_yet_is_read_later(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put(transcript="transcript_in_progress")
    async with start() as running:
        await running.accept(v2_body())
        await eventually_async(lambda: len(upstream.seen) >= 2)
        assert running.results() == []
        upstream.put()
        await eventually_async(running.results)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_read_is_a_dead_letter_at_once(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync, status: int
) -> None:
    upstream.faults = [answer(status)]
    async with start() as running:
        await running.accept(v2_body())
        (letter,) = await eventually_async(running.dead_letters)
        assert (letter.reason, letter.body.encode()) == ("read_refused", v2_body())
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (answer(404), "transcript_not_found"),
        (answer(200), "answer_not_understood"),
        (answer(302, Location="http://127.0.0.1:9/"), "answer_not_understood"),
        (answer(500), "twilio_unavailable"),
    ],
    ids=["not found", "no JSON", "a redirect", "an outage"],
)
async def test_tries_are_bounded_and_end_as_a_dead_letter(
    upstream: Upstream,
    start: Start,
    eventually_async: EventuallyAsync,
    fault: Callable[[web.Request], web.Response | None],
    reason: str,
) -> None:
    upstream.faults = [fault]
    async with start() as running:
        await running.accept(v2_body())
        (letter,) = await eventually_async(running.dead_letters, 20.0)
        assert letter.reason == reason
        await eventually_async(lambda: running.unresolved() == 0)
        assert "oops" not in letter.detail


async def test_a_failed_transcript_is_a_dead_letter(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put(transcript="transcript_failed")
    async with start() as running:
        await running.accept(v2_body())
        (letter,) = await eventually_async(running.dead_letters)
        assert letter.reason == "transcript_failed"


async def test_an_encrypted_transcript_is_a_result_that_says_so(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    transcript_sid = upstream.put()
    key = "CR" + "4" * 32
    upstream.transcripts[transcript_sid]["encryption_credential_sid"] = key
    # Twilio keeps the contents of such a transcript as cipher text behind a link of each.
    upstream.faults.append(
        lambda seen: web.json_response({"code": 20404}, status=404) if "Operator" in seen.path else None
    )
    async with start() as running:
        await running.accept(v2_body())
        await eventually_async(lambda: has_results(running, 1))
        (result,) = running.results()
        assert (result.transcript_sid, result.call_sid) == (transcript_sid, CALL_SID)
        assert (result.csat, result.legal_risk, result.summary) == (None, None, None)
        assert [(found.parsed, found.reason) for found in result.operators] == [(False, f"encrypted with {key}")]
        await eventually_async(lambda: running.unresolved() == 0)
        assert running.dead_letters() == []


async def test_the_readable_results_of_an_encrypted_transcript_are_scored(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    transcript_sid = upstream.put()
    upstream.transcripts[transcript_sid]["encryption_credential_sid"] = "CR" + "4" * 32
    async with start() as running:
        await running.accept(v2_body())
        await eventually_async(lambda: has_results(running, 1))
        assert running.results()[0].csat == 4.0


async def test_a_poison_event_does_not_hold_up_the_others(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put(2)
    async with start() as running:
        await running.accept(v2_body(1))  # a transcript that Twilio does not have
        await running.accept(v2_body(2))
        await eventually_async(running.results)
        (letter,) = await eventually_async(running.dead_letters)
        assert letter.reason == "transcript_not_found"


async def test_open_work_is_found_again_after_a_restart(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.faults = [answer(500)]
    async with start() as running:
        await running.accept(v2_body())
        await eventually_async(lambda: upstream.seen)
        data_dir = running.store.settings.data_dir
    (data_dir / "intelligence.sqlite").unlink()
    upstream.faults.clear()
    upstream.put()
    async with start() as running:
        await eventually_async(running.results)
    async with start() as running:
        assert running.unresolved() == 0
    assert len(running.results()) == 1


async def test_a_hollow_result_is_read_a_second_time(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put(results="operator_results_hollow")
    full = fixture("operator_results_json")[2]
    upstream.singles[full["operator_sid"]] = full
    async with start() as running:
        await running.accept(v2_body())
        (result,) = await eventually_async(running.results)
        assert result.csat == 4.0


async def test_credentials_follow_no_page_to_another_host(start: Start, upstream: Upstream) -> None:
    async with start() as running:
        for url in ("https://evil.example/v2/Transcripts", "http://127.0.0.1:1/intelligence/v2"):
            with pytest.raises(BadAnswer):
                running.reads._own(url)


async def test_reconcile_fills_what_webhooks_missed_and_a_late_webhook_changes_nothing(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    for number in (1, 2, 3):
        upstream.put(number)
    upstream.put(4, transcript="transcript_in_progress")
    async with start() as running:
        await running.accept(v2_body(1))
        await eventually_async(running.results)
        report = await reconcile(running.store, running.reads)
        assert (report.listed, report.filled) == (3, 2)
        await eventually_async(lambda: len(running.results()) == 3)
        assert not await running.accept(v2_body(2))
        assert (await reconcile(running.store, running.reads)).filled == 0
    assert len({result.transcript_sid for result in running.results()}) == len(running.results()) == 3


async def test_reconcile_looks_a_day_behind_its_watermark(start: Start, upstream: Upstream) -> None:
    async with start() as running:
        running.store.ledger.move_watermark(datetime(2026, 11, 20, 12, tzinfo=UTC))
        await reconcile(running.store, running.reads)
        assert upstream.queries[-1]["AfterDateCreated"] == "2026-11-19T12:00:00Z"
        assert datetime.now(UTC) - running.store.ledger.watermark < timedelta(minutes=1)


async def test_a_reconcile_that_fails_leaves_the_watermark(start: Start, upstream: Upstream) -> None:
    upstream.faults = [answer(401)]
    async with start() as running:
        with pytest.raises(ReadRefused):
            await reconcile(running.store, running.reads)
        assert running.store.ledger.watermark is None


async def test_only_one_reconcile_runs_at_a_time(start: Start) -> None:
    async with start() as running:
        with running.store.reconciling, pytest.raises(AlreadyRunning):
            await reconcile(running.store, running.reads)


def test_delays_grow_and_end() -> None:
    schedule = Schedule(first_s=1.0, longest_s=60.0, patient_tries=40, short_tries=6)
    delays = [schedule.delay_s(tries, Unavailable("busy")) for tries in range(40)]
    assert delays[-1] is None
    numbers = [delay for delay in delays if delay is not None]
    assert len(numbers) == 39
    assert 0.5 <= numbers[0] <= 1.0
    assert max(numbers) <= 60.0
    assert min(numbers[10:]) >= 30.0


def test_a_named_time_is_waited_for() -> None:
    delay_s = Schedule(first_s=0.1).delay_s(0, Unavailable("busy", retry_after_s=30.0))
    assert delay_s == 30.0


def test_waiting_for_twilio_is_more_patient_than_waiting_for_sense() -> None:
    schedule = Schedule()
    assert schedule.delay_s(10, NotCompleted("in-progress")) is not None
    assert schedule.delay_s(10, BadAnswer("no JSON")) is None


async def test_of_many_transcripts_each_has_one_result(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    for number in range(40):
        upstream.put(number)
    async with start() as running:
        await asyncio.gather(*(running.accept(v2_body(number % 40)) for number in range(120)))
        await eventually_async(lambda: running.unresolved() == 0 and len(running.results()) >= 40, 20.0)
    sids = [result.transcript_sid for result in running.results()]
    assert sorted(sids) == [sid("GT", number) for number in range(40)]


def tombstone(running: Running, *values: tuple[Any, str]) -> None:
    running.store.tombstones.add("test", values)


async def test_an_erased_call_does_not_come_back_by_reconcile(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync
) -> None:
    upstream.put(1)  # its webhook never came, so that only its call is known to be erased
    async with start() as running:
        await asyncio.to_thread(tombstone, running, ("sid", CALL_SID))
        assert (await reconcile(running.store, running.reads)).filled == 1
        await eventually_async(lambda: running.store.tombstones.covers([sid("GT", 1)]))
        await eventually_async(lambda: running.unresolved() == 0)
        assert running.results() == []
        assert running.store.ledger.dead_letters(10) == []
        assert (await reconcile(running.store, running.reads)).filled == 0
        assert not await running.accept(v2_body(1))


@pytest.mark.parametrize("erased_before_the_call", [False, True])
async def test_a_callers_transcripts_from_before_the_erasure_stay_away(
    upstream: Upstream, start: Start, eventually_async: EventuallyAsync, erased_before_the_call: bool
) -> None:
    transcript_sid = upstream.put(1)
    transcript = upstream.transcripts[transcript_sid]
    transcript["channel"]["participants"][1]["media_participant_id"] = "+15551234567"
    if erased_before_the_call:
        transcript["media_start_time"] = "2125-01-01T00:00:00Z"
    async with start() as running:
        await asyncio.to_thread(tombstone, running, ("phone", "+15551234567"))
        await running.accept(v2_body(1))
        if erased_before_the_call:
            await eventually_async(running.results)
        else:
            await eventually_async(lambda: running.store.tombstones.covers([transcript_sid]))
            await eventually_async(lambda: running.unresolved() == 0)
            assert running.results() == []
