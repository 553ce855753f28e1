"""The state of the sandbox: its overview, its clock, reset, and faults for a time, a share or a rate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.agenda import Agenda
from sandbox.clock import Clock
from sandbox.store import Store
from tests.sandbox_kit import Sandbox, open_sandbox

ROOT = "/conversations/v1/Conversations"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with open_sandbox(tmp_path) as opened:
        yield opened


async def order(sandbox: Sandbox, **fault: Any) -> None:
    answer = await sandbox.control("POST", "faults", {"product": "conversations", **fault})
    assert answer.status == 201, answer


async def statuses(sandbox: Sandbox, number: int) -> list[int]:
    return [(await sandbox.twilio("GET", ROOT)).status for _ in range(number)]


async def test_the_overview_says_what_is_there_and_what_is_to_happen(sandbox: Sandbox) -> None:
    await sandbox.twilio("POST", ROOT, State="active", Timers__Inactive="PT5M")
    await order(sandbox, status=503, count=7)
    await sandbox.control("POST", "model/script", [{"text": "One."}])
    state = (await sandbox.control("GET", "state")).json
    assert state["records"]["Conversations"] == 1
    assert state["records"]["Services"] == 1
    assert state["agenda"]["planned"] == 1
    assert state["requests"]["conversations"] == 1
    assert [fault["status"] for fault in state["faults"]["requests"]] == [503]
    assert state["model"]["scripted_answers"] == 1
    assert state["clock"]["ahead_s"] == 0.0


async def test_a_reset_leaves_what_an_account_begins_with(sandbox: Sandbox) -> None:
    for _ in range(3):
        await sandbox.twilio("POST", ROOT, State="active", Timers__Inactive="PT5M")
    await order(sandbox, status=503, count=7)
    await sandbox.control("PUT", "model/script", {"answers": [{"text": "One."}]})
    assert (await sandbox.control("POST", "reset")).status == 204
    state = (await sandbox.control("GET", "state")).json
    assert "Conversations" not in state["records"]
    assert (state["records"]["Services"], state["agenda"]["planned"]) == (1, 0)
    assert (state["faults"]["requests"], state["model"]["scripted_answers"]) == ([], 0)
    assert (await sandbox.twilio("GET", ROOT)).json["conversations"] == []
    assert (await sandbox.twilio("POST", ROOT)).status == 201


async def test_the_clock_goes_forward_only_and_dates_what_is_made(sandbox: Sandbox) -> None:
    await sandbox.advance(86_400)
    made = (await sandbox.twilio("POST", ROOT)).json
    ahead = datetime.fromisoformat(made["date_created"]) - datetime.now(UTC)
    assert timedelta(hours=23) < ahead < timedelta(hours=25)
    assert (await sandbox.control("GET", "clock")).json["ahead_s"] == 86_400
    for wrong in ({"advance_s": -1}, {"advance_s": "soon"}, {}):
        assert (await sandbox.control("POST", "clock", wrong)).status == 400


async def test_a_fault_lasts_for_its_time(sandbox: Sandbox) -> None:
    await order(sandbox, status=503, for_s=60)
    assert await statuses(sandbox, 3) == [503, 503, 503]
    await sandbox.advance(61)
    assert await statuses(sandbox, 1) == [200]
    assert (await sandbox.control("GET", "faults")).json["items"] == []


async def test_a_fault_can_happen_to_a_share_of_the_requests(sandbox: Sandbox) -> None:
    await order(sandbox, status=500, for_s=60, share=0.5)
    found = await statuses(sandbox, 40)
    assert 8 < found.count(500) < 32


async def test_a_rate_lets_so_many_through_each_second(sandbox: Sandbox) -> None:
    await order(sandbox, status=429, for_s=3600, over_per_s=2, headers={"Retry-After": "1"})
    found = await statuses(sandbox, 60)
    assert found[:2] == [200, 200]
    assert 429 in found
    await sandbox.advance(1)
    assert await statuses(sandbox, 1) == [200]


async def test_a_fault_can_be_for_one_method(sandbox: Sandbox) -> None:
    await order(sandbox, status=500, method="post")
    assert await statuses(sandbox, 1) == [200]
    assert (await sandbox.twilio("POST", ROOT)).status == 500


@pytest.mark.parametrize("fault", [{"malformed": True}, {"share": 0}, {"for_s": -1}, {"over_per_s": 0}])
async def test_a_fault_that_makes_no_sense_is_refused(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    answer = await sandbox.control("POST", "faults", {"product": "conversations", "status": 500, **fault})
    assert answer.status == 400


# ---- the agenda ----


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.sqlite")
    opened.open()
    yield opened
    opened.close()


async def test_jobs_run_in_the_order_of_their_moments_and_what_they_plan_runs_too(store: Store) -> None:
    clock, done = Clock(lambda: datetime(2026, 1, 1, tzinfo=UTC)), list[str]()
    agenda = Agenda(store, clock)

    def note(payload: dict[str, Any]) -> None:
        done.append(payload["name"])
        if payload["name"] == "first":
            agenda.put("note", "chained", timedelta(minutes=1), {"name": "chained"})

    agenda.on("note", note)
    agenda.put("note", "b", timedelta(minutes=9), {"name": "last"})
    agenda.put("note", "a", timedelta(minutes=5), {"name": "first"})
    agenda.put("note", "c", timedelta(minutes=11), {"name": "not yet"})
    clock.advance(timedelta(minutes=10))
    assert agenda.run_due() == 3
    assert done == ["first", "chained", "last"]


async def test_a_job_that_fails_does_not_stop_the_others(store: Store) -> None:
    clock, done = Clock(lambda: datetime(2026, 1, 1, tzinfo=UTC)), list[str]()
    agenda = Agenda(store, clock)

    def broken(_: dict[str, Any]) -> None:
        raise ValueError("no")

    agenda.on("broken", broken)
    agenda.on("note", lambda payload: done.append(payload["name"]))
    agenda.put("broken", "x", timedelta(), {})
    agenda.put("note", "y", timedelta(), {"name": "after"})
    assert agenda.run_due() == 2
    assert (done, agenda.size()) == (["after"], 0)
    with pytest.raises(KeyError):
        agenda.put("unknown", "x", timedelta(), {})
