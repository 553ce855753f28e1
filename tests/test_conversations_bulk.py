"""Bulk jobs in front of the sandbox: confirmation, progress, results, cancel, restart, Twilio's rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from conversations_api.bulk_runner import BulkRunner, call_of, is_done_already
from conversations_api.bulk_store import BulkStore, Order
from conversations_api.pace import MutationPaces, Pace
from conversations_api.parts import SYNC
from conversations_api.upstream import lane_of
from shared.live_feed import LiveFeed
from shared.operators import Role
from shared.problem import Problem
from shared.service import OPERATORS
from tests.conftest import EventuallyAsync
from tests.conversations_kit import BEARER, journal_lines, sid
from tests.conversations_sandbox_kit import Installation, open_installation


@pytest.fixture
async def installation(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Installation]:
    async with open_installation(tmp_path, free_port()) as opened:
        await opened.platform.client.app[SYNC].one_pass()
        yield opened


async def make(installation: Installation, *names: str) -> list[str]:
    found = []
    for name in names:
        made = await installation.platform.call("POST", "/api/conversations", {"friendlyName": name})
        found.append(made.json["sid"])
    return found


async def finished(installation: Installation, key: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            job = (await installation.platform.call("GET", f"/api/bulk/{key}")).json
            if job["state"] in {"done", "cancelled"}:
                return dict(job)
            await asyncio.sleep(0.05)


async def test_a_whole_filter_is_closed_after_a_confirmation_that_names_the_count(
    installation: Installation,
) -> None:
    call = installation.platform.call
    await make(installation, "old one", "old two", "new")
    asked = {"action": "close", "filter": {"q": "old"}}
    refused = await call("POST", "/api/bulk", asked)
    assert (refused.status, refused.json["code"], refused.json["count"]) == (409, 40910, 2)
    confirmation = refused.json["confirmation"]
    assert confirmation.startswith("close-2-")
    await make(installation, "old three")
    stale = await call("POST", "/api/bulk", asked | {"confirmation": confirmation})
    assert (stale.status, stale.json["count"]) == (409, 3)
    started = await call("POST", "/api/bulk", asked | {"confirmation": stale.json["confirmation"]})
    assert (started.status, started.json["total"]) == (202, 3)
    job = await finished(installation, started.json["id"])
    assert (job["state"], job["done"], job["failed"]) == ("done", 3, 0)
    closed = await installation.list("/api/conversations?state=closed&sort=name")
    assert [item["friendlyName"] for item in closed] == ["old one", "old three", "old two"]
    audited = [
        line["target"]
        for line in journal_lines(installation.data_dir, "audit")
        if line["action"] == "conversation.update"
    ]
    assert len(audited) == 3


async def test_each_conversation_has_its_own_result(installation: Installation) -> None:
    call = installation.platform.call
    (one,) = await make(installation, "one")
    unknown = sid("CH", 77)
    asked = {"action": "addParticipant", "sids": [one, unknown, one], "participant": {"identity": "ana"}}
    started = await call("POST", "/api/bulk", asked)
    job = await finished(installation, started.json["id"])
    assert (job["total"], job["done"], job["failed"]) == (2, 1, 1)
    items = (await call("GET", f"/api/bulk/{job['id']}/items?limit=1")).json
    rest = (await call("GET", f"/api/bulk/{job['id']}/items?limit=1&cursor={items['nextCursor']}")).json
    assert [(item["sid"], item["status"], item.get("code")) for item in items["items"] + rest["items"]] == [
        (one, "done", None),
        (unknown, "failed", 20404),
    ]
    failed = (await call("GET", f"/api/bulk/{job['id']}/items?status=failed")).json["items"]
    assert [item["sid"] for item in failed] == [unknown]
    again = await call("POST", "/api/bulk", asked)
    assert (await finished(installation, again.json["id"]))["done"] == 1  # she is there: as the job wants it
    people = await installation.list(f"/api/conversations/{one}/participants")
    assert [person["identity"] for person in people] == ["ana"]


async def test_a_change_reaches_every_conversation_and_is_told_live(installation: Installation) -> None:
    sids = await make(installation, "a", "b")
    async with installation.platform.client.ws_connect("/api/live", headers=BEARER) as socket:
        asked = {"action": "update", "sids": sids, "change": {"attributes": {"team": "night"}}}
        await installation.platform.call("POST", "/api/bulk", asked)
        async with asyncio.timeout(5):
            while True:
                frame = await socket.receive_json()
                if frame["topic"] == "jobs" and frame["data"]["state"] == "done":
                    break
    assert frame["data"]["done"] == 2
    found = await installation.list("/api/conversations?q=night&sort=name")
    assert [item["attributes"] for item in found] == [{"team": "night"}] * 2


@pytest.mark.parametrize(
    "body",
    [
        {"action": "close"},
        {"action": "close", "sids": [sid("CH")], "filter": {}},
        {"action": "close", "sids": []},
        {"action": "close", "sids": ["CHx"]},
        {"action": "burn", "sids": [sid("CH")]},
        {"action": "update", "sids": [sid("CH")]},
        {"action": "update", "sids": [sid("CH")], "change": {}},
        {"action": "update", "sids": [sid("CH")], "change": {"attributes": {"a": "x" * 17000}}},
        {"action": "close", "sids": [sid("CH")], "change": {"state": "active"}},
        {"action": "addParticipant", "sids": [sid("CH")], "participant": {"messagingBinding": {"address": "x"}}},
        {"action": "close", "filter": {"colour": "red"}},
        {"action": "close", "filter": {"q": "nothing at all"}},
    ],
)
async def test_what_makes_no_sense_is_refused(installation: Installation, body: dict[str, Any]) -> None:
    refused = await installation.platform.call("POST", "/api/bulk", body)
    assert refused.status == 400, refused.raw
    assert (await installation.list("/api/bulk")) == []


async def test_agents_do_not_delete_and_confirmations_are_personal(installation: Installation) -> None:
    (key,) = await make(installation, "kept")
    asked = {"action": "delete", "sids": [key]}
    agent = installation.platform.client.app[OPERATORS].add("agnes", Role.AGENT)
    refused = await installation.platform.call(
        "POST", "/api/bulk", asked, headers={"Authorization": f"Bearer {agent}"}
    )
    assert refused.status == 403
    other = installation.platform.client.app[OPERATORS].add("sue", Role.SUPERVISOR)
    offered = await installation.platform.call("POST", "/api/bulk", asked)
    taken = await installation.platform.call(
        "POST",
        "/api/bulk",
        asked | {"confirmation": offered.json["confirmation"]},
        headers={"Authorization": f"Bearer {other}"},
    )
    assert taken.status == 409


async def test_a_cancelled_job_leaves_the_rest_alone(installation: Installation) -> None:
    call = installation.platform.call
    asked = {"action": "update", "sids": [sid("CH", n) for n in range(1, 200)], "change": {"friendlyName": "x"}}
    started = await call("POST", "/api/bulk", asked)
    assert (await call("DELETE", f"/api/bulk/{started.json['id']}")).status == 204
    job = await finished(installation, started.json["id"])
    assert job["state"] == "cancelled"
    assert job["skipped"] > 150
    assert (await call("DELETE", f"/api/bulk/{started.json['id']}")).status == 409
    assert (await call("GET", "/api/bulk/nothing")).status == 404


async def test_a_job_goes_on_after_a_restart(tmp_path: Path, free_port: Callable[[], int]) -> None:
    async with open_installation(tmp_path, free_port()) as opened:
        sids = await make(opened, *(f"c{number}" for number in range(6)))
        asked = {"action": "update", "sids": sids, "change": {"friendlyName": "done"}}
        await opened.platform.call("POST", "/api/bulk", asked)
    async with open_installation(tmp_path, free_port()) as opened:
        (job,) = await opened.list("/api/bulk")
        assert (await finished(opened, job["id"]))["done"] == 6
        names = [item["friendlyName"] for item in await opened.list("/api/conversations")]
        assert names == ["done"] * 6


async def test_a_storm_of_429_is_waited_out(tmp_path: Path, eventually_async: EventuallyAsync) -> None:
    class Busy:
        def __init__(self) -> None:
            self.left = 3

        async def send(self, _: object) -> bytes:
            self.left -= 1
            if self.left >= 0:
                raise Problem(503, "busy", code=20429, headers={"Retry-After": "0"})
            return b""

    async def wrote(*_: object) -> None:
        """Nobody records."""

    store = BulkStore(tmp_path)
    runner = BulkRunner(store, Busy(), LiveFeed(1), wrote)  # type: ignore[arg-type]
    key = store.add("delete", sid("IS"), [], [sid("CH", 1), sid("CH", 2)], ("ana", "admin"))
    task = asyncio.create_task(runner.run())

    def over() -> bool:
        job = store.job(key)
        return job is not None and job.state == "done"

    await eventually_async(over)
    job = store.job(key)
    assert job is not None
    assert (job.done, job.failed) == (2, 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    store.close()


async def test_tags_are_added_and_other_attributes_stay(installation: Installation) -> None:
    call = installation.platform.call
    one, two, odd = await make(installation, "one", "two", "odd")
    await call("PUT", f"/api/conversations/{one}", {"attributes": {"plan": "gold", "tags": ["vip"]}})
    await call("PUT", f"/api/conversations/{odd}", {"attributes": {"tags": "vip"}})
    body = {"action": "tag", "sids": [one, two, odd], "tags": ["vip", "late", "late"]}
    job = await finished(installation, (await call("POST", "/api/bulk", body)).json["id"])
    assert (job["done"], job["failed"]) == (2, 1)
    assert (await call("GET", f"/api/conversations/{one}")).json["attributes"] == {
        "plan": "gold",
        "tags": ["vip", "late"],
    }
    assert (await call("GET", f"/api/conversations/{two}")).json["attributes"] == {"tags": ["vip", "late"]}
    (failed,) = await installation.list(f"/api/bulk/{job['id']}/items?status=failed")
    assert (failed["sid"], failed["code"]) == (odd, 40912)
    again = await finished(installation, (await call("POST", "/api/bulk", body | {"sids": [one]})).json["id"])
    (item,) = await installation.list(f"/api/bulk/{again['id']}/items")
    assert item["detail"] == "It was so already."


def test_what_is_already_so_counts_as_done() -> None:
    def order(action: Any) -> Order:
        return Order("j", action, sid("IS"), [], "ana", "admin")

    assert is_done_already(order("close"), Problem(409, "", code=50377), False)
    assert not is_done_already(order("update"), Problem(409, "", code=50377), False)
    assert is_done_already(order("delete"), Problem(404, "", code=20404), False)
    pair = Problem(409, "", code=50416)
    assert not is_done_already(order("addParticipant"), pair, False)
    assert is_done_already(order("addParticipant"), pair, True)
    assert call_of(order("delete"), sid("CH"))[2].method == "DELETE"


# ---- Twilio's rate ----


async def test_no_second_holds_more_turns_than_allowed() -> None:
    pace = Pace(20)
    starts = []
    for _ in range(50):
        await pace.turn()
        starts.append(time.monotonic())
    windows = [sum(1 for other in starts if start <= other < start + 1) for start in starts]
    assert max(windows) <= 20
    assert starts[19] - starts[0] < 0.5  # the first come without waiting


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("GET", "v1/Conversations/CH1", None),
        ("POST", "v1/Conversations", ""),
        ("DELETE", "v1/Conversations/CH1", ""),
        ("POST", "v1/Conversations/CH1", "/CH1"),
        ("POST", "v1/Services/IS1/Conversations/CH1/Messages", "IS1/CH1"),
        ("DELETE", "v1/Services/IS1/Conversations/CH1/Messages/IM1", "IS1/CH1"),
        ("DELETE", "v1/Services/IS1/Conversations/CH1", "IS1"),
        ("POST", "v1/Services/IS1/Users/US1", "IS1"),
        ("POST", "v1/Roles", ""),
    ],
)
def test_changes_count_for_the_service_or_the_conversation(method: str, path: str, lane: str | None) -> None:
    assert lane_of(method, path) == lane


def test_lanes_that_nobody_uses_are_forgotten() -> None:
    paces = MutationPaces()
    first = paces.lane("first")
    assert paces.lane("first") is first
    for number in range(2000):
        paces.lane(str(number))
    assert paces.lane("first") is not first
