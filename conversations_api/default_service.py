"""Which service is meant when none is named: the account's default, asked for now and then."""

from __future__ import annotations

import time

from msgspec import UnsetType

from conversations_api.account_views import AccountConfiguration
from conversations_api.refusals import unreadable
from conversations_api.upstream import Call, TwilioClient
from conversations_api.wire import Unreadable, view
from shared.problem import Problem

KEPT_S = 60.0


class Services:
    """Names the service of a request; while Twilio fails, the answer of before still holds."""

    def __init__(self, client: TwilioClient) -> None:
        self._client = client
        self._default: str | None = None
        self._asked_at = float("-inf")

    async def resolve(self, service_sid: str | UnsetType | None) -> str:
        """`service_sid` itself, else the default service's. Raises Problem when that was never known."""
        if isinstance(service_sid, str):
            return service_sid
        if self._default is not None and time.monotonic() - self._asked_at < KEPT_S:
            return self._default
        try:
            found = view(await self._client.send(Call("GET", "v1/Configuration")), AccountConfiguration)
        except (Problem, Unreadable) as error:
            if self._default is not None:
                return self._default
            raise error if isinstance(error, Problem) else unreadable("GET") from error
        if found.default_chat_service_sid is None:
            raise unreadable("GET")
        self._default, self._asked_at = found.default_chat_service_sid, time.monotonic()
        return self._default

    def forget(self) -> None:
        """The account's configuration was changed."""
        self._asked_at = float("-inf")
