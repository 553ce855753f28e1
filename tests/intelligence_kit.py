"""What the tests of intelligence_webhooks share: fixtures, signed requests, a small Twilio with a memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
from aiohttp import encode_basic_auth, web

from shared.signature import sign_json

FOLDER = Path(__file__).parent / "fixtures" / "intelligence"
ACCOUNT_SID = "AC" + "1" * 32
AUTH_TOKEN = "test-auth-token"
BEARER = {"Authorization": "Bearer test-operator-token"}
TRANSCRIPT_SID = "GT" + "0" * 32
CALL_SID = "CA" + "0" * 32
PAGE_ITEMS = 2


def fixture(name: str) -> Any:
    """The fixture `<event>_<deviation>` as a value."""
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes())


def fixture_bytes(name: str) -> bytes:
    """The fixture as the bytes of a body."""
    return (FOLDER / f"{name}.json").read_bytes()


def sid(prefix: str, number: int) -> str:
    return f"{prefix}{number:032x}"


def v2_body(number: int = 0) -> bytes:
    """A v2 webhook about the transcript with this number."""
    return fixture_bytes("webhook_v2").replace(TRANSCRIPT_SID.encode(), sid("GT", number).encode())


def signed(origin: str, body: bytes, path: str = "/webhook") -> tuple[str, dict[str, str]]:
    """The path with its query, and the headers, of a JSON webhook that Twilio signed for `origin`."""
    url, signature = sign_json(origin + path, body, AUTH_TOKEN)
    return url.removeprefix(origin), {"X-Twilio-Signature": signature, "Content-Type": "application/json"}


Fault = Callable[[web.Request], web.StreamResponse | None]


@dataclass
class Upstream:
    """Twilio Intelligence v2 as far as these tests need it: transcripts in memory, pages of two, faults on demand.

    A fault is asked first for every request, in order; the first that gives a response answers.
    """

    transcripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    singles: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def put(self, number: int = 0, results: str = "operator_results_json", transcript: str = "transcript") -> str:
        """Adds a transcript with these fixtures; its sid."""
        transcript_sid = sid("GT", number)
        self.transcripts[transcript_sid] = fixture(transcript) | {"sid": transcript_sid}
        self.results[transcript_sid] = fixture(results)
        return transcript_sid

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._gate])
        app.router.add_get("/intelligence/v2/Transcripts", self._list)
        app.router.add_get("/intelligence/v2/Transcripts/{sid}", self._transcript)
        app.router.add_get("/intelligence/v2/Transcripts/{sid}/Sentences", self._sentences)
        app.router.add_get("/intelligence/v2/Transcripts/{sid}/OperatorResults", self._results)
        app.router.add_get("/intelligence/v2/Transcripts/{sid}/OperatorResults/{operator}", self._single)
        return app

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.seen.append(request.path)
        self.queries.append(dict(request.query))
        for fault in self.faults:
            response = fault(request)
            if response is not None:
                return response
        if request.headers.get("Authorization") != encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN):
            return web.json_response({"code": 20003, "status": 401}, status=401)
        response = await handler(request)
        assert isinstance(response, web.StreamResponse)
        return response

    async def _transcript(self, request: web.Request) -> web.Response:
        found = self.transcripts.get(request.match_info["sid"])
        return web.json_response(found or {"code": 20404, "status": 404}, status=200 if found else 404)

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query.get("Status")
        found = [t for t in self.transcripts.values() if wanted in (None, t["status"])]
        return _page(request, "transcripts", found)

    async def _sentences(self, request: web.Request) -> web.Response:
        return _page(request, "sentences", fixture("sentences"))

    async def _results(self, request: web.Request) -> web.Response:
        return _page(request, "operator_results", self.results[request.match_info["sid"]])

    async def _single(self, request: web.Request) -> web.Response:
        return web.json_response(self.singles[request.match_info["operator"]])


def _page(request: web.Request, key: str, items: list[dict[str, Any]]) -> web.Response:
    """One page as Twilio sends it: next_page_url is on twilio.com, whatever address the client used."""
    page = int(request.query.get("Page", "0"))
    start = page * PAGE_ITEMS
    path = request.path.removeprefix("/intelligence")
    more = start + PAGE_ITEMS < len(items)
    query = urlencode({**request.query, "Page": str(page + 1), "PageToken": "t"})
    following = f"https://intelligence.twilio.com{path}?{query}" if more else None
    meta = {"key": key, "page": page, "page_size": PAGE_ITEMS, "next_page_url": following}
    return web.json_response({key: items[start : start + PAGE_ITEMS], "meta": meta})
