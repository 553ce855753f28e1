"""What a scenario wants of the sandbox before its call, and putting it back afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from sandbox.scenarios.grammar import Before
from shared.config import TwilioAccount

TIMEOUT_S = 5.0


class NoStage(Exception):
    """The sandbox did not do what it was asked; the message says what to do."""


class Stage:
    """The sandbox's control, with the account's credentials."""

    def __init__(self, session: aiohttp.ClientSession, sandbox_url: str, account: TwilioAccount) -> None:
        self._session = session
        self._url = sandbox_url
        self._authorization = aiohttp.encode_basic_auth(account.account_sid, account.auth_token)

    @asynccontextmanager
    async def set_for(self, before: Before) -> AsyncIterator[None]:
        """The sandbox as the scenario wants it; faults, pace and answers are as before at the end."""
        pace = await self._ask("GET", "model") if before.model is not None else None
        for fault in before.faults:
            await self._ask("POST", "faults", fault)
        if before.model is not None:
            await self._ask("PUT", "model", before.model)
        if before.answers:
            await self._ask("POST", "model/script", before.answers)
        try:
            yield
        finally:
            if before.faults:
                await self._ask("DELETE", "faults")
            if before.answers:
                await self._ask("DELETE", "model/script")
            if isinstance(pace, dict):
                names = ("first_token_ms", "token_ms", "jitter")
                await self._ask("PUT", "model", {name: pace[name] for name in names if name in pace})

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        data = None if body is None else msgspec.json.encode(body)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        url = f"{self._url}/control/{path}"
        try:
            async with self._session.request(method, url, data=data, headers=headers, timeout=timeout) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoStage(f"No sandbox answers at {self._url}; scenarios with `before` need it.") from error
        if response.status >= 400:
            raise NoStage(f"The sandbox answered {response.status} to {method} /control/{path}.")
        return msgspec.json.decode(answer) if answer else None
