"""Answers with an ETag: asked again before anything has changed, they cost nothing and send nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import duckdb
import msgspec
from aiohttp import web

from shared.operators import Role
from shared.service import identity
from signal_analytics.worker import WORKER


async def answered(
    request: web.Request, work: Callable[[duckdb.DuckDBPyConnection], Any], *, about: Any = ""
) -> web.Response:
    """The JSON of what `work` reads, or 304 when the client has it already.

    `about` is what the answer depends on besides the table, the address and the role (a default period moves on).
    """
    worker = request.app[WORKER]
    role = identity(request).role
    parts = (worker.table.tag, request.path_qs, role.name, repr(about))
    tag = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = await worker.answer(tag, lambda db: msgspec.json.encode(work(db)))
    return web.Response(body=body, content_type="application/json", headers=headers)


def sees_private(request: web.Request) -> bool:
    """Whether the one who asks may see who called and what was said."""
    return identity(request).role >= Role.AGENT
