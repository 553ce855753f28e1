"""What the tests of conversations_api share: a small Twilio with a memory, and the service in front of it."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, unquote

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from conversations_api.app import create_app
from conversations_api.upstream import INDEX_AGENT, Patience
from shared.config import Settings, load_settings

ACCOUNT_SID = "ACdec0de" + "0" * 26
AUTH_TOKEN = "kit-auth-token"
OPERATOR_TOKEN = "kit-operator-token"
PUBLIC_URL = "http://127.0.0.1:3001"
ORIGIN = "http://127.0.0.1:3000"
BEARER = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
QUICK = Patience(total_s=3.0, attempt_s=0.5, first_delay_s=0.01, longest_delay_s=0.05, attempts=4)

PREFIXES = {
    "Services": "IS",
    "Conversations": "CH",
    "Participants": "MB",
    "Messages": "IM",
    "Webhooks": "WH",
    "Receipts": "DY",
    "Users": "US",
    "Roles": "RL",
    "Addresses": "IG",
}
DATE = "2026-11-22T10:00:00Z"


def sid(prefix: str, number: int = 1) -> str:
    return f"{prefix}{number:032x}"


@dataclass
class Seen:
    """A request the upstream got."""

    method: str
    path: str
    query: list[tuple[str, str]]
    form: list[tuple[str, str]]
    headers: dict[str, str]


Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Upstream:
    """Twilio Conversations as far as these tests need it: it stores, lists by token, and can be told to fail."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    file_faults: list[Fault] = field(default_factory=list)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    content_link: str = "https://media.us1.twilio.com/{sid}?Expires=1"

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/conversations/v1{tail:/.*}", self.answer)
        app.router.add_post("/mcs/v1/Services/{service}/Media", self.store_file)
        app.router.add_get("/mcs/v1/Services/{service}/Media/{media}", self.describe_file)
        app.router.add_get("/media/{media}", self.read_file)
        return app

    def fail(self, *faults: Fault) -> None:
        self.faults += faults

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = parse_qsl((await request.read()).decode(), keep_blank_values=True)
        path = request.rel_url.raw_path.removeprefix("/conversations/v1")
        if request.headers.get("User-Agent") == INDEX_AGENT:  # the index at its own work: nothing of it here
            nothing = {"meta": {"key": "none", "next_page_url": None}, "none": []}
            return web.json_response(nothing, status=200 if path == "/Services" else 404)
        self.seen.append(Seen(request.method, path, list(request.query.items()), form, dict(request.headers)))
        if self.faults:
            return await self.faults.pop(0)(request)
        if path.rpartition("/Configuration")[2] in {"", "/Webhooks", "/Notifications"} and path != "":
            return self._document(request.method, path, form)
        if path.endswith("/ConversationWithParticipants"):
            path = path.replace("ConversationWithParticipants", "Conversations")
            form = [("State", "initializing"), *((name, value) for name, value in form if name != "Participant")]
            return self._create(path.strip("/"), self.rows.setdefault(path.strip("/"), []), form, 202)
        collection, key = self._split(path)
        rows = self.rows.setdefault(collection, [])
        if key is None and request.method == "GET":
            return self._page(request, collection, rows)
        if key is None:
            return self._create(collection, rows, form)
        found = next(
            (row for row in rows if key in {row["sid"], row.get("unique_name"), row.get("identity")}), None
        )
        if found is None:
            return refuse(404, 20404)
        return self._one(request, rows, found, form)

    def _split(self, path: str) -> tuple[str, str | None]:
        parts = path.strip("/").split("/")
        if parts[:2] == ["Configuration", "Addresses"]:
            return "Configuration/Addresses", unquote(parts[2]) if len(parts) > 2 else None
        if len(parts) % 2:
            return "/".join(parts), None
        return "/".join(parts[:-1]), unquote(parts[-1])

    def _page(self, request: web.Request, collection: str, rows: list[dict[str, Any]]) -> web.Response:
        size = int(request.query.get("PageSize", 50))
        start = int(request.query.get("PageToken", "PT0").removeprefix("PT"))
        state = request.query.get("State")
        chosen = [row for row in rows if state is None or row.get("state") == state]
        key = collection.rpartition("/")[2].lower()
        more = start + size < len(chosen)
        number = int(request.query.get("Page", 0)) + 1
        own = f"PageSize={size}" + (f"&State={state}" if state else "")
        page = f"Page={number}&PageToken=PT{start + size}"
        following = f"https://conversations.twilio.com/v1/{collection}?{own}&{page}"
        meta = {"key": key, "page": 0, "page_size": size, "next_page_url": following if more else None}
        return web.json_response({"meta": meta, key: chosen[start : start + size]})

    def _document(self, method: str, path: str, form: list[tuple[str, str]]) -> web.Response:
        document = self.documents.setdefault(path, {"account_sid": ACCOUNT_SID, "url": "https://x.twilio.com"})
        if path == "/Configuration":
            document.setdefault("default_chat_service_sid", sid("IS"))
        if method == "POST":
            document.update(unfold(form))
        return web.json_response(document)

    async def store_file(self, request: web.Request) -> web.Response:
        data = await request.read()
        key = "ME" + secrets.token_hex(16)
        document = {
            "sid": key,
            "size": len(data),
            "content_type": request.headers["Content-Type"],
            "filename": request.query.get("Filename"),
            "date_created": DATE,
            "links": {"content_direct_temporary": self.content_link.format(sid=key)},
        }
        self.files[key] = (document, data)
        return web.json_response(document, status=201)

    async def describe_file(self, request: web.Request) -> web.Response:
        if self.file_faults:
            return cast(web.Response, await self.file_faults.pop(0)(request))
        found = self.files.get(request.match_info["media"])
        return web.json_response(found[0]) if found else refuse(404, 20404)

    async def read_file(self, request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        data, start = self.files[request.match_info["media"]][1], request.http_range.start
        if start is None:
            return web.Response(body=data, content_type="text/html")
        covered = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        return web.Response(body=data[start:], status=206, headers=covered)

    def _create(
        self, collection: str, rows: list[dict[str, Any]], form: list[tuple[str, str]], status: int = 201
    ) -> web.Response:
        row = unfold(form)
        name = row.get("unique_name")
        if name is not None and any(other.get("unique_name") == name for other in rows):
            return refuse(409, 50353)
        kind = collection.rpartition("/")[2]
        row |= {"sid": PREFIXES[kind] + secrets.token_hex(16), "account_sid": ACCOUNT_SID, "date_created": DATE}
        row |= {"url": "https://conversations.twilio.com/v1/secret", "links": {"more": "https://x.twilio.com"}}
        row.setdefault("attributes", "{}")
        if kind == "Conversations":
            row.setdefault("state", "active")
        else:
            row["conversation_sid"] = collection.split("/")[-2] if "/" in collection else None
        if collection.startswith("Services/"):
            row["chat_service_sid"] = collection.split("/")[1]
        else:
            row.setdefault("chat_service_sid", sid("IS"))
        rows.append(row)
        return web.json_response(row, status=status)

    def _one(
        self, request: web.Request, rows: list[dict[str, Any]], row: dict[str, Any], form: list[tuple[str, str]]
    ) -> web.Response:
        if request.method == "DELETE":
            rows.remove(row)
            return web.Response(status=204)
        if request.method == "POST" and row.get("state") == "closed":
            return refuse(400, 50377)
        if request.method == "POST":
            row |= {**unfold(form), "date_updated": DATE}
        return web.json_response(row)

    def add(self, collection: str, **values: Any) -> str:
        """Puts a row in and returns its sid."""
        kind = collection.rpartition("/")[2]
        row = {"sid": PREFIXES[kind] + secrets.token_hex(16), "attributes": "{}", "date_created": DATE, **values}
        self.rows.setdefault(collection, []).append(row)
        return str(row["sid"])


def unfold(form: list[tuple[str, str]]) -> dict[str, Any]:
    """A Twilio form as the resource it describes: `Configuration.Url` becomes configuration.url."""
    row: dict[str, Any] = {}
    for name, value in form:
        *outer, last = [re.sub(r"(?<!^)([A-Z])", r"_\1", part).lower() for part in name.split(".")]
        place = row
        for part in outer:
            place = place.setdefault(part, {})
        if last in {"filters", "triggers", "permission"}:
            place.setdefault(last, []).append(value)
        else:
            place[last] = typed(last, value)
    return {name: value for name, value in row.items() if name != "timers"}


def typed(name: str, value: str) -> Any:
    if value in {"true", "false"}:
        return value == "true"
    return int(value) if name in {"last_read_message_index", "replay_after"} else value


def refuse(status: int, code: int, **headers: str) -> web.Response:
    body = {
        "code": code,
        "message": "upstream words at https://conversations.twilio.com/v1/secret",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def refusing(status: int, code: int, **headers: str) -> Fault:
    """A fault that refuses once."""

    async def fault(_: web.Request) -> web.StreamResponse:
        return refuse(status, code, **headers)

    return fault


def html(status: int) -> Fault:
    """A fault of something in front of Twilio."""

    async def fault(_: web.Request) -> web.StreamResponse:
        page = "<html>gateway at conversations.twilio.com is sad</html>"
        return web.Response(status=status, text=page, content_type="text/html")

    return fault


def silent(seconds: float) -> Fault:
    """A fault that takes its time."""

    async def fault(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({})

    return fault


@dataclass
class Platform:
    """The service under test and the Twilio behind it."""

    client: TestClient[web.Request, web.Application]
    upstream: Upstream
    settings: Settings

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """A request of the owner; `more` goes to aiohttp."""
        headers = {**BEARER, **more.pop("headers", {})}
        if body is not None:
            more["data"] = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        async with self.client.request(method, path, headers=headers, **more) as response:
            return Answer(response.status, response.headers, await response.read())


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # whatever the case of their names
    raw: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.raw)


@asynccontextmanager
async def open_platform(
    data_dir: Path, *, console: Path | None = None, patience: Patience = QUICK, **environ: str
) -> AsyncIterator[Platform]:
    """The service on a loopback port with an upstream of its own."""
    upstream = Upstream()
    async with TestServer(upstream.app()) as server:
        settings = load_settings("conversations_api", environment(data_dir, str(server.make_url("")), **environ))
        app = create_app(settings, console=console or data_dir / "no-console", patience=patience)
        async with TestClient(TestServer(app)) as client:
            yield Platform(client, upstream, settings)


def environment(data_dir: Path, twilio: str, **more: str) -> dict[str, str]:
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_BASE_URL": twilio.rstrip("/"),
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
        "SESSION_SECRET": "kit-session-secret",
        "DATA_DIR": str(data_dir),
        "WEB_ORIGINS": ORIGIN,
        **more,
    }


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    """Returns when the condition holds. Fails the test when it does not within the deadline."""
    ends_at = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends_at, "the awaited condition did not come about"
        await asyncio.sleep(0.01)


def journal_lines(data_dir: Path, stream: str) -> list[dict[str, Any]]:
    """The records of a stream as they stand on disk."""
    path = data_dir / f"{stream}.ndjson"
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []
