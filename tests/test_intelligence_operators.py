"""What operators see and do: who may, pages, replay, reconcile, problems."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from intelligence_webhooks import payload
from intelligence_webhooks.app import create_app
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.store import Store, open_store
from shared.operators import Role
from shared.records import DeadLetter, IntelResult
from tests.conftest import MakeSettings
from tests.intelligence_kit import BEARER, fixture_bytes, sid, v2_body

OPEN_ROUTES = {"/webhook", "/healthz", "/readyz", "/metrics", "/api/session", "/openapi.json"}
# All others are for supervisors.
NEEDED = {
    "/status": Role.VIEWER,
    "/data": Role.VIEWER,
    "/data/x": Role.VIEWER,
    "/data/clear": Role.ADMIN,
    "/erase": Role.ADMIN,
}


@pytest.fixture
def store(make_settings: MakeSettings, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL="http://127.0.0.1:9"))
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return create_app(store.settings, store).test_client()


def operator_routes(app: Flask) -> list[tuple[str, str]]:
    routes = [(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()]
    return sorted(
        (m, r.replace("<letter_id>", "x").replace("<subject>", "x"))
        for m, r in routes
        if r not in OPEN_ROUTES and m != "HEAD"
    )


def accept(store: Store, body: bytes) -> None:
    store.intake.accept(payload.parse(body), Delivery(body, {"content-type": "application/json"}))
    store.intake.settle()


def write_letter(store: Store, body: bytes, event_id: str = "") -> str:
    letter = DeadLetter(
        reason="test", event_id=event_id, body=body.decode(), headers={"content-type": "application/json"}
    )
    store.dead_letters.append(letter).result(5)
    store.intake.settle()
    return letter.id


def write_results(store: Store, count: int) -> None:
    for number in range(count):
        store.results.append(IntelResult(source="v2", transcript_sid=sid("GT", number), csat=3)).result(5)
    store.intake.settle()


def test_no_operator_route_opens_without_a_sign_in(client: FlaskClient) -> None:
    routes = operator_routes(client.application)
    assert {path for _, path in routes} >= {"/status", "/data", "/dead-letters", "/reconcile", "/erase"}
    for method, path in routes:
        sent = client.open(path, method=method)
        assert (sent.status_code, sent.content_type) == (401, "application/problem+json"), path


@pytest.mark.parametrize("role", [None, *Role])
def test_every_route_admits_exactly_the_roles_it_is_for(
    store: Store, client: FlaskClient, role: Role | None
) -> None:
    token = store.operators.add("somebody", role) if role else "nobody's"
    for method, path in operator_routes(client.application):
        sent = client.open(path, method=method, headers={"Authorization": f"Bearer {token}"})
        admitted = role is not None and role >= NEEDED.get(path, Role.SUPERVISOR)
        assert (sent.status_code not in (401, 403)) == admitted, (method, path, sent.status_code)


def test_a_request_from_another_site_changes_nothing(store: Store, client: FlaskClient) -> None:
    sent = client.post("/reconcile", headers=BEARER | {"Origin": "https://evil.example"})
    assert sent.status_code == 403
    sent = client.post("/reconcile", headers=BEARER | {"Content-Type": "text/plain"}, data="{}")
    assert sent.status_code == 415


def test_signing_in_and_out(client: FlaskClient) -> None:
    assert client.get("/api/session").status_code == 401
    assert client.post("/api/session", json={"token": "wrong"}).status_code == 401
    sent = client.post("/api/session", json={"token": "test-operator-token"})
    assert (sent.status_code, sent.get_json()) == (200, {"name": "owner", "role": "admin"})
    cookie = sent.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/status").status_code == 200
    assert client.delete("/api/session").status_code == 204
    assert client.get("/status").status_code == 401


def test_the_status_counts_what_there_is(store: Store, client: FlaskClient) -> None:
    accept(store, v2_body(1))
    accept(store, fixture_bytes("webhook_unknown_event"))
    write_results(store, 3)
    write_letter(store, b"{}")
    found = client.get("/status", headers=BEARER).get_json()
    assert {name: found[name] for name in ("received", "unknown", "unresolved", "results", "dead_letters")} == {
        "received": 2,
        "unknown": 1,
        "unresolved": 1,
        "results": 3,
        "dead_letters": 1,
    }
    assert 0 <= found["oldest_unresolved_s"] < 60


def test_an_empty_status_has_no_oldest_event(client: FlaskClient) -> None:
    assert client.get("/status", headers=BEARER).get_json()["oldest_unresolved_s"] is None


def test_data_lists_the_current_result_of_each_transcript_in_pages(store: Store, client: FlaskClient) -> None:
    write_results(store, 7)
    write_results(store, 1)  # the first transcript again: the later line supersedes
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        page = client.get(f"/data?limit=3{cursor}", headers=BEARER).get_json()
        seen += [item["transcript_sid"] for item in page["items"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == [sid("GT", number) for number in (0, 6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "", "1.5", "²"])
def test_a_malformed_limit_is_a_400(client: FlaskClient, limit: str) -> None:
    assert client.get("/data", query_string={"limit": limit}, headers=BEARER).status_code == 400


def test_a_limit_that_is_too_large_is_cut(store: Store, client: FlaskClient) -> None:
    write_results(store, 3)
    assert len(client.get("/data?limit=99999999999999", headers=BEARER).get_json()["items"]) == 3


def test_a_replay_opens_the_event_again_under_its_own_key(store: Store, client: FlaskClient) -> None:
    accept(store, v2_body(1))
    (work,) = store.ledger.due(10)
    letter_id = write_letter(store, v2_body(1), work.event.id)
    assert store.ledger.due(10) == []
    sent = client.post(f"/dead-letters/{letter_id}/replay", headers=BEARER)
    assert (sent.status_code, sent.get_json()["event_key"]) == (202, work.event.event_key)
    (again,) = store.ledger.due(10)
    assert (again.event.event_key, again.event.replay_of) == (work.event.event_key, letter_id)
    assert client.get("/dead-letters", headers=BEARER).get_json()["items"] == []
    assert client.get("/status", headers=BEARER).get_json()["received"] == 1


def test_a_replay_is_remembered_after_a_restart(store: Store, client: FlaskClient) -> None:
    accept(store, v2_body(1))
    letter_id = write_letter(store, v2_body(1), store.ledger.due(10)[0].event.id)
    client.post(f"/dead-letters/{letter_id}/replay", headers=BEARER)
    store.close()
    (store.settings.data_dir / "intelligence.sqlite").unlink()
    again = open_store(store.settings)
    assert again.ledger.is_replayed(letter_id)
    assert [work.event.replay_of for work in again.ledger.due(10)] == [letter_id]
    again.close()


def test_a_second_replay_and_an_unknown_one_are_refused(store: Store, client: FlaskClient) -> None:
    letter_id = write_letter(store, v2_body(1))
    path = f"/dead-letters/{letter_id}/replay"
    assert [client.post(path, headers=BEARER).status_code for _ in range(2)] == [202, 409]
    assert client.post("/dead-letters/none/replay", headers=BEARER).status_code == 404


def test_a_body_that_still_cannot_be_used_is_not_replayed(store: Store, client: FlaskClient) -> None:
    letter_id = write_letter(store, b'{"transcript_sid":1}')
    assert client.post(f"/dead-letters/{letter_id}/replay", headers=BEARER).status_code == 409
    assert len(client.get("/dead-letters", headers=BEARER).get_json()["items"]) == 1


def test_a_reconcile_without_twilio_says_so(client: FlaskClient) -> None:
    sent = client.post("/reconcile", headers=BEARER)
    assert (sent.status_code, sent.content_type) == (502, "application/problem+json")


def test_a_stop_does_not_wait_for_a_reconcile(make_settings: MakeSettings, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the request and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = open_store(make_settings("intelligence_webhooks", tmp_path, TWILIO_BASE_URL=url))
        store.readiness.draining = True
        started_s = time.monotonic()
        sent = create_app(store.settings, store).test_client().post("/reconcile", headers=BEARER)
        assert (sent.status_code, time.monotonic() - started_s < 3) == (503, True)
        store.close()


def test_a_reconcile_with_a_malformed_body_is_a_400(client: FlaskClient) -> None:
    assert client.post("/reconcile", headers=BEARER, json={"since": "yesterday"}).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/webhook", 405), ("PUT", "/status", 405), ("OPTIONS", "/status", 405)],
)
def test_router_errors_are_problems(client: FlaskClient, method: str, path: str, status: int) -> None:
    sent = client.open(path, method=method)
    assert (sent.status_code, sent.content_type) == (status, "application/problem+json")
    assert set(sent.get_json(force=True)) >= {"type", "title", "status", "detail", "code"}
    assert sent.headers["X-Content-Type-Options"] == "nosniff"


def test_an_error_inside_is_a_500_without_detail(store: Store, client: FlaskClient) -> None:
    store.ledger.close()  # whatever is asked of it now fails
    sent = client.get("/status", headers=BEARER)
    assert (sent.status_code, sent.content_type) == (500, "application/problem+json")
    assert "sqlite" not in sent.text.lower()


def test_health_and_metrics_need_no_sign_in(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").get_json()["ready"] is True
    assert "crosschannel_http_requests_total" in client.get("/metrics").text


def test_readiness_says_when_the_service_is_stopping(store: Store, client: FlaskClient) -> None:
    store.readiness.draining = True
    assert client.get("/readyz").status_code == 503
