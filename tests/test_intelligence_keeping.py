"""What operators do with what is kept: filter, export, replay many, clear, let expire."""

from __future__ import annotations

import asyncio
import csv
import io
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from flask.testing import FlaskClient

from intelligence_webhooks.app import create_app
from intelligence_webhooks.ledger import Ledger
from intelligence_webhooks.reconcile import reconcile
from intelligence_webhooks.store import Store, open_store
from intelligence_webhooks.twilio_reads import TwilioReads
from shared.records import DeadLetter, Finding, IntelResult, LegalRisk, OperatorOutcome
from shared.retention import expire
from tests.conftest import MakeSettings
from tests.intelligence_kit import BEARER, fixture_bytes, sid, v2_body
from tests.test_intelligence_operators import accept, write_letter

CARD, PHONE, EMAIL, SECRET = "4111 1111 1111 1111", "+14155550123", "ada@example.com", "sk-abcdefgh12345678"


@pytest.fixture
def store(make_settings: MakeSettings, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL="http://127.0.0.1:9"))
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return create_app(store.settings, store).test_client()


def result(number: int, **fields: object) -> IntelResult:
    found: dict[str, object] = {"source": "v2", "transcript_sid": sid("GT", number), "call_sid": sid("CA", number)}
    return IntelResult(**(found | fields))  # type: ignore[arg-type]


def keep(store: Store, *results: IntelResult) -> None:
    for one in results:
        store.results.append(one).result(5)
    store.intake.settle()


def listed(client: FlaskClient, query: str) -> list[str]:
    sent = client.get(f"/data?{query}", headers=BEARER)
    assert sent.status_code == 200, sent.text
    return [item["transcript_sid"][-1] for item in sent.get_json()["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "21"),
        (f"call_sid={sid('CA', 1)}", "1"),
        (f"transcript_sid={sid('GT', 2)}", "2"),
        ("sentiment=mixed", "1"),
        ("band=high", "2"),
        ("escalation=true", "2"),
        ("escalation=false", ""),
        ("unparsed=true", "1"),
        ("unparsed=false", "2"),
        ("language=pt-BR&source=v2", "1"),
        ("channel=SMS", "2"),
        ("from=2026-11-02", "2"),
        ("to=2026-11-02T00:00:00Z", "1"),
        ("from=2026-11-01&to=2026-11-03", "21"),
    ],
)
def test_results_are_filtered(store: Store, client: FlaskClient, query: str, found: str) -> None:
    unparsed = OperatorOutcome(name="CSAT", parsed=False, reason="no score in the text")
    first, second = datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC)
    risk = LegalRisk(score=80, band="high", findings=[Finding(category="c", severity=80)])
    keep(
        store,
        result(1, sentiment="mixed", language="pt-BR", operators=[unparsed], started_at=first),
        result(2, legal_risk=risk, escalation_requested=True, channel="sms", started_at=second),
    )
    assert "".join(listed(client, query)) == found


@pytest.mark.parametrize(
    "query", ["sentimant=mixed", "sentiment=happy", "from=yesterday", "escalation=1", "band=", "unparsed=yes"]
)
def test_a_filter_that_cannot_be_understood_is_a_400(client: FlaskClient, query: str) -> None:
    assert client.get(f"/data?{query}", headers=BEARER).status_code == 400


def test_one_result_is_found_by_its_transcript(store: Store, client: FlaskClient) -> None:
    keep(store, result(1, csat=4))
    assert client.get(f"/data/{sid('GT', 1)}", headers=BEARER).get_json()["csat"] == 4
    assert client.get(f"/data/{sid('GT', 2)}", headers=BEARER).status_code == 404
    assert client.get("/data/..%2f..%2fsecrets.json", headers=BEARER).status_code == 404


def test_events_are_listed_with_what_became_of_them(store: Store, client: FlaskClient) -> None:
    for number in (1, 2, 3):
        accept(store, v2_body(number))
    accept(store, fixture_bytes("webhook_unknown_event"))
    first, second, third = sorted(store.ledger.due(10), key=lambda work: work.event.id)
    keep(store, result(1, event_id=first.event.id))
    letter = DeadLetter(reason="transcript_failed", event_id=second.event.id)
    store.dead_letters.append(letter).result(5)
    store.intake.settle()
    store.ledger.postpone(third.event.id, 60)
    items = client.get("/events", headers=BEARER).get_json()["items"]
    assert [item["state"] for item in items] == ["unknown", "open", "dead", "resolved"]
    assert (items[1]["tries"], items[2]["reason"]) == (1, "transcript_failed")
    assert items[1]["due_at"] > items[1]["at"]
    for state, number in (("open", 3), ("dead", 2), ("resolved", 1)):
        found = client.get(f"/events?state={state}", headers=BEARER).get_json()["items"]
        assert [item["subject"] for item in found] == [sid("GT", number)]
    page = client.get("/events?limit=3", headers=BEARER).get_json()
    rest = client.get(f"/events?limit=3&cursor={page['nextCursor']}", headers=BEARER).get_json()
    assert [item["id"] for item in page["items"] + rest["items"]] == [item["id"] for item in items]


def private() -> IntelResult:
    words = f"Call {PHONE} or (415) 555-2671, write {EMAIL}, card {CARD}, key {SECRET}; order 4111111111111112."
    return result(1, summary=words, operators=[OperatorOutcome(name="Summary", value={"text": [words]})])


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_an_export_holds_nothing_private(store: Store, client: FlaskClient, kind: str) -> None:
    keep(store, private())
    sent = client.get(f"/export?format={kind}", headers=BEARER)
    assert sent.status_code == 200
    for word in (PHONE, "555-2671", EMAIL, CARD, "4111 1111", SECRET):
        assert word not in sent.text
    assert sid("CA", 1) in sent.text  # our own ids stay
    assert "order 4111111111111112" in sent.text  # no card: its check digit is wrong


def test_an_export_can_be_opened_by_a_spreadsheet_without_running_anything(
    store: Store, client: FlaskClient
) -> None:
    keep(store, result(1, summary='=HYPERLINK("http://evil.example")', csat=4.5, duration_s=-1.0))
    text = client.get("/export?format=csv", headers=BEARER).text
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["summary"].startswith("'=")
    assert (row["csat"], row["duration_s"]) == ("4.5", "-1.0")


def test_a_long_export_says_where_it_goes_on(store: Store, client: FlaskClient) -> None:
    keep(store, *(result(number) for number in range(5)))
    sent = client.get("/export?limit=3", headers=BEARER)
    rest = client.get(f"/export?limit=3&cursor={sent.headers['X-Next-Cursor']}", headers=BEARER)
    assert (len(sent.text.splitlines()), len(rest.text.splitlines())) == (3, 2)
    assert "X-Next-Cursor" not in rest.headers
    assert client.get("/export?format=xls", headers=BEARER).status_code == 400


def test_many_dead_letters_are_replayed_at_once(store: Store, client: FlaskClient) -> None:
    good = [write_letter(store, v2_body(number)) for number in range(3)]
    bad = write_letter(store, b'{"transcript_sid":1}')
    sent = client.post("/dead-letters/replay", headers=BEARER, json={"reason": "test"})
    assert sent.status_code == 202
    found = sent.get_json()
    assert (found["replayed"], [item["id"] for item in found["failed"]]) == (good, [bad])
    assert {work.event.replay_of for work in store.ledger.due(10)} == set(good)
    again = client.post("/dead-letters/replay", headers=BEARER, json={"ids": good}).get_json()
    assert (again["replayed"], len(again["failed"])) == ([], 3)


def test_a_bulk_replay_takes_no_more_than_it_was_told(store: Store, client: FlaskClient) -> None:
    for number in range(3):
        write_letter(store, v2_body(number))
    found = client.post("/dead-letters/replay", headers=BEARER, json={"limit": 2}).get_json()
    assert (len(found["replayed"]), found["more"]) == (2, True)
    assert client.post("/dead-letters/replay", headers=BEARER, json={"limit": 0}).status_code == 400


def test_an_erased_dead_letter_is_not_replayed(store: Store, client: FlaskClient) -> None:
    letter_id = write_letter(store, v2_body(1))
    store.tombstones.add("test", [("sid", sid("GT", 1))])
    assert client.post(f"/dead-letters/{letter_id}/replay", headers=BEARER).status_code == 410
    assert store.ledger.due(10) == []


# ---- clearing --------------------------------------------------------------------------------------------------


def fill(store: Store) -> None:
    for number in (1, 2):
        accept(store, v2_body(number))
    first, _ = sorted(store.ledger.due(10), key=lambda work: work.event.id)
    keep(store, result(1, event_id=first.event.id))
    write_letter(store, v2_body(3))


@pytest.mark.parametrize("derived_file_survives", [True, False])
def test_a_clear_moves_everything_and_forgets_no_event(
    store: Store, client: FlaskClient, derived_file_survives: bool
) -> None:
    fill(store)
    lines = {path.name: path.read_bytes() for path in store.settings.data_dir.glob("*.ndjson")}
    report = client.post("/data/clear", headers=BEARER).get_json()
    assert report["archived"] == {"intel_events": 2, "intel_results": 1, "dead_letters": 1}
    folder = store.settings.data_dir / report["folder"]
    moved = {path.parent.name + ".ndjson": path.read_bytes() for path in folder.glob("*/*.ndjson")}
    assert moved == {name: data for name, data in lines.items() if name in moved}
    assert len(moved) == 3
    if not derived_file_survives:
        store.ledger.close()
        (store.settings.data_dir / "intelligence.sqlite").unlink()
        object.__setattr__(store, "ledger", Ledger(store.settings.data_dir))
        store.ledger.catch_up()
    totals = store.ledger.totals()
    assert (totals.results, totals.dead_letters, totals.unresolved) == (0, 0, 1)
    assert store.ledger.knows([f"voice_intelligence_transcript_available:{sid('GT', 1)}"])
    assert [work.subject for work in store.ledger.due(10)] == [sid("GT", 2)]  # still waits for its result
    assert store.ledger.archived_until is not None


def test_what_comes_after_a_clear_is_shown_and_a_second_clear_keeps_the_first(
    store: Store, client: FlaskClient
) -> None:
    fill(store)
    first = client.post("/data/clear", headers=BEARER).get_json()
    accept(store, v2_body(1))
    keep(store, result(5))
    assert listed(client, "") == ["5"]
    second = client.post("/data/clear", headers=BEARER).get_json()
    assert second["archived"] == {"intel_events": 1, "intel_results": 1, "dead_letters": 0}  # the clear's own line
    assert first["folder"] != second["folder"]
    assert listed(client, "") == []


async def test_reconcile_never_looks_behind_a_clear(store: Store, client: FlaskClient) -> None:
    await asyncio.to_thread(client.post, "/data/clear", headers=BEARER)
    asked: list[datetime] = []

    class Reads(TwilioReads):
        async def transcript_sids(self, after: datetime, service_sid: str | None = None):  # type: ignore[no-untyped-def,override]
            asked.append(after)
            for found in ():
                yield found

    await reconcile(store, Reads(store.account), since=datetime(2020, 1, 1, tzinfo=UTC))
    assert asked == [store.ledger.archived_until]


# ---- retention --------------------------------------------------------------------------------------------------


def segment(data_dir: Path, place: str, day: str) -> Path:
    path = data_dir / place / f"{day}-1.ndjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}\n")
    return path


def test_segments_past_their_days_go_and_younger_ones_and_the_open_one_stay(tmp_path: Path) -> None:
    old = [
        segment(tmp_path, "sealed/calls", "2026-10-01"),
        segment(tmp_path, "archive/20261001T000000Z/calls", "2026-10-01"),
    ]
    kept = [segment(tmp_path, "sealed/calls", "2026-10-31"), segment(tmp_path, "sealed/audit", "2026-10-01")]
    torn, opened = tmp_path / "calls.ndjson.torn", tmp_path / "calls.ndjson"
    for path in (torn, opened):
        path.write_bytes(b"{}\n")
        os.utime(path, (0, 0))
    assert expire(tmp_path, "calls", 30, date(2026, 11, 30)) == 3
    assert [path.exists() for path in (*old, torn)] == [False] * 3
    assert [path.exists() for path in (*kept, opened)] == [True] * 3


def test_rows_of_expired_lines_go_and_open_work_and_known_events_stay(store: Store) -> None:
    fill(store)
    assert store.ledger.expire(datetime.now(UTC) - timedelta(days=1)) == 0
    assert store.ledger.expire(datetime.now(UTC) + timedelta(days=1)) > 0
    totals = store.ledger.totals()
    assert (totals.results, totals.dead_letters, totals.unresolved) == (0, 0, 1)
    assert store.ledger.knows([f"voice_intelligence_transcript_available:{sid('GT', 1)}"])


def test_without_a_number_of_days_nothing_goes(store: Store) -> None:
    fill(store)
    assert store.expire_derived() == 0


def test_the_status_tells_lag_rejects_and_what_could_not_be_parsed(store: Store, client: FlaskClient) -> None:
    client.post("/webhook", data=b"{}", headers={"Content-Type": "application/json", "X-Twilio-Signature": "x"})
    keep(store, result(1, operators=[OperatorOutcome(name="CSAT", parsed=False, reason="r")]))
    accept(store, v2_body(2))
    found = client.get("/status", headers=BEARER).get_json()
    assert found["rejects"] == {"refused": 1, "malformed": 0, "not_stored": 0}
    assert (found["unparsed"], found["unresolved"]) == (1, 1)
    assert 0 <= found["lag_s"] < 60
    (work,) = store.ledger.due(1)
    store.ledger.postpone(work.event.id, 60)
    assert client.get("/status", headers=BEARER).get_json()["lag_s"] == 0


def test_the_documented_routes_are_the_served_ones(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    served = {
        (endpoint.split(" ")[0], endpoint.split(" ")[1].replace("<", "{").replace(">", "}"))
        for endpoint in client.application.extensions["access"]
    }
    assert documented == served
    assert msgspec.json.encode(document)
