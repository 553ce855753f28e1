"""A Twilio that answers at once: `python conversations_upstream.py PORT` serves and creates conversations."""

from __future__ import annotations

import secrets
import sys

from aiohttp import web

CONVERSATION = {
    "sid": "CH" + "0" * 31 + "1",
    "account_sid": "AC" + "0" * 32,
    "chat_service_sid": "IS" + "0" * 31 + "1",
    "friendly_name": "Order 1001",
    "attributes": '{"topic":"order","vip":true}',
    "state": "active",
    "date_created": "2026-11-22T10:00:00Z",
    "date_updated": "2026-11-22T10:00:00Z",
    "timers": {},
    "bindings": {},
}


async def fetch(_: web.Request) -> web.Response:
    return web.json_response(CONVERSATION)


async def create(_: web.Request) -> web.Response:
    return web.json_response(CONVERSATION | {"sid": "CH" + secrets.token_hex(16)}, status=201)


async def services(_: web.Request) -> web.Response:
    return web.json_response({"meta": {"key": "services", "next_page_url": None}, "services": []})


def build() -> web.Application:
    app = web.Application()
    app.router.add_get("/conversations/v1/Services", services)
    app.router.add_get("/conversations/v1/Conversations/{sid}", fetch)
    app.router.add_post("/conversations/v1/Conversations", create)
    return app


if __name__ == "__main__":
    web.run_app(build(), host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)
