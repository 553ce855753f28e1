"""`/openapi.json`: the routes of this service, with the Structs they read and answer."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec
from flask import Request, Response

from intelligence_webhooks.common_routes import Token
from intelligence_webhooks.filters import DEAD_LETTERS, EVENTS, RESULTS
from intelligence_webhooks.keeping import ClearReport
from intelligence_webhooks.ledger_views import EventView
from intelligence_webhooks.operator_routes import ReplayMany, ReplayReport, Since
from intelligence_webhooks.reconcile import Report
from intelligence_webhooks.replies import json_reply
from intelligence_webhooks.store import Store
from shared.erase_route import EraseReport, EraseRequest
from shared.records import DeadLetter, IntelResult

Json = dict[str, Any]
PAGED = ("limit", "cursor")
ANYTHING: Json = {"type": "object"}
PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "integer"},
    },
}
# (path, method): summary, success status, what it answers, what it reads, names of its query.
Described = tuple[str, int, Any, Any, tuple[str, ...]]
ROUTES: dict[tuple[str, str], Described] = {
    ("/webhook", "post"): ("Twilio's Intelligence events, signed", 204, None, None, ()),
    ("/status", "get"): ("Counts, lag and rejects", 200, ANYTHING, None, ()),
    ("/data", "get"): ("Current results", 200, [IntelResult], None, (*PAGED, *RESULTS)),
    ("/data/{subject}", "get"): ("One current result", 200, IntelResult, None, ()),
    ("/data/clear", "post"): ("Move everything to the archive", 200, ClearReport, None, ()),
    ("/events", "get"): ("Events and what became of them", 200, [EventView], None, (*PAGED, *EVENTS)),
    ("/export", "get"): ("Results with what is private masked", 200, None, None, (*PAGED, "format", *RESULTS)),
    ("/dead-letters", "get"): ("What waits for a decision", 200, [DeadLetter], None, (*PAGED, *DEAD_LETTERS)),
    ("/dead-letters/{letter_id}/replay", "post"): ("Try one again", 202, ANYTHING, None, ()),
    ("/dead-letters/replay", "post"): ("Try many again", 202, ReplayReport, ReplayMany, ()),
    ("/reconcile", "post"): ("Fill what webhooks missed", 200, Report, Since, ()),
    ("/erase", "post"): ("Remove a caller", 200, EraseReport, EraseRequest, ()),
    ("/openapi.json", "get"): ("This document", 200, ANYTHING, None, ()),
    ("/healthz", "get"): ("Whether the process is alive", 200, ANYTHING, None, ()),
    ("/readyz", "get"): ("Whether the service takes work", 200, ANYTHING, None, ()),
    ("/metrics", "get"): ("Prometheus metrics", 200, None, None, ()),
    ("/api/session", "get"): ("Who is signed in", 200, ANYTHING, None, ()),
    ("/api/session", "post"): ("Sign in with a token", 200, ANYTHING, Token, ()),
    ("/api/session", "delete"): ("Sign out", 204, None, None, ()),
}


def serve(_: Store, __: Request) -> Response:
    return json_reply(document())


@cache
def document() -> Json:
    """The OpenAPI 3.1 document of this service."""
    types = [kind[0] if isinstance(kind, list) else kind for row in ROUTES.values() for kind in row[2:4]]
    structs = list(dict.fromkeys(kind for kind in types if isinstance(kind, type)))
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    paths: Json = {}
    for (path, method), row in ROUTES.items():
        paths.setdefault(path, {})[method] = _operation(path, row)
    return {
        "openapi": "3.1.0",
        "info": {"title": "intelligence_webhooks", "version": "1.0.0"},
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": PROBLEM},
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"operator": []}],
    }


def _operation(path: str, row: Described) -> Json:
    summary, status, answers, reads, query = row
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    filters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in query]
    problem = {
        "description": "A problem",
        "content": _content({"$ref": "#/components/schemas/Problem"}, "problem+json"),
    }
    success: Json = {"description": summary}
    if answers is not None:
        success["content"] = _content(_schema(answers))
    found: Json = {"summary": summary, "parameters": [*named, *filters], "responses": {str(status): success}}
    found["responses"]["default"] = problem
    if reads is not None:
        found["requestBody"] = {"content": _content(_schema(reads)), "required": reads not in (ReplayMany, Since)}
    return found


def _schema(kind: Any) -> Json:
    """A Struct by its name, a list of them as a page."""
    if isinstance(kind, dict):
        return kind
    if isinstance(kind, list):
        items = {"type": "array", "items": _schema(kind[0])}
        return {
            "type": "object",
            "required": ["items", "nextCursor"],
            "properties": {"items": items, "nextCursor": {"type": ["string", "null"]}},
        }
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _content(schema: Json, kind: str = "json") -> Json:
    return {f"application/{kind}": {"schema": schema}}
