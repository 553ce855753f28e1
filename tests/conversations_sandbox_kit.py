"""The service in front of the sandbox, and the official SDK as the independent client of the same account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from conversations_api.app import create_app
from conversations_api.deliveries import STREAM
from sandbox.app import create_app as create_sandbox
from shared.config import TwilioAccount, load_settings
from tests.conversations_kit import QUICK, Platform, Upstream, environment, journal_lines


class RewritingHttp(TwilioHttpClient):
    """The SDK's own HTTP client, on its way to the sandbox instead of Twilio."""

    def __init__(self, account: TwilioAccount) -> None:
        super().__init__()
        self._account = account

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().request(method, self._account.rewrite(url), *args, **kwargs)
        return response


@dataclass
class Installation:
    """The service, the sandbox behind it, and the SDK's way into the same account."""

    platform: Platform
    sdk: Any
    data_dir: Path

    async def through_sdk(self, ask: Callable[[Any], Any]) -> Any:
        """What the SDK says; it blocks, and the sandbox runs on our loop."""
        return await asyncio.to_thread(ask, self.sdk)

    def events(self, source: str) -> list[str]:
        lines = journal_lines(self.data_dir, STREAM)
        return [line["event_type"] for line in lines if line["source"] == source]

    async def list(self, path: str) -> list[dict[str, Any]]:
        """The items of a list, which must be answered."""
        answer = await self.platform.call("GET", path)
        assert answer.status == 200, answer.raw
        items: list[dict[str, Any]] = answer.json["items"]
        return items


@asynccontextmanager
async def open_installation(tmp_path: Path, port: int) -> AsyncIterator[Installation]:
    data_dir = tmp_path / "data"
    more = {"CONVERSATIONS_PUBLIC_URL": f"http://127.0.0.1:{port}", "OPENAI_API_KEY": "sk-sandbox"}
    sandbox = create_sandbox(
        load_settings("sandbox", environment(tmp_path / "sandbox", "http://127.0.0.1:1", **more))
    )
    async with TestServer(sandbox) as twilio:
        settings = load_settings("conversations_api", environment(data_dir, str(twilio.make_url("")), **more))
        server = TestServer(create_app(settings, console=tmp_path, patience=QUICK), port=port)
        async with TestClient[web.Request, web.Application](server) as client:
            account = settings.twilio
            assert account is not None
            http = RewritingHttp(account)
            sdk = Client(account.account_sid, account.auth_token, http_client=http).conversations.v1
            yield Installation(Platform(client, Upstream(), settings), sdk, data_dir)
            http.session.close()
