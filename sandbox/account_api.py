"""The little of Twilio's account API (2010-04-01) that a reachability check needs."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from sandbox.product import Handler, json_answer
from sandbox.twilio_product import not_found

PREFIX = "/api/2010-04-01"


class AccountApi:
    """The account itself."""

    def __init__(self, account_sid: str) -> None:
        self._account_sid = account_sid

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        yield "GET", f"{PREFIX}/Accounts/{{account}}.json", self.fetch

    async def fetch(self, request: web.Request) -> web.Response:
        if request.match_info["account"] != self._account_sid:
            raise not_found(request)
        shown = {
            "sid": self._account_sid,
            "owner_account_sid": self._account_sid,
            "friendly_name": "Sandbox account",
            "status": "active",
            "type": "Full",
            "uri": f"/2010-04-01/Accounts/{self._account_sid}.json",
        }
        return json_answer(shown)
