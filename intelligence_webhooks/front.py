"""The server in front of Flask: reads whole requests with asyncio, calls WSGI in a bounded pool of threads.

A body that comes slowly costs a socket and never a thread; one process owns the journals; a stop lets every
accepted request finish and flushes; after kill -9 there is no worker process left to go on serving.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from intelligence_webhooks.app import create_app
from intelligence_webhooks.reconcile import reconcile_regularly
from intelligence_webhooks.replies import log
from intelligence_webhooks.resolver import Resolver
from intelligence_webhooks.store import open_store
from intelligence_webhooks.twilio_reads import TwilioReads
from intelligence_webhooks.webhook import BODY_BYTES, LATER, Acknowledgement, Rejection
from intelligence_webhooks.wsgi_call import Answer, WsgiApp, call, environ_of
from shared.config import Settings
from shared.guards import SECURITY_HEADERS
from shared.problem import CONTENT_TYPE, Problem
from shared.readiness import Readiness
from shared.retention import expire_regularly
from shared.service_keys import READINESS, SETTINGS

THREADS = 16
# Requests that are read and wait for a thread; more than this is answered 503 at once.
WAITING_REQUESTS = 512
BODY_DEADLINE_S = 15.0
WEBHOOK_PATH = "/webhook"
HOP_BY_HOP = {"connection", "content-length", "keep-alive", "transfer-encoding"}


class Front:
    """Takes requests off the socket, and hands them to the WSGI application when they are whole."""

    def __init__(self, app: WsgiApp, settings: Settings, *, body_deadline_s: float = BODY_DEADLINE_S) -> None:
        self._app = app
        self._server = (settings.host, settings.port)
        self._body_deadline_s = body_deadline_s
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="wsgi")
        self._waiting = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The answer to any request. Only 503 leaves the connection open after a fault: its body was read."""
        try:
            body = await self._read(request)
            answer = await self._call(request, body)
        except Problem as problem:
            return await _refuse(request, problem)
        headers = CIMultiDict(pair for pair in answer.headers if pair[0].lower() not in HOP_BY_HOP)
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    async def close(self) -> None:
        """Waits for the calls under way."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _read(self, request: web.Request) -> bytes:
        """The whole body. Raises Problem 400, 408 or 413."""
        if not request.raw_path.startswith("/"):
            raise Problem(400, "The request's target must be a path.")
        if (request.content_length or 0) > BODY_BYTES:
            raise Problem(413, "The body is too large.")
        try:
            if request.content.is_eof():  # all of it came with the head
                return await request.read()
            async with asyncio.timeout(self._body_deadline_s):
                return await request.read()
        except TimeoutError:
            raise Problem(408, "The body did not arrive in time.") from None
        except web.HTTPRequestEntityTooLarge:
            raise Problem(413, "The body is too large.") from None

    async def _call(self, request: web.Request, body: bytes) -> Answer:
        if self._waiting >= WAITING_REQUESTS:
            raise Problem(503, "Too many requests at once.", headers={"Retry-After": "1"})
        environ = environ_of(
            request.method,
            request.raw_path,
            request.headers.items(),
            body,
            address=request.remote or "",
            server=self._server,
        )
        later: list[Acknowledgement | Rejection] = []
        environ[LATER] = later
        self._waiting += 1
        try:
            if request.method == "POST" and request.path == WEBHOOK_PATH:
                # It waits for nothing but its line on the disk, and that in `ready`: handing it to a thread and
                # back would cost as much as all that is done with it.
                answer = call(self._app, environ)
            else:
                answer = await asyncio.get_running_loop().run_in_executor(self._pool, call, self._app, environ)
            for pending in later:
                await pending.ready()
            return answer
        except Problem:
            raise
        except Exception as error:
            log.exception("the WSGI application failed")
            raise Problem(500, "Something went wrong here. It has been logged.") from error
        finally:
            self._waiting -= 1


async def _refuse(request: web.Request, problem: Problem) -> web.Response:
    """The problem; the last answer on this connection, unless the request was whole and may just come again."""
    response = web.Response(
        body=problem.body(), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )
    response.headers.extend(SECURITY_HEADERS)
    if problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
        response.force_close()
    if problem.status == HTTPStatus.REQUEST_TIMEOUT and request.transport is not None:
        # aiohttp would wait ten more seconds for the rest of a body that does not come.
        await response.prepare(request)
        await response.write_eof()
        request.transport.close()
    return response


FRONT = web.AppKey("front", Front)


def build(settings: Settings) -> web.Application:
    """The service as one aiohttp application: the front, and behind it Flask, the resolver and reconcile."""
    app = web.Application(client_max_size=BODY_BYTES)
    app[SETTINGS] = settings
    app[READINESS] = Readiness()
    app.cleanup_ctx.append(_parts)
    app.router.add_route("*", "/{path:.*}", _handle)
    return app


async def _handle(request: web.Request) -> web.StreamResponse:
    return await request.app[FRONT].handle(request)


async def _parts(app: web.Application) -> AsyncIterator[None]:
    """Opens the store, starts the background work, and at the end stops it, then flushes and closes."""
    settings = app[SETTINGS]
    store = open_store(settings, app[READINESS])
    front = app[FRONT] = Front(create_app(settings, store), settings)
    try:
        async with TwilioReads(store.account) as reads:
            work = [
                asyncio.create_task(Resolver(store, reads).run()),
                asyncio.create_task(reconcile_regularly(store, reads)),
                asyncio.create_task(
                    expire_regularly(
                        settings.data_dir, settings.retention_days, lambda: store.journals, store.expire_derived
                    )
                ),
            ]
            yield
            for task in work:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*work)
            await front.close()
    finally:
        store.close()
