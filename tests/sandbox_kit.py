"""What the tests of the sandbox share: a running sandbox, clients of its products, Twilio's documents."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import jsonschema_rs
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from sandbox.app import create_app
from sandbox.pacing import Pacing
from sandbox.reported_call import ReportedCall
from shared.config import Settings, TwilioAccount, load_settings

ACCOUNT_SID = "ACdec0de" + "5" * 26
AUTH_TOKEN = "sandbox-test-token"
OPENAI_KEY = "sk-sandbox-test"
SEGMENT_SPACE, SEGMENT_SECRET = "spa_sandbox", "segment-sandbox-secret"
INTELLIGENCE_SID = "GA" + "7" * 32
IMMEDIATE = Pacing(first_token_ms=0, token_ms=0)
T = TypeVar("T")


def sandbox_settings(data_dir: Path, **env: str) -> Settings:
    """Settings of a sandbox whose webhooks go nowhere unless `env` says where."""
    complete = {
        "DATA_DIR": str(data_dir),
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_INTELLIGENCE_SERVICE_SID": INTELLIGENCE_SID,
        "OPENAI_API_KEY": OPENAI_KEY,
        "SEGMENT_SPACE_ID": SEGMENT_SPACE,
        "SEGMENT_ACCESS_SECRET": SEGMENT_SECRET,
        "OPERATOR_TOKEN": "sandbox-operator-token",
        "SESSION_SECRET": "sandbox-session-secret",
        "CONVERSATIONS_PUBLIC_URL": "http://127.0.0.1:1",
        "INTELLIGENCE_PUBLIC_URL": "http://127.0.0.1:1",
    }
    return load_settings("sandbox", complete | env)


@dataclass
class Answer:
    """What came back: status, headers, and the body as JSON where it is JSON."""

    status: int
    json: Any
    headers: dict[str, str]


@dataclass
class Sandbox:
    """A running sandbox and ways to talk with it."""

    url: str
    session: aiohttp.ClientSession
    account: TwilioAccount
    data_dir: Path

    async def twilio(self, method: str, path: str, **form: str | list[str]) -> Answer:
        """A request with the account's credentials; `form` is urlencoded, `Double__Under` becomes a dot."""
        pairs = [
            (name.replace("__", "."), value)
            for name, values in form.items()
            for value in (values if isinstance(values, list) else [values])
        ]
        auth = aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)
        data = aiohttp.FormData(pairs) if pairs else None
        return await self.request(method, path, data=data, headers={"Authorization": auth})

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        auth = aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Authorization": auth, **({"Content-Type": "application/json"} if body is not None else {})}
        return await self.request(method, f"/control/{path}", data=data, headers=headers)

    async def advance(self, seconds: float) -> int:
        """Moves the sandbox's clock; what became due has happened then. The number of jobs."""
        answer = await self.control("POST", "clock", {"advance_s": seconds})
        assert answer.status == 200, answer
        return int(answer.json["jobs_run"])

    async def report(self, call: ReportedCall) -> str:
        answer = await self.control("POST", "reports", call)
        assert answer.status == 201, answer
        return str(answer.json["transcript_sid"])

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(method, url, **options) as response:
            body = await response.read()
            found = msgspec.json.decode(body) if "json" in response.content_type else body.decode()
            return Answer(response.status, found, dict(response.headers))

    async def through_sdk(self, ask: Callable[[Client], T]) -> T:
        """What the official SDK says. It blocks, and the sandbox runs on our loop, hence the thread."""

        def in_thread() -> T:
            with sync_client(self.account) as client:
                return ask(client)

        return await asyncio.to_thread(in_thread)


@asynccontextmanager
async def open_sandbox(data_dir: Path, pacing: Pacing = IMMEDIATE, **env: str) -> AsyncIterator[Sandbox]:
    """A sandbox on a free loopback port."""
    app = create_app(sandbox_settings(data_dir, **env), pacing)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        yield Sandbox(url, session, TwilioAccount(ACCOUNT_SID, AUTH_TOKEN, base_url=url), data_dir)


class RewritingHttp(TwilioHttpClient):
    """The SDK's own client, on its way to the sandbox instead of Twilio."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__()
        self._account = account

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return super().request(method, self._account.rewrite(url), *args, **kwargs)


class AsyncRewritingHttp(AsyncTwilioHttpClient):
    """The same for the asynchronous client."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__()
        self._account = account

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        json_type = (kwargs.get("headers") or {}).get("Content-Type") == "application/json"
        if json_type and isinstance(kwargs.get("data"), dict):  # this client of 9.13 writes them as forms
            kwargs["data"] = msgspec.json.encode(kwargs["data"])
        return await super().request(method, self._account.rewrite(url), *args, **kwargs)


@contextmanager
def sync_client(account: TwilioAccount) -> Iterator[Client]:
    http = RewritingHttp(account)
    try:
        yield Client(account.account_sid, account.auth_token, http_client=http)
    finally:
        http.session.close()


@dataclass
class Receiver:
    """A server that webhooks are posted to; it remembers them and answers `status`."""

    url: str = ""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200

    async def take(self, request: web.Request) -> web.Response:
        self.seen.append((str(request.url), dict(request.headers), await request.read()))
        return web.Response(text="ok", status=self.status)


@asynccontextmanager
async def open_receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("")).rstrip("/")
        yield receiver


class OpenApi:
    """One of Twilio's OpenAPI documents, as a judge of answers."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = _as_json_schema(document)
        self.checked: set[tuple[str, str]] = set()

    @property
    def operations(self) -> set[tuple[str, str]]:
        """(method, path) of everything that the document describes."""
        verbs = ("get", "post", "delete")
        return {(verb, path) for path, item in self._document["paths"].items() for verb in verbs if verb in item}

    def check(self, path: str, method: str, status: int, body: Any) -> None:
        """Passes when the document allows this answer; fails naming what does not fit, or an unknown field."""
        self.checked.add((method, path))
        responses = self._document["paths"][path][method]["responses"]
        assert str(status) in responses, f"{method} {path} answered {status}, documented are {list(responses)}"
        if status == 204:
            assert not body, f"{method} {path}: a 204 has no body"
            return
        schema = responses[str(status)]["content"]["application/json"]["schema"]
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": self._document["components"]})
        faults = [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(body)]
        assert not faults, f"{method} {path}: {faults}"
        self._check_fields(schema, body, path)

    def _check_fields(self, schema: dict[str, Any], body: Any, path: str) -> None:
        """The schemas require nothing, so an empty object would pass: compare the names as well."""
        if "$ref" in schema:
            schema = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if schema.get("type") == "array" or "items" in schema:
            for item in body or []:
                self._check_fields(schema["items"], item, path)
            return
        documented = schema.get("properties")
        if not documented or not isinstance(body, dict):
            return
        assert set(body) == set(documented), f"{path}: {set(body) ^ set(documented)} differ"
        for name, inner in documented.items():
            self._check_fields(inner, body[name], f"{path} {name}")


def load_openapi(name: str) -> OpenApi:
    """The document from TWILIO_SPECS_DIR. Skips the test only where it is absent outside of CI."""
    folder = Path(os.environ.get("TWILIO_SPECS_DIR", "../shared/specs"))
    path = folder / name
    if not path.is_file() and not os.environ.get("CI"):
        pytest.skip(f"{path} is not there; set TWILIO_SPECS_DIR")
    return OpenApi(msgspec.json.decode(path.read_bytes()))


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema: `nullable` becomes a type, `readOnly` and the like mean nothing to it."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: _as_json_schema(value) for key, value in node.items() if key not in ("nullable", "format")}
    if node.get("nullable") is True and isinstance(converted.get("type"), str):
        converted["type"] = [converted["type"], "null"]
    return converted


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
