"""Reconciliation, exports, customers, outcomes to Segment and the older names, against servers on loopback."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shared.config import Settings
from shared.operators import Role
from shared.records import ConversationEvent, LegalRisk, Record, utc_now
from shared.service import OPERATORS
from signal_analytics import tracking
from signal_analytics.app import create_app
from signal_analytics.call_row import listed_calls
from signal_analytics.exports import csv_rows, write_partitions
from signal_analytics.filters import SIGNALS, Filters
from signal_analytics.load import CallTable
from signal_analytics.profiles import Profiles, Unavailable, allowed
from signal_analytics.reconciliation import KINDS, UNANALYSED, listed_mismatches, mismatches
from signal_analytics.tracking import Sent, messages_of
from tests.analytics_kit import CALL, NOON, at, ended, handed_off, result, sid, stamp, started, turn, write
from tests.conftest import EventuallyAsync, MakeSettings

BEARER = {"Authorization": "Bearer test-operator-token"}
LATER = NOON + timedelta(days=1)
CHAT = "CH" + "7" * 32
ADA, BOB = "+15550000001", "+15550000002"


@pytest.fixture
def table(tmp_path: Path) -> Any:
    opened = CallTable(tmp_path)
    yield opened
    opened.close()


def known(table: CallTable, folder: Path, *records: Record | bytes) -> CallTable:
    write(folder, records)
    table.refresh()
    return table


# ---- reconciliation ----


def chat_event(minutes: float, kind: str = "onConversationAdded", **payload: Any) -> Record:
    event = ConversationEvent(
        event_type=kind, source="webhook", service_sid="IS" + "1" * 32, conversation_sid=CHAT, payload=payload
    )
    return stamp(event, minutes)


def test_each_mismatch_is_counted_and_listed(table: CallTable, tmp_path: Path) -> None:
    calls = {kind: sid("CA", number) for number, kind in enumerate(["matched", *KINDS])}
    whole = {"csat": 5, "language": "pt-BR", "duration_s": 300.0}
    records: list[Record] = []
    for number, (kind, call_sid) in enumerate(calls.items()):
        fields = dict(whole)
        if kind == "duration_differs":
            fields["duration_s"] = 200.0
        if kind == "language_differs":
            fields["language"] = "en-US"
        if kind == "escalation_differs":
            fields["escalation_requested"] = False
            records.append(handed_off(4, call_sid))
        if kind == "unscored":
            del fields["csat"]
        if kind == "conversation_missing":
            fields["reference_sids"] = ["CH" + "9" * 32]
        if kind not in ("call_missing", "start_missing"):
            records.append(started(0, call_sid))
        if kind not in ("call_missing", "never_ended"):
            records.append(ended(5, call_sid))
        if kind != "result_missing":
            records.append(result(6, number, call_sid, **fields))
    closed = chat_event(1, "onConversationStateUpdated", StateTo="closed")
    known(table, tmp_path, *records, chat_event(0), closed)
    found = table.query(lambda db: mismatches(db, Filters(), LATER))
    assert {item["kind"]: item["count"] for item in found["mismatches"]} == dict.fromkeys((*KINDS, UNANALYSED), 1)
    assert (found["matched"], found["seen"]["conversations"]) == (1, 1)
    for kind, call_sid in list(calls.items())[1:]:
        items = table.query(lambda db, k=kind: listed_mismatches(db, k, Filters(), LATER, 10, None))  # type: ignore[misc]
        assert [item["key"] for item in items] == [call_sid], kind
    (chat,) = table.query(lambda db: listed_mismatches(db, UNANALYSED, Filters(), LATER, 10, None))
    assert chat["conversation_sid"] == CHAT


def test_a_result_is_not_missing_a_minute_after_the_call(table: CallTable, tmp_path: Path) -> None:
    known(table, tmp_path, started(), ended(5))
    counts = [
        table.query(lambda db, m=minute: mismatches(db, Filters(), at(m)))["mismatches"][0]["count"]  # type: ignore[misc]
        for minute in (6, 21)
    ]
    assert counts == [0, 1]


def test_a_conversations_service_selects_the_calls_that_belong_to_its_conversations(
    table: CallTable, tmp_path: Path
) -> None:
    known(table, tmp_path, result(6, 1, sid("CA", 1), reference_sids=[CHAT]), result(6, 2, sid("CA", 2)))
    known(table, tmp_path, chat_event(9))
    filters = Filters(service_sid=("IS" + "1" * 32,))
    assert [row.key for row in table.query(lambda db: listed_calls(db, filters, 9))] == [sid("CA", 1)]


# ---- drill-down ----


def test_every_signal_lists_the_calls_it_names(table: CallTable, tmp_path: Path) -> None:
    good = {"csat": 5, "ces": 6, "sentiment": "positive", "escalation_requested": True, "hallucinations": 1}
    risk = LegalRisk(score=80, band="high")
    known(
        table,
        tmp_path,
        started(),
        turn(1, 1, interrupted=True, input="dtmf"),
        ended(),
        result(6, 1, CALL, legal_risk=risk, **good),
        result(6, 2, None, csat=1, ces=2, sentiment="mixed"),
    )
    found = {name: len(table.query(lambda db, n=name: listed_calls(db, Filters(signal=n), 9))) for name in SIGNALS}  # type: ignore[misc]
    assert found.pop("analysed") == 2
    ones = {"satisfied", "dissatisfied", "easy", "hard", "positive", "mixed", "high_risk", "hallucinated"}
    ones |= {"escalation_requested", "contained", "dtmf", "interrupted"}
    assert {name for name, count in found.items() if count == 1} == ones
    assert not [name for name, count in found.items() if count > 1]


# ---- exports ----


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\0", "\r", "\n"])
def test_no_cell_of_the_csv_is_a_formula(table: CallTable, tmp_path: Path, start: str) -> None:
    evil = f'{start}HYPERLINK("http://x","y"),z'
    known(table, tmp_path, started(agent=evil), ended(), result(csat=4, summary=evil))
    rows = table.query(lambda db: listed_calls(db, Filters(), 9))
    (cells,) = csv.reader(io.StringIO(csv_rows(rows).decode(), newline=""))
    assert cells[-1] == "'" + evil
    assert "'" + evil in cells[:-1]
    assert "4.0" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def partitions(folder: Path) -> dict[str, list[Any]]:
    files = sorted(folder.glob("date=*/calls.parquet"))
    return {
        file.parent.name: [csat for (csat,) in duckdb.sql(f"SELECT csat FROM '{file}'").fetchall()]  # noqa: S608
        for file in files
    }


def test_a_correction_rewrites_the_partition_of_its_day_and_no_other(table: CallTable, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    day = 24 * 60
    known(
        table, tmp_path, started(0, sid("CA", 1)), started(day, sid("CA", 2)), result(1, 1, sid("CA", 1), csat=2)
    )
    table.query(lambda db: write_partitions(db, folder))
    assert partitions(folder) == {"date=2026-11-20": [2.0], "date=2026-11-21": [None]}
    known(table, tmp_path, result(3 * day, 1, sid("CA", 1), csat=5))
    found = table.query(lambda db: write_partitions(db, folder))
    assert ([str(day) for day in found["written"]], found["unchanged"]) == (["2026-11-20"], 1)
    assert partitions(folder)["date=2026-11-20"] == [5.0]
    assert table.query(lambda db: write_partitions(db, folder))["written"] == []


def test_a_day_whose_last_call_moved_has_no_partition_any_more(table: CallTable, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    known(table, tmp_path, result(0, 1, None))
    table.query(lambda db: write_partitions(db, folder))
    moved = result(5, 1, None, started_at=at(2 * 24 * 60))
    known(table, tmp_path, moved)
    table.query(lambda db: write_partitions(db, folder))
    assert list(partitions(folder)) == ["date=2026-11-22"]


# ---- Segment ----


class FakeSegment:
    """A Profile and tracking API with a memory; `answers` are statuses to give first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.tracked: list[dict[str, Any]] = []
        self.answers: list[int] = []
        self.never = "nothing"  # a batch that holds this text is refused
        self.traits: dict[str, dict[str, Any]] = {
            ADA: {"plan": "gold", "first_name": "Ada"},
            BOB: {"plan": "free"},
        }
        self.page = 200

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/spaces/spa/collections/users/profiles/{profile}/{what}", self.profile)
        app.router.add_post("/v1/batch", self.batch)
        return app

    async def profile(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query)))
        if self.answers:
            return web.json_response({}, status=self.answers.pop(0))
        phone = request.match_info["profile"].removeprefix("phone:")
        if phone not in self.traits:
            return web.json_response({"error": {"code": "not_found"}}, status=404)
        if request.match_info["what"] == "traits":
            start = int(request.query.get("next", 0))
            items = list(self.traits[phone].items())
            end = start + self.page
            cursor = {"has_more": end < len(items), "next": str(end)}
            return web.json_response({"traits": dict(items[start:end]), "cursor": cursor})
        data = [{"type": "user_id", "id": "cus_ada"}] if request.match_info["what"] == "external_ids" else []
        return web.json_response({"data": data, "cursor": {"has_more": False}})

    async def batch(self, request: web.Request) -> web.Response:
        if self.answers:
            return web.json_response({}, status=self.answers.pop(0))
        if self.never in await request.text():
            return web.json_response({}, status=400)
        self.tracked += (await request.json())["batch"]
        return web.json_response({"success": True})


@pytest.fixture
async def segment() -> AsyncIterator[tuple[FakeSegment, str]]:
    fake = FakeSegment()
    async with TestServer(fake.app()) as server:
        yield fake, str(server.make_url("/v1"))


@pytest.fixture
def settings(make_settings: MakeSettings, tmp_path: Path, segment: tuple[FakeSegment, str]) -> Settings:
    space = {"SEGMENT_SPACE_ID": "spa", "SEGMENT_ACCESS_SECRET": "s3cret", "SEGMENT_WRITE_KEY": "wk"}
    return make_settings("signal_analytics", tmp_path, SEGMENT_BASE_URL=segment[1], **space)


async def get(client: Any, path: str, expected: int = 200, token: str = "", **query: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else BEARER
    async with client.get(path, params=query, headers=headers) as response:
        assert response.status == expected, await response.text()
        return await response.json(content_type=None) if "json" in response.content_type else await response.read()


async def test_customers_are_joined_to_their_calls_and_grouped_by_trait(
    settings: Settings, segment: tuple[FakeSegment, str], eventually_async: EventuallyAsync
) -> None:
    callers = {sid("CA", n): caller for n, caller in enumerate((ADA, ADA, BOB, "+15550000009"))}
    write(
        settings.data_dir, [started(n, call_sid, caller=who) for n, (call_sid, who) in enumerate(callers.items())]
    )
    write(settings.data_dir, [result(9, 1, sid("CA", 0), csat=5)])
    async with TestClient(TestServer(create_app(settings))) as client:

        async def by_plan() -> Any:
            period = {"from": "2026-11-20", "to": "2026-11-21"}
            found = await get(client, "/api/segments", trait="plan", **period)
            return found if found["customers"] == 2 else None

        found = await eventually_async(by_plan, 30.0)
        listed = {item["value"]: (item["customers"], item["calls"]) for item in found["segments"]}
        assert listed == {"gold": (1, 2), "free": (1, 1), None: (0, 1)}
        assert (await get(client, "/api/traits"))["items"] == ["plan"]  # and not first_name
        gold = await get(client, "/api/calls", segment="plan:gold")
        assert {row["caller"] for row in gold["items"]} == {ADA}
        page = await get(client, f"/api/customers/{ADA.replace('+', '%2B')}")
        assert (page["known"], page["source"], page["traits"]) == (True, "segment", {"plan": "gold"})
        assert (page["external_ids"], page["measures"]["calls"]) == ([{"type": "user_id", "id": "cus_ada"}], 2)
        assert page["measures"]["csat"]["mean"] == 5.0
        assert (await get(client, f"/api/customers/{ADA}"))["source"] == "cache"
        stranger = await get(client, "/api/customers/+15550000009")
        assert (stranger["known"], stranger["traits"]) == (False, {})
        await get(client, "/api/customers/everybody", 400)
        viewer = client.app[OPERATORS].add("vera", Role.VIEWER)  # type: ignore[union-attr]
        await get(client, f"/api/customers/{ADA}", 403, viewer)
        await get(client, "/api/export.csv", 403, viewer)
    fake = segment[0]
    assert {query["limit"] for path, query in fake.asked if path.endswith("/traits")} == {"200"}


async def test_traits_are_read_page_by_page_and_after_a_429(
    segment: tuple[FakeSegment, str], settings: Settings
) -> None:
    fake, _ = segment
    fake.page = 1
    fake.answers = [429, 503]
    assert settings.segment is not None
    import aiohttp

    async with aiohttp.ClientSession() as session:
        assert await Profiles(session, settings.segment).traits(ADA) == {"plan": "gold"}
        assert len(fake.asked) == 4
        fake.answers = [401]
        with pytest.raises(Unavailable):
            await Profiles(session, settings.segment).traits(ADA)
        fake.answers = [429] * 100
        with pytest.raises(Unavailable):
            await Profiles(session, settings.segment, budget_s=0.3).traits(ADA)


def test_only_plain_traits_of_the_list_are_kept() -> None:
    assert allowed({"plan": "x" * 500, "email": "a@b", "tier": ["gold"], "vip": True}) == {
        "plan": "x" * 100,
        "vip": True,
    }


async def test_outcomes_are_sent_once_and_again_only_when_scores_change(
    settings: Settings, segment: tuple[FakeSegment, str], eventually_async: EventuallyAsync
) -> None:
    fake, _ = segment
    fake.answers = []
    for start in range(2):  # a restart, with the analytics file thrown away, sends nothing twice
        async with TestClient(TestServer(create_app(settings))):
            now = (utc_now() - NOON) / timedelta(minutes=1)
            if start == 0:
                write(settings.data_dir, [started(now, caller=ADA), ended(now + 0.1)])
            write(settings.data_dir, [result(now + 0.2, 1, CALL, csat=4 + start)])
            await eventually_async(lambda n=start: len(fake.tracked) >= 2 + n, 30.0)  # type: ignore[misc]
        (settings.data_dir / "analytics.duckdb").unlink()
    assert [event["event"] for event in fake.tracked] == ["Call Completed", "Call Scored", "Call Scored"]
    assert len({event["messageId"] for event in fake.tracked}) == 3
    known_as = fake.tracked[0]["context"]["externalIds"]
    assert known_as == [{"id": ADA, "type": "phone", "collection": "users", "encoding": "none"}]
    assert fake.tracked[2]["properties"]["csat"] == 5


def test_callers_that_are_nobody_and_calls_that_go_on_are_not_told_of(table: CallTable, tmp_path: Path) -> None:
    known(table, tmp_path, started(caller="anonymous"), ended(), started(1, sid("CA", 2), caller=ADA))
    rows = table.query(lambda db: listed_calls(db, Filters(), 9))
    assert [messages_of(row, "phone") for row in rows] == [[], []]


def test_what_was_sent_is_remembered_without_naming_the_call(tmp_path: Path) -> None:
    sent = Sent(tmp_path / "sent.sqlite")
    message = {"messageId": f"call-completed-{CALL}"}
    assert sent.unsent([message]) == [message]
    sent.add([message])
    sent.close()
    again = Sent(tmp_path / "sent.sqlite")
    assert (again.unsent([message]), again.since) == ([], sent.since)
    again.close()
    assert CALL.encode() not in (tmp_path / "sent.sqlite").read_bytes()


# ---- over HTTP, with exports and the older names ----


async def test_exports_and_older_names(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("signal_analytics", tmp_path)
    begun = datetime(2026, 11, 20, 2, tzinfo=UTC)
    assert begun < NOON
    risk = LegalRisk(score=40, band="medium")
    scores = {"csat": 4, "ces": 6, "sentiment": "mixed", "hallucinations": 2, "legal_risk": risk}
    write(settings.data_dir, [started(), ended(), result(6, 1, CALL, **scores), started(1, sid("CA", 2))])
    async with TestClient(TestServer(create_app(settings))) as client:
        text = (await get(client, "/api/export.csv")).decode()
        lines = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [line["call_sid"] for line in lines] == [CALL, sid("CA", 2)]
        assert lines[0]["caller"] == "'+15550100100"
        parquet = tmp_path / "calls.parquet"
        parquet.write_bytes(await get(client, "/api/export.parquet", language="pt"))
        assert duckdb.sql(f"SELECT call_sid, csat FROM '{parquet}'").fetchall()[0] == (CALL, 4.0)  # noqa: S608
        async with client.post("/api/export/partitions", headers=BEARER) as response:
            assert (await response.json())["written"] == ["2026-11-20"]
        period = {"from": "2026-11-01", "to": "2026-12-01"}
        older = await get(client, "/intel-aggregates", group="week", **period)
        assert older == {
            "2026-W47": {
                "avgCSAT": 4.0,
                "avgCES": 6.0,
                "count": 2,
                "hallucination_count": 2,
                "legal_risk_score": 40.0,
                "positive_sentiment": 0,
                "neutral_sentiment": 0,
                "negative_sentiment": 0,
                "mixed_sentiment": 1,
            }
        }
        (event,) = await get(client, "/intel-events", limit="1")  # a newer call has no results yet
        assert (event["csat_score"], event["mixed_sentiment_score"], event["positive_sentiment_score"]) == (
            4.0,
            100,
            0,
        )
        await get(client, "/intel-aggregates", 400, group="moon")
        found = await get(client, "/api/reconciliation")
        assert {item["kind"] for item in found["mismatches"]} == {*KINDS, UNANALYSED}
        listed = await get(client, "/api/reconciliation", kind="never_ended")
        assert [item["call_sid"] for item in listed["items"]] == [sid("CA", 2)]
        await get(client, "/api/reconciliation", 400, kind="nothing")


async def test_an_outcome_that_segment_never_takes_holds_up_no_other_and_old_calls_are_told_of(
    settings: Settings,
    segment: tuple[FakeSegment, str],
    eventually_async: EventuallyAsync,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake, _ = segment
    fake.never = sid("CA", 2)
    monkeypatch.setattr(tracking, "LOOKED_AT", 1)  # more calls than are looked at when something changes
    now = (utc_now() - NOON) / timedelta(minutes=1) + 1
    calls = [sid("CA", n) for n in range(1, 5)]
    for n, call_sid in enumerate(calls):
        write(settings.data_dir, [started(now + n, call_sid, caller=ADA), ended(now + n + 0.1, call_sid)])
    async with TestClient(TestServer(create_app(settings))):
        await eventually_async(lambda: len(fake.tracked) >= 3, 30.0)
    told = {event["properties"]["call_sid"] for event in fake.tracked}
    assert told == {calls[0], calls[2], calls[3]}
    assert len(fake.tracked) == 3
