"""Written conversations: customers write to the shop's number, and the shop answers through the REST door."""

from __future__ import annotations

import random
from typing import Any

import aiohttp
import msgspec

from crosschannel.week.plan import PlannedChat
from dialogue.agent import load_agent
from sandbox.scenarios.personas import lines
from shared.config import Settings, TwilioAccount

SUBJECTS = ("hours", "address", "delivery", "cafe", "events", "recommendation", "prices", "returns", "complaint")
SHOP = "Harbour Books"
CLOSED = 0.6  # the share of conversations that the shop closes
TIMEOUT = aiohttp.ClientTimeout(total=15)


class ChatFailed(Exception):
    """A service refused something; the message says what."""


class Chats:
    """Writes conversations. The answers come from the model of the platform, with the agent's instructions."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings, account: TwilioAccount) -> None:
        self._session = session
        self._settings = settings
        self._account = account
        self._number = account.phone_number or ""
        self._basic = {"Authorization": aiohttp.encode_basic_auth(account.account_sid, account.auth_token)}
        self._bearer = {"Authorization": f"Bearer {settings.operator_token}"}
        self._instructions = load_agent(None).instructions

    async def open_addresses(self) -> None:
        """Texts to the shop's number open conversations from now on."""
        for kind, address in (("sms", self._number), ("whatsapp", f"whatsapp:{self._number}")):
            form = {"Type": kind, "Address": address, "AutoCreation.Enabled": "true"}
            url = self._account.url("conversations", "v1/Configuration/Addresses")
            await self._ask("POST", url, self._basic, data=form)

    async def write(self, chat: PlannedChat) -> str:
        """One conversation from the first message to its end; its sid."""
        rng = random.Random(f"chat:{chat.seed}")  # noqa: S311 - repeatable is the point
        said = lines()[chat.language.partition("-")[0]]
        history: list[dict[str, str]] = []
        sid = ""
        for subject in rng.sample(SUBJECTS, rng.randint(1, 3)):
            sid = await self._turn(chat, rng.choice(said.subjects[subject]), history)
        if rng.random() < CLOSED:
            await self._turn(chat, rng.choice(said.closing_pleased), history)
            url = f"{self._settings.urls.conversations}/api/conversations/{sid}"
            await self._ask("PUT", url, self._bearer, json={"state": "closed"})
        return sid

    async def _turn(self, chat: PlannedChat, text: str, history: list[dict[str, str]]) -> str:
        """A customer's message and its answer; the conversation's sid."""
        prefix = "whatsapp:" if chat.channel == "whatsapp" else ""
        body = {"from": prefix + chat.number, "to": prefix + self._number, "body": text}
        arrived = await self._ask(
            "POST", f"{self._settings.urls.sandbox}/control/messages", self._basic, json=body
        )
        sid = str(arrived["conversation_sid"])
        history.append({"role": "user", "content": text})
        answer = await self._answer(history)
        history.append({"role": "assistant", "content": answer})
        url = f"{self._settings.urls.conversations}/api/conversations/{sid}/messages"
        await self._ask("POST", url, self._bearer, json={"author": SHOP, "body": answer})
        return sid

    async def _answer(self, history: list[dict[str, str]]) -> str:
        openai = self._settings.openai
        if openai is None or openai.base_url is None:
            raise ChatFailed("the private demo has no model")
        body = {
            "model": openai.model,
            "messages": [{"role": "system", "content": self._instructions}, *history],
        }
        headers = {"Authorization": f"Bearer {openai.api_key}"}
        completion = await self._ask("POST", f"{openai.base_url}/chat/completions", headers, json=body)
        return str(completion["choices"][0]["message"]["content"])

    async def _ask(self, method: str, url: str, headers: dict[str, str], **body: Any) -> Any:
        async with self._session.request(method, url, headers=headers, timeout=TIMEOUT, **body) as response:
            answer = await response.read()
        if response.status >= 400:
            raise ChatFailed(f"{method} {url} answered {response.status}: {answer[:300].decode(errors='replace')}")
        return msgspec.json.decode(answer) if answer else None
