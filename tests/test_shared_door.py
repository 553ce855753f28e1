"""The door: roles, sites that may send requests, rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import shared.door
from shared.config import Settings
from shared.door import PUBLIC, TWILIO, Access, Door, Facts
from shared.operators import Identity, Operators, Role
from shared.problem import Problem

MakeSettings = Callable[..., Settings]
OWN = "http://127.0.0.1:3001"
FOREIGN = [
    "https://evil.example",
    "null",
    "http://127.0.0.1:3001.evil.example",
    "https://127.0.0.1:3001",
    "http://127.0.0.1:3002",
    "",
]
JSON = "application/json; charset=utf-8"


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[Operators]:
    with closing(Operators(tmp_path, "session-secret", "owner-token")) as operators:
        yield operators


@pytest.fixture
def door(make_settings: MakeSettings, tmp_path: Path, operators: Operators) -> Door:
    return Door(make_settings("conversations_api", tmp_path), operators)


def facts(
    method: str = "GET",
    *,
    address: str = "127.0.0.1",
    authorization: str | None = "Bearer owner-token",
    cookie: str | None = None,
    origin: str | None = None,
    content_type: str | None = None,
    is_websocket: bool = False,
) -> Facts:
    return Facts(
        method=method,
        path="/api/x",
        address=address,
        authorization=authorization,
        cookie=cookie,
        origin=origin,
        content_type=content_type,
        has_body=content_type is not None,
        is_websocket=is_websocket,
    )


def refused(door: Door, access: Access, asked: Facts) -> int:
    with pytest.raises(Problem) as caught:
        door.admit(access, asked)
    return caught.value.status


@pytest.mark.parametrize("has", list(Role))
@pytest.mark.parametrize("needs", list(Role))
def test_each_role_opens_what_lies_below_it(door: Door, operators: Operators, has: Role, needs: Role) -> None:
    asked = facts(authorization=f"Bearer {operators.add('ada', has)}")
    if has >= needs:
        assert door.admit(needs, asked) == Identity("ada", has)
    else:
        assert refused(door, needs, asked) == 403


@pytest.mark.parametrize(
    "asked", [facts(authorization=None), facts(authorization="Bearer x"), facts(cookie="x", authorization=None)]
)
def test_who_is_not_known_is_asked_to_sign_in(door: Door, asked: Facts) -> None:
    assert refused(door, Role.VIEWER, asked) == 401


@pytest.mark.parametrize("access", [PUBLIC, TWILIO])
def test_open_routes_ask_nobody(door: Door, access: Access) -> None:
    asked = facts("POST", authorization=None, origin="https://evil.example", content_type="text/plain")
    assert door.admit(access, asked) is None


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_foreign_site_cannot_change_anything(door: Door, operators: Operators, method: str, origin: str) -> None:
    cookie, _ = operators.sign_in("owner-token", "127.0.0.1")
    asked = facts(method, authorization=None, cookie=cookie, origin=origin, content_type=JSON)
    assert refused(door, Role.VIEWER, asked) == 403


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_site_cannot_open_a_socket(door: Door, operators: Operators, origin: str) -> None:
    cookie, _ = operators.sign_in("owner-token", "127.0.0.1")
    asked = facts("GET", authorization=None, cookie=cookie, origin=origin, is_websocket=True)
    assert refused(door, Role.VIEWER, asked) == 403


@pytest.mark.parametrize("origin", [OWN, "http://localhost:3001", "http://127.0.0.1:3000", None])
def test_our_own_pages_and_machines_without_an_origin_are_admitted(
    door: Door, operators: Operators, origin: str | None
) -> None:
    cookie, _ = operators.sign_in("owner-token", "127.0.0.1")
    for asked in (
        facts("POST", authorization=None, cookie=cookie, origin=origin, content_type=JSON),
        facts("DELETE", authorization=None, cookie=cookie, origin=origin),
        facts("GET", authorization=None, cookie=cookie, origin=origin, is_websocket=True),
    ):
        assert door.admit(Role.ADMIN, asked) is not None


def test_the_public_addresses_are_our_own_pages(
    make_settings: MakeSettings, tmp_path: Path, operators: Operators
) -> None:
    urls = {
        "RELAY_PUBLIC_URL": "https://voice.example.com",
        "CONVERSATIONS_PUBLIC_URL": "https://console.example.com",
    }
    door = Door(make_settings("relay_server", tmp_path, **urls), operators)
    for origin in (*urls.values(), "http://127.0.0.1:8080"):
        assert door.admit(Role.ADMIN, facts("POST", origin=origin)) is not None
    assert refused(door, Role.ADMIN, facts("POST", origin="https://example.com")) == 403


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "", "text/plain; application/json"]
)
@pytest.mark.parametrize("origin", [OWN, None])
def test_a_body_that_a_plain_form_could_send_is_refused(door: Door, content_type: str, origin: str | None) -> None:
    asked = facts("POST", origin=origin, content_type=content_type)
    assert refused(door, Role.ADMIN, asked) == 415


def test_an_upload_from_a_browser_names_its_origin(door: Door, operators: Operators) -> None:
    cookie, _ = operators.sign_in("owner-token", "127.0.0.1")
    upload = "multipart/form-data; boundary=x"
    assert refused(door, Role.ADMIN, facts("POST", authorization=None, cookie=cookie, content_type=upload)) == 403
    assert door.admit(
        Role.ADMIN, facts("POST", authorization=None, cookie=cookie, content_type=upload, origin=OWN)
    )
    assert door.admit(Role.ADMIN, facts("POST", content_type=upload)), "a machine with a token sends no Origin"


def test_the_rate_is_limited_per_operator_and_address(
    door: Door, operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = operators.add("ada", Role.VIEWER)
    asked = facts(authorization=f"Bearer {token}", address="10.0.0.1")
    for _ in range(shared.door.REQUESTS_PER_MINUTE):
        door.admit(Role.VIEWER, asked)
    with pytest.raises(Problem) as caught:
        door.admit(Role.VIEWER, asked)
    assert caught.value.status == 429
    assert int(caught.value.headers["Retry-After"]) > 0
    assert door.admit(Role.VIEWER, facts(authorization=f"Bearer {token}", address="10.0.0.2"))
    assert door.admit(Role.VIEWER, facts(address="10.0.0.1"))
