"""Serving: slow bodies block nobody, a stop flushes, kill -9 leaves nothing behind, one process owns the journal."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from flask import Flask, request

from intelligence_webhooks.front import Front
from intelligence_webhooks.wsgi_call import call, environ_of
from shared.config import Settings
from tests.conftest import Eventually, MakeSettings
from tests.intelligence_kit import ACCOUNT_SID, AUTH_TOKEN, BEARER, signed, sid, v2_body

# ---- the front by itself, with a WSGI application that tells what it got ----


def echo() -> Flask:
    app = Flask("echo")

    @app.route("/<path:path>", methods=["GET", "POST"])
    def tell(path: str) -> dict[str, object]:
        return {
            "path": path,
            "target": request.environ["REQUEST_URI"],
            "body": request.get_data().decode(),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "address": request.remote_addr,
        }

    @app.route("/broken")
    def broken() -> str:
        raise RuntimeError("on purpose")

    return app


@pytest.fixture
async def serve(make_settings: MakeSettings, tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    settings = make_settings("intelligence_webhooks", tmp_path)

    @asynccontextmanager
    async def run(body_deadline_s: float = 5.0) -> AsyncIterator[TestServer]:
        front = Front(echo(), settings, body_deadline_s=body_deadline_s)
        app = web.Application(client_max_size=256 * 1024)
        app.router.add_route("*", "/{path:.*}", front.handle)
        async with TestServer(app) as server:
            yield server
        await front.close()

    yield run


async def exchange(server: TestServer, data: bytes) -> bytes:
    """The bytes a server answers to raw bytes, up to its closing of the connection or two silent seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        async with asyncio.timeout(2):
            return await reader.read(65536)
    finally:
        writer.close()


async def test_the_target_reaches_wsgi_as_it_was_sent(serve: Callable[..., TestServer]) -> None:
    async with serve() as server:  # type: ignore[attr-defined]
        answer = await exchange(server, b"GET /a%2Fb%20c?x=%7E&y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    seen = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
    assert (seen["target"], seen["path"]) == ("/a%2Fb%20c?x=%7E&y", "a/b c")
