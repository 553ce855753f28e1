"""Every route of every service against every role: who may not stays outside, who may gets in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import conversations_api.app
import relay_server.app
import sandbox.app
import signal_analytics.app
from intelligence_webhooks.app import create_app as create_intelligence
from shared.door import Access, Open
from shared.operators import Role
from shared.service_keys import ACCESS, OPERATORS, SETTINGS
from tests.conftest import MakeSettings

BUILDERS: dict[str, Callable[..., web.Application]] = {
    "relay_server": relay_server.app.create_app,
    "conversations_api": conversations_api.app.create_app,
    "signal_analytics": signal_analytics.app.create_app,
    "sandbox": sandbox.app.create_app,
}
COMMON_PATHS = {"/healthz", "/readyz", "/metrics", "/api/session"}
OPEN_PATHS = {
    "relay_server": {"/dashboard", "/dashboard/static/{name}"},  # the page shows a stranger its sign-in form
    "conversations_api": {"/docs", "/openapi.json", "/{path}"},  # the console's own files
    "signal_analytics": set(),
}
REFUSED = {401, 403}
UPSTREAMS = ("TWILIO_BASE_URL", "OPENAI_BASE_URL", "SEGMENT_BASE_URL")


@pytest.fixture(params=BUILDERS)
async def client(
    request: pytest.FixtureRequest, tmp_path: Path, make_settings: MakeSettings
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestServer(web.Application()) as empty:  # behind the services is nothing: it answers 404
        upstreams = {name: str(empty.make_url("/")) for name in UPSTREAMS}
        app = BUILDERS[request.param](make_settings(request.param, tmp_path, **upstreams))
        async with TestClient(TestServer(app)) as found:
            yield found


def operator_routes(app: web.Application) -> list[tuple[str, str, Role]]:
    """(method, path with example values, needed role) of the routes that need an operator."""
    found = []
    for route, access in app[ACCESS].items():
        if isinstance(access, Role) and route.resource is not None:
            path = "".join("x" if part.startswith("{") else part for part in _parts(route.resource.canonical))
            found.append((route.method, path, access))
    return found


def _parts(canonical: str) -> list[str]:
    parts, rest = [], canonical
    while "{" in rest:
        before, _, after = rest.partition("{")
        parts += [before, "{}"]
        rest = after.partition("}")[2]
    return [*parts, rest]


async def test_every_route_has_an_access_rule(client: TestClient[web.Request, web.Application]) -> None:
    app = client.app
    assert app is not None
    unknown = [route for route in app.router.routes() if route not in app[ACCESS] and route.method != "OPTIONS"]
    assert unknown == []


async def test_strangers_are_refused_on_every_operator_route(
    client: TestClient[web.Request, web.Application],
) -> None:
    assert client.app is not None
    for method, path, _ in operator_routes(client.app):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "crosschannel_session=wrong"}):
            async with client.request(method, path, headers=headers) as response:
                assert response.status == 401, (method, path, headers)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_reaches_what_it_may_and_nothing_more(
    client: TestClient[web.Request, web.Application], role: Role
) -> None:
    assert client.app is not None
    headers = {"Authorization": f"Bearer {client.app[OPERATORS].add(role.name.lower(), role)}"}
    for method, path, needed in operator_routes(client.app):
        async with client.request(method, path, headers=headers) as response:
            if role < needed:
                assert response.status == 403, (method, path, role)
            else:
                assert response.status not in REFUSED, (method, path, role)


async def test_only_the_known_paths_are_open(client: TestClient[web.Request, web.Application]) -> None:
    """What anyone may ask for is listed here, so that opening a route is a decision."""
    assert client.app is not None
    opened = {
        route.resource.canonical
        for route, access in client.app[ACCESS].items()
        if access is Open.PUBLIC and route.resource is not None
    }
    service = client.app[SETTINGS].service
    if service != "sandbox":  # it checks the credentials of the products it plays: test_sandbox_*.py
        assert opened == COMMON_PATHS | OPEN_PATHS[service]


def intelligence_routes(access: dict[str, Access]) -> list[tuple[str, str, Role]]:
    found = []
    for endpoint, who in access.items():
        method, _, rule = endpoint.partition(" ")
        if isinstance(who, Role):
            found.append(
                (method, "/".join("x" if part.startswith("<") else part for part in rule.split("/")), who)
            )
    return found


@pytest.mark.parametrize("role", [None, *Role])
def test_the_flask_service_keeps_the_same_door(
    tmp_path: Path, make_settings: MakeSettings, role: Role | None
) -> None:
    app = create_intelligence(make_settings("intelligence_webhooks", tmp_path))
    store = app.extensions["store"]
    headers = {"Authorization": f"Bearer {store.operators.add('someone', role)}"} if role else {}
    routes = intelligence_routes(app.extensions["access"])
    assert routes
    for method, path, needed in routes:
        status = app.test_client().open(path, method=method, headers=headers).status_code
        if role is None:
            assert status == 401, (method, path)
        elif role < needed:
            assert status == 403, (method, path)
        else:
            assert status not in REFUSED, (method, path)
