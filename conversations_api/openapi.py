"""`/openapi.json`: put together from the same table, routes and Structs that serve the requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from conversations_api import (
    account_documents,
    bulk,
    configuration,
    events,
    index_lists,
    index_status,
    joint,
    media,
    timeline,
)
from conversations_api.bodies import Body
from conversations_api.health import Health
from conversations_api.index_lists import FoundConversation
from conversations_api.resources import CONVERSATION, METHODS, RESOURCES, STATUSES, Resource, Verb, operations
from conversations_api.routes import Route
from shared.operators import Role

Json = dict[str, Any]
VERSION = "1.0.0"
REFERENCE = "#/components/schemas/{name}"
# Every route outside the table that is described where it is served.
ROUTES: tuple[Route, ...] = (
    *configuration.ROUTES,
    *joint.ROUTES,
    *account_documents.ROUTES,
    *media.ROUTES,
    *index_lists.ROUTES,
    *index_status.ROUTES,
    *timeline.ROUTES,
    *bulk.ROUTES,
    *events.ROUTES,
)
FAULT: Json = {
    "type": "object",
    "required": ["field", "reason"],
    "properties": {
        "field": {"type": "string", "description": "Where, such as `messagingBinding.address`."},
        "reason": {"type": "string"},
        "limit": {"type": ["integer", "number", "string"], "description": "What would be allowed."},
    },
}
PROBLEM: Json = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for the reader."},
        "code": {"type": "integer", "description": "Twilio's code where there is one."},
        "errors": {"type": "array", "items": FAULT, "description": "Every fault of the request, all at once."},
    },
}
PAGE_FIELDS: Json = {
    "nextCursor": {"type": ["string", "null"], "description": "`cursor` of the next page, null on the last."},
    "total": {"type": ["integer", "null"], "description": "All matches; null where nobody has counted."},
    "source": {"enum": ["twilio", "index", "scan"]},
    "complete": {"type": "boolean", "description": "Whether the rows were chosen from all there are."},
    "asOf": {"type": "string", "format": "date-time", "description": "When the rows were true."},
    "checkedAt": {"type": ["string", "null"], "description": "When the index was last compared with Twilio."},
}
PAGE: Json = {"type": "object", "required": ["items", *PAGE_FIELDS]}
SESSION: Json = {
    "type": "object",
    "required": ["name", "role"],
    "properties": {"name": {"type": "string"}, "role": {"enum": [role.name.lower() for role in Role]}},
}
TOKEN: Json = {
    "type": "object",
    "required": ["token"],
    "additionalProperties": False,
    "properties": {"token": {"type": "string"}},
}
DOES = {
    "list": "List {plural}",
    "create": "Create a {name}",
    "fetch": "Read a {name}",
    "update": "Change a {name}",
    "delete": "Delete a {name}",
}
# Routes of every service and of Twilio: path, method, summary, success status, success schema, who may call them.
OTHER_ROUTES: tuple[tuple[str, str, str, int, Json | None, Role | None], ...] = (
    ("/api/session", "get", "Who is signed in", 200, SESSION, None),
    ("/api/session", "post", "Sign in with a token", 200, SESSION, None),
    ("/api/session", "delete", "Sign out", 204, None, None),
    ("/api/health", "get", "How the services are", 200, {"$ref": REFERENCE.format(name="Health")}, Role.VIEWER),
    ("/api/live", "get", "What happens, as a WebSocket", 101, None, Role.VIEWER),
    ("/webhooks/conversations", "post", "Twilio's Conversations events, signed", 200, {"type": "object"}, None),
    ("/erase", "post", "Remove a caller from what this service keeps", 200, {"type": "object"}, Role.ADMIN),
    ("/healthz", "get", "Whether the process is alive", 200, {"type": "object"}, None),
    ("/readyz", "get", "Whether the service takes work", 200, {"type": "object"}, None),
    ("/metrics", "get", "Prometheus metrics", 200, None, None),
    ("/docs", "get", "This document as a page", 200, None, None),
    ("/openapi.json", "get", "This document", 200, {"type": "object"}, None),
)


@lru_cache(1)
def document() -> Json:
    """The OpenAPI 3.1 document of this service."""
    paths: dict[str, Json] = {}
    for resource, verb in operations():
        operation = _operation(resource, verb)
        paths.setdefault(resource.path(verb), {})[METHODS[verb].lower()] = operation
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route)
    for path, method, summary, status, schema, role in OTHER_ROUTES:
        paths.setdefault(path, {})[method] = _other(path, summary, status, schema, role)
    paths["/api/session"]["post"]["requestBody"] = _body(TOKEN)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Conversations API", "version": VERSION},
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": {**_schemas(), "Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "crosschannel_session"},
            },
        },
    }


def _schemas() -> Json:
    types: set[type] = {Health, FoundConversation}
    for resource, verb in operations():
        types |= {resource.view, *filter(None, [resource.body(verb)])}
    for route in ROUTES:
        types |= {kind for kind in (route.answer, route.body) if kind not in {None, bytes}}
    _, components = msgspec.json.schema_components(
        sorted(types, key=lambda kind: kind.__name__), ref_template=REFERENCE
    )
    return components


def _operation(resource: Resource, verb: Verb) -> Json:
    operation: Json = {
        "operationId": f"{verb}_{resource.name}",
        "tags": [resource.tag],
        "summary": DOES[verb].format(name=resource.name, plural=resource.plural),
        "description": f"Needs the role {resource.roles[verb].name.lower()}.",
        "parameters": [
            *_path_parameters(resource.path(verb), resource if verb in resource.named else None),
            *_query_parameters(resource.query(verb)),
        ],
        "responses": {str(STATUSES[verb]): _success(resource, verb), "default": _problem()},
    }
    body = resource.body(verb)
    if body is not None:
        operation["requestBody"] = _body(_reference(body))
    return operation


def _success(resource: Resource, verb: Verb) -> Json:
    if verb == "delete":
        return {"description": "Deleted"}
    row = _reference(resource.view)
    if verb != "list":
        return _json("The resource", row)
    listed = _reference(FoundConversation) if resource is CONVERSATION else row
    return _json("A page", {**PAGE, "properties": {"items": {"type": "array", "items": listed}, **PAGE_FIELDS}})


def _described(route: Route) -> Json:
    operation: Json = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}"),
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [*_path_parameters(route.path, None), *_query_parameters(route.query)],
        "responses": {str(route.status): _answer(route), "default": _problem()},
    }
    if isinstance(route.access, Role):
        operation["description"] = f"Needs the role {route.access.name.lower()}."
    else:
        operation["security"] = []
    if route.body is not None:
        operation["requestBody"] = _body(_reference(route.body))
    if route.takes is not None:
        media_type, schema = route.takes
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    return operation


def _answer(route: Route) -> Json:
    if route.answer is None:
        return {"description": "Success"}
    if route.answer is bytes:
        schema: Json = {"type": "string", "contentMediaType": route.content}
    else:
        schema = _reference(route.answer)
    return {"description": "Success", "content": {route.content: {"schema": schema}}}


def _reference(kind: type) -> Json:
    return {"$ref": REFERENCE.format(name=kind.__name__)}


def _path_parameters(path: str, named: Resource | None) -> Iterator[Json]:
    """The ids in a path; `named` is the resource whose own id may be a name there."""
    known = {other.sid_name: other for other in RESOURCES}
    for name in re.findall(r"{(\w+)}", path):
        owner = known.get(name)
        names = owner is named if f"/{{{name}}}" == path[-len(name) - 3 :] else owner and "fetch" in owner.named
        if owner is None or names:
            schema: Json = {"type": "string", "minLength": 1}
        else:
            schema = {"type": "string", "pattern": f"^{owner.prefix}[0-9a-fA-F]{{32}}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(kind: type[Body]) -> Iterator[Json]:
    (schema,), components = msgspec.json.schema_components([kind], ref_template=REFERENCE)
    described = components[schema["$ref"].rpartition("/")[2]]
    for name, parameter in described["properties"].items():
        yield {"name": name, "in": "query", "required": False, "schema": parameter}


def _other(path: str, summary: str, status: int, schema: Json | None, role: Role | None) -> Json:
    success = _json("Success", schema) if schema is not None else {"description": "Success"}
    operation: Json = {"summary": summary, "responses": {str(status): success, "default": _problem()}}
    if role is None:
        operation["security"] = []
    else:
        operation["description"] = f"Needs the role {role.name.lower()}."
    if path == "/webhooks/conversations":
        form = {"schema": {"type": "object", "additionalProperties": {"type": "string"}}}
        operation["requestBody"] = {"required": True, "content": {"application/x-www-form-urlencoded": form}}
    return operation


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem() -> Json:
    content = {"application/problem+json": {"schema": {"$ref": REFERENCE.format(name="Problem")}}}
    return {"description": "What went wrong", "content": content}
