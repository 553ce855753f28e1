"""The frame of a service: errors as problem documents, sign-in, health, and a door that nobody gets around."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from shared.config import Settings
from shared.door import PUBLIC, TWILIO
from shared.journal_reader import Entry, JournalReader
from shared.operators import Role
from shared.problem import Problem
from shared.records import AuditRecord, decode
from shared.service import (
    AUDIT,
    OPERATORS,
    READINESS,
    add_route,
    create_service,
    identity,
    json_response,
    read_json,
)

Client = TestClient[web.Request, web.Application]
MakeClient = Callable[..., Awaitable[Client]]
MakeSettings = Callable[..., Settings]
EventuallyAsync = Callable[..., Awaitable[object]]
BEARER = {"Authorization": "Bearer test-operator-token"}
FOREIGN = {"Origin": "https://evil.example"}


class Order(msgspec.Struct):
    amount: int
    note: str = ""


async def take_order(request: web.Request) -> web.Response:
    return json_response(await read_json(request, Order), status=201)


async def who(request: web.Request) -> web.Response:
    return json_response({"name": identity(request).name})


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError("the database password is hunter2")


async def refuse(request: web.Request) -> web.Response:
    raise Problem(409, "It exists already.", code=50353, headers={"X-Reason": "twice"})


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("/healthz")


async def stream_and_fail(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"first part\n")
    raise RuntimeError("in the middle")


async def talk(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.data == "fail":
            raise RuntimeError("in the middle")
        await socket.send_str("heard")
    return socket


async def any_method(request: web.Request) -> web.Response:
    return json_response({"method": request.method})


@pytest.fixture
async def client(aiohttp_client: MakeClient, make_settings: MakeSettings, tmp_path: Path) -> Client:
    app = create_service(make_settings("conversations_api", tmp_path))
    for method, path, handler, access in (
        ("POST", "/orders", take_order, Role.AGENT),
        ("GET", "/who", who, Role.VIEWER),
        ("GET", "/fail", fail, PUBLIC),
        ("GET", "/refuse", refuse, PUBLIC),
        ("GET", "/redirect", redirect, PUBLIC),
        ("GET", "/stream", stream_and_fail, PUBLIC),
        ("GET", "/talk", talk, Role.VIEWER),
        ("GET", "/numbers/{n:[0-9]+}", who, Role.ADMIN),
        ("GET", "/numbers/{n}", who, Role.VIEWER),
        ("*", "/forward/{tail}", any_method, Role.VIEWER),
        ("POST", "/hook", any_method, TWILIO),
    ):
        add_route(app, method, path, handler, access)
    app.router.add_get("/behind", any_method)
    app.router.add_post("/who", any_method)
    app.router.add_route("OPTIONS", "/who", any_method)
    app.router.add_route("*", "/behind/all", any_method)
    return await aiohttp_client(app)


async def problem_of(response: ClientResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    document: dict[str, Any] = msgspec.json.decode(await response.read())
    assert document.keys() == {"type", "title", "status", "detail", "code"}
    assert document["status"] == response.status
    assert isinstance(document["code"], int)
    return document


# ---- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/%2e%2e/etc/passwd", 404),
        ("DELETE", "/healthz", 405),
        ("PROPFIND", "/healthz", 405),
        ("GET", "/who", 401),
        ("POST", "/orders", 401),
    ],
)
async def test_the_frames_own_errors_are_problem_documents(
    client: Client, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert (await problem_of(response))["status"] == status
    if status == 405:
        assert response.headers["Allow"] == "GET"


async def test_a_problem_keeps_its_code_title_and_headers(client: Client) -> None:
    response = await client.get("/refuse")
    document = await problem_of(response)
    assert (response.status, document["code"], document["title"]) == (409, 50353, "Conflict")
    assert document["detail"] == "It exists already."
    assert response.headers["X-Reason"] == "twice"


async def test_an_unexpected_error_is_answered_without_details_and_logged_with_them(
    client: Client, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.ERROR):
        response = await client.get("/fail")
    document = await problem_of(response)
    assert response.status == 500
    assert "hunter2" not in str(document)
    assert "RuntimeError" not in str(document)
    logged = caplog.text + "".join(capsys.readouterr())
    assert "hunter2" in logged
    assert "Traceback" in logged
    assert (await client.get("/healthz")).status == 200


async def test_a_body_that_is_too_large_is_413(client: Client) -> None:
    body = io.BytesIO(b'{"amount":1,"note":"%s"}' % (b"x" * 2_000_000))
    response = await client.post("/orders", headers=BEARER | {"Content-Type": "application/json"}, data=body)
    assert (await problem_of(response))["status"] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"amount":"one"}',
        b'{"amount":NaN}',
        b'{"amount":1e999}',
        b'{"amount":' + b"9" * 5000 + b"}",
        b'{"amount":1,"note":"\xff\xfe"}',
        b'{"amount":1,"note":"\\ud800"}',
        b'{"amount":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
async def test_a_body_that_cannot_be_used_is_400(client: Client, body: bytes) -> None:
    response = await client.post("/orders", headers=BEARER | {"Content-Type": "application/json"}, data=body)
    assert (await problem_of(response))["status"] == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_a_body_of_another_type_is_415(client: Client, content_type: str) -> None:
    response = await client.post("/orders", headers=BEARER | {"Content-Type": content_type}, data=b'{"amount":1}')
    assert (await problem_of(response))["status"] == 415


async def test_a_good_body_becomes_a_typed_value(client: Client) -> None:
    response = await client.post("/orders", headers=BEARER, json={"amount": 3, "unknown": True})
    assert response.status == 201
    assert await response.json() == {"amount": 3, "note": ""}


async def test_a_stream_that_fails_is_cut_off_and_not_followed_by_an_answer(client: Client) -> None:
    response = await client.get("/stream")
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()


async def test_a_socket_that_fails_is_closed_and_nothing_is_written_into_it(client: Client) -> None:
    async with client.ws_connect("/talk", headers=BEARER) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=5) == "heard"
        await socket.send_str("fail")
        message = await socket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.CLOSED
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE


async def test_a_redirect_stays_one(client: Client) -> None:
    response = await client.get("/redirect", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/healthz")


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/fail", "/redirect", "/who", "/stream"])
async def test_every_answer_has_the_security_headers(client: Client, path: str) -> None:
    headers = (await client.get(path, allow_redirects=False)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


async def test_behind_https_the_cookie_is_secure_and_transport_is_strict(
    aiohttp_client: MakeClient, make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings("conversations_api", tmp_path, PUBLIC_URL="https://console.example.com")
    client = await aiohttp_client(create_service(settings))
    response = await client.post("/api/session", json={"token": "test-operator-token"})
    assert "max-age" in response.headers["Strict-Transport-Security"]
    assert "; Secure" in response.headers["Set-Cookie"]


# ---- the door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/behind"), ("POST", "/who"), ("GET", "/behind/all"), ("OPTIONS", "/behind/all")]
)
async def test_a_route_added_behind_the_doors_back_is_refused(client: Client, method: str, path: str) -> None:
    response = await client.request(method, path, headers=BEARER)
    assert (response.status, (await problem_of(response))["code"]) == (403, 40302)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"])
async def test_a_route_for_all_methods_is_guarded_for_all_of_them(client: Client, method: str) -> None:
    assert (await client.request(method, "/forward/x")).status == 401
    assert (await client.request(method, "/forward/x", headers=BEARER)).status == 200


async def test_a_preflight_needs_no_sign_in(client: Client) -> None:
    assert (await client.options("/who", headers=FOREIGN)).status == 200


async def test_routes_of_one_shape_keep_their_own_access(client: Client) -> None:
    token = client.app[OPERATORS].add("ada", Role.VIEWER)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get("/numbers/abc", headers=headers)).status == 200
    assert (await client.get("/numbers/123", headers=headers)).status == 403


async def test_a_machine_with_a_bearer_token_needs_no_origin(client: Client) -> None:
    response = await client.post("/orders", headers=BEARER, json={"amount": 1})
    assert response.status == 201


async def test_a_foreign_page_cannot_post_or_open_a_socket(client: Client) -> None:
    await client.post("/api/session", json={"token": "test-operator-token"})
    assert (await client.get("/who")).status == 200, "the cookie is there"
    assert (await client.post("/orders", headers=FOREIGN, json={"amount": 1})).status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/talk", headers=FOREIGN)
    assert refused.value.status == 403
    async with client.ws_connect("/talk", headers={"Origin": "http://127.0.0.1:3001"}) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=5) == "heard"


async def test_a_form_of_a_page_cannot_post(client: Client) -> None:
    await client.post("/api/session", json={"token": "test-operator-token"})
    response = await client.post("/orders", data=b'{"amount":1}', headers={"Content-Type": "text/plain"})
    assert response.status == 415


async def test_twilios_routes_ask_for_no_operator(client: Client) -> None:
    assert (await client.post("/hook", data={"CallSid": "CA1"})).status == 200


# ---- sessions -----------------------------------------------------------------------------------------------


async def test_signing_in_sets_one_strict_cookie_and_signing_out_ends_it(client: Client) -> None:
    assert (await problem_of(await client.get("/api/session")))["status"] == 401
    response = await client.post("/api/session", json={"token": "test-operator-token"})
    assert await response.json() == {"name": "owner", "role": "admin"}
    [cookie] = response.headers.getall("Set-Cookie")
    assert cookie.startswith("crosschannel_session=")
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    stolen = {"Cookie": cookie.split(";")[0]}
    assert await (await client.get("/api/session")).json() == {"name": "owner", "role": "admin"}
    assert (await client.delete("/api/session")).status == 204
    assert (await client.get("/api/session")).status == 401
    assert (await client.get("/who", headers=stolen)).status == 401


async def test_a_session_given_before_signing_in_is_not_taken_over(client: Client) -> None:
    planted = {"Cookie": "crosschannel_session=planted"}
    response = await client.post("/api/session", json={"token": "test-operator-token"}, headers=planted)
    assert response.cookies["crosschannel_session"].value != "planted"
    client.session.cookie_jar.clear()
    assert (await client.get("/who", headers=planted)).status == 401


async def test_five_failed_sign_ins_are_followed_by_429(client: Client) -> None:
    for _ in range(5):
        assert (await client.post("/api/session", json={"token": "wrong"})).status == 401
    response = await client.post("/api/session", json={"token": "test-operator-token"})
    assert (await problem_of(response))["status"] == 429
    assert 0 < int(response.headers["Retry-After"]) <= 300


@pytest.mark.parametrize("body", [{}, {"token": 5}, {"token": "x", "role": "admin"}, []])
async def test_a_sign_in_has_one_token(client: Client, body: object) -> None:
    assert (await client.post("/api/session", json=body)).status == 400


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_foreign_page_can_sign_nobody_in_or_out(client: Client, method: str) -> None:
    response = await client.request(method, "/api/session", json={"token": "test-operator-token"}, headers=FOREIGN)
    assert response.status == 403
    assert "Set-Cookie" not in response.headers


async def test_sign_ins_are_audited_without_the_token(
    client: Client, tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    await client.post("/api/session", json={"token": "wrong-guess"})
    await client.post("/api/session", json={"token": "test-operator-token"})
    await client.delete("/api/session")
    reader = JournalReader(tmp_path / "data", "audit")
    found: list[AuditRecord] = []

    def all_there() -> bool:
        records = [decode(line.raw) for line in reader.read() if isinstance(line, Entry)]
        found.extend(record for record in records if isinstance(record, AuditRecord))
        return len(found) == 3

    await eventually_async(all_there)
    assert [(r.actor, r.action, r.outcome) for r in found] == [
        ("", "sign_in", "refused"),
        ("owner", "sign_in", "ok"),
        ("owner", "sign_out", "ok"),
    ]
    assert b"wrong-guess" not in (tmp_path / "data" / "audit.ndjson").read_bytes()


# ---- health -------------------------------------------------------------------------------------------------


async def test_health_and_metrics_need_no_sign_in(client: Client) -> None:
    assert await (await client.get("/healthz")).json() == {"service": "conversations_api", "status": "alive"}
    assert await (await client.get("/readyz")).json() == {
        "service": "conversations_api",
        "ready": True,
        "reasons": {},
    }
    await client.request("PROPFIND", "/forward/x", headers=BEARER)
    metrics = await (await client.get("/metrics")).text()
    assert 'method="GET",route="/healthz",service="conversations_api",status="200"' in metrics
    assert "PROPFIND" not in metrics, "whatever a stranger sends would become a label"


async def test_readyz_tells_every_reason_and_recovers(client: Client) -> None:
    readiness = client.app[READINESS]
    readiness.set_failed("index", "is being built")
    readiness.draining = True
    response = await client.get("/readyz")
    assert response.status == 503
    assert (await response.json())["reasons"] == {"index": "is being built", "drain": "the service is stopping"}
    readiness.draining = False
    readiness.clear("index")
    readiness.clear("index")
    assert (await client.get("/readyz")).status == 200


async def test_readyz_is_503_while_the_audit_journal_cannot_be_written(
    client: Client, tmp_path: Path, eventually_async: EventuallyAsync
) -> None:
    (tmp_path / "data" / "sealed").write_text("in the way")
    client.app[AUDIT]._segment_bytes = 1
    for _ in range(2):
        await client.post("/api/session", json={"token": "test-operator-token"})

    async def not_ready() -> bool:
        return (await client.get("/readyz")).status == 503

    await eventually_async(not_ready)
    assert (await (await client.get("/readyz")).json())["reasons"] == {"journal audit": "cannot be written"}
    assert (await client.get("/healthz")).status == 200


async def test_an_audit_record_that_is_not_written_is_logged_and_undoes_nothing(
    client: Client, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    client.app[AUDIT].close()
    with caplog.at_level(logging.WARNING):
        response = await client.post("/api/session", json={"token": "test-operator-token"})
    assert response.status == 200
    assert "audit record not written" in caplog.text + "".join(capsys.readouterr())


# ---- draining -----------------------------------------------------------------------------------------------


async def test_a_drain_lets_all_parts_finish_at_once_and_waits_no_longer_than_told(
    client: Client, eventually_async: EventuallyAsync
) -> None:
    readiness = client.app[READINESS]
    finished: list[str] = []

    async def quick(deadline_s: float) -> None:
        finished.append("quick")

    async def hanging(deadline_s: float) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            finished.append("cancelled")

    async def failing(deadline_s: float) -> None:
        raise RuntimeError("cannot finish")

    readiness.on_drain += [hanging, failing, quick]
    await asyncio.wait_for(readiness.drain(0.05), 5)
    await eventually_async(lambda: finished == ["quick", "cancelled"])
    assert readiness.draining
