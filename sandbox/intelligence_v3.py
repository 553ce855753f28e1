"""Twilio Intelligence v3: configurations with rules, operators, results, conversations, executions on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar

import msgspec
from aiohttp import web

from sandbox.product import Handler, Refusal, json_answer
from sandbox.rule_executions import (
    CONFIGURATIONS,
    CONVERSATIONS,
    RESULTS,
    Execution,
    RuleExecutions,
    all_operators,
    typed_id,
)
from sandbox.sids import new_sid
from sandbox.store import Condition, Document
from sandbox.world import World

PREFIX = "/intelligence/v3"
TITLES = {400: "Bad Request", 404: "Not Found", 415: "Unsupported Media Type"}
PAGE_SIZE, LARGEST_PAGE = 50, 1000
T = TypeVar("T")
RESULT_FILTERS = {
    "conversationId": Condition("conversationId", "=", ""),
    "intelligenceConfigurationId": Condition("intelligenceConfiguration.id", "=", ""),
    "operatorId": Condition("operator.id", "=", ""),
}


class Trigger(msgspec.Struct, omit_defaults=True):
    on: Literal["COMMUNICATION", "CONVERSATION_INACTIVE", "CONVERSATION_END"]
    parameters: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        count = (self.parameters or {}).get("count")
        if count is not None and (not isinstance(count, int) or not 1 <= count <= 20):
            raise ValueError("count must be between 1 and 20")


class Action(msgspec.Struct):
    type: Literal["WEBHOOK"]
    url: str
    method: Literal["POST"] = "POST"


class OperatorReference(msgspec.Struct, omit_defaults=True):
    id: str
    version: int | None = None
    parameters: dict[str, Any] | None = None


class Rule(msgspec.Struct):
    """1 to 5 operators, at most one trigger and two actions."""

    operators: list[OperatorReference]
    triggers: list[Trigger] | None = None
    actions: list[Action] | None = None
    context: dict[str, Any] | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.operators) <= 5:
            raise ValueError("a rule has 1 to 5 operators")
        if len(self.triggers or []) > 1 or len(self.actions or []) > 2:
            raise ValueError("a rule has at most one trigger and two actions")


class ConfigurationBody(msgspec.Struct, rename="camel"):
    """A configuration as it is written; at most five rules."""

    display_name: str | None = None
    description: str | None = None
    rules: list[Rule] | None = None

    def __post_init__(self) -> None:
        if len(self.rules or []) > 5:
            raise ValueError("a configuration has at most five rules")


class ExecutionBody(msgspec.Struct, rename="camel"):
    """A rule to be executed now."""

    intelligence_configuration_id: str
    rule_id: str
    conversation_id: str


def v3_error(status: int, code: int, detail: str) -> Refusal:
    """A refusal in v3's shape, RFC 9457."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"type": more_info, "title": TITLES[status], "status": status, "code": code, "detail": detail}
    return Refusal(status, body)


class IntelligenceV3:
    """Lists are walked by token; bodies are JSON."""

    def __init__(self, world: World, executions: RuleExecutions) -> None:
        self._world = world
        self._store = world.store
        self._executions = executions

    def handlers(self) -> Iterator[tuple[str, str, Handler]]:
        """(method, path, handler) of every route."""
        plane = f"{PREFIX}/ControlPlane"
        one = f"{plane}/Configurations/{{id}}"
        yield "GET", f"{plane}/Configurations", self._lists(CONFIGURATIONS)
        yield "POST", f"{plane}/Configurations", self.create_configuration
        yield "GET", one, self._fetches(CONFIGURATIONS)
        yield "PUT", one, self.update_configuration
        yield "DELETE", one, self._deletes(CONFIGURATIONS)
        yield "GET", f"{plane}/Operators", self.list_operators
        yield "GET", f"{plane}/Operators/{{id}}", self.fetch_operator
        yield "GET", f"{PREFIX}/OperatorResults", self._lists(RESULTS, RESULT_FILTERS)
        yield "GET", f"{PREFIX}/OperatorResults/{{id}}", self._fetches(RESULTS)
        yield "DELETE", f"{PREFIX}/OperatorResults/{{id}}", self._deletes(RESULTS)
        yield "GET", f"{PREFIX}/Conversations", self._lists(CONVERSATIONS)
        yield "GET", f"{PREFIX}/Conversations/{{id}}", self._fetches(CONVERSATIONS)
        yield "POST", f"{PREFIX}/RuleExecutions", self.execute

    # ---- configurations ----

    async def create_configuration(self, request: web.Request) -> web.Response:
        body = await _read(request, ConfigurationBody)
        if not body.display_name or body.rules is None:
            raise v3_error(400, 20001, "displayName and rules are required")
        moment = self._world.clock.now_text()
        own_id = typed_id("intelligence_configuration", new_sid(""))
        rules = _with_ids(body.rules)
        document: Document = {
            "accountId": self._world.account_sid,
            "id": own_id,
            "displayName": body.display_name,
            "description": body.description,
            "version": 1,
            "rules": rules,
            "dateCreated": moment,
            "dateUpdated": moment,
            "_active": rules,
        }
        self._store.add(CONFIGURATIONS, self._world.account_sid, own_id, document)
        return json_answer(_public(document), 201)

    async def update_configuration(self, request: web.Request) -> web.Response:
        """A new version, which is shown and not executed: as with Twilio, delete and create to change that."""
        body = await _read(request, ConfigurationBody)
        document = self._get(CONFIGURATIONS, request)
        if body.display_name is not None:
            document["displayName"] = body.display_name
        if body.description is not None:
            document["description"] = body.description
        if body.rules is not None:
            document["rules"] = _with_ids(body.rules)
        document |= {"version": document["version"] + 1, "dateUpdated": self._world.clock.now_text()}
        self._store.replace(CONFIGURATIONS, self._world.account_sid, document["id"], document)
        return json_answer(_public(document))

    async def execute(self, request: web.Request) -> web.Response:
        body = await _read(request, ExecutionBody)
        configuration = self._store.get(
            CONFIGURATIONS, self._world.account_sid, body.intelligence_configuration_id
        )
        rules = configuration["_active"] if configuration else []
        rule = next((rule for rule in rules if rule["id"] == body.rule_id), None)
        call = self._executions.reported(body.conversation_id)
        if configuration is None or rule is None or call is None:
            raise v3_error(404, 20404, "There is no such configuration, rule or conversation")
        done = self._executions.execute(Execution(configuration, rule, call, None))
        return json_answer({"id": done, "status": "COMPLETED", **msgspec.to_builtins(body)}, 202)

    # ---- operators ----

    async def list_operators(self, _: web.Request) -> web.Response:
        return json_answer({"items": all_operators(), "meta": _meta(PAGE_SIZE, None)})

    async def fetch_operator(self, request: web.Request) -> web.Response:
        for operator in all_operators():
            if operator["id"] == request.match_info["id"]:
                return json_answer(operator)
        raise _missing(request)

    # ---- what is kept ----

    def _lists(self, kind: str, filters: dict[str, Condition] | None = None) -> Handler:
        async def listed(request: web.Request) -> web.StreamResponse:
            size, after = _whole(request, "pageSize", PAGE_SIZE), _whole(request, "pageToken", 0)
            if not 1 <= size <= LARGEST_PAGE:
                raise v3_error(400, 20001, f"pageSize must be between 1 and {LARGEST_PAGE}")
            conditions = [
                Condition(condition.field, "=", request.query[name])
                for name, condition in (filters or {}).items()
                if request.query.get(name)
            ]
            account = self._world.account_sid
            found = self._store.select(kind, account, conditions, after=after, limit=size + 1)
            token = str(found[size - 1].position) if len(found) > size else None
            items = [_public(stored.body) for stored in found[:size]]
            return json_answer({"items": items, "meta": _meta(size, token)})

        return listed

    def _fetches(self, kind: str) -> Handler:
        async def fetched(request: web.Request) -> web.StreamResponse:
            return json_answer(_public(self._get(kind, request)))

        return fetched

    def _deletes(self, kind: str) -> Handler:
        async def deleted(request: web.Request) -> web.StreamResponse:
            document = self._get(kind, request)
            self._store.delete(kind, self._world.account_sid, document["id"])
            return web.Response(status=204)

        return deleted

    def _get(self, kind: str, request: web.Request) -> Document:
        found = self._store.get(kind, self._world.account_sid, request.match_info["id"])
        if found is None:
            raise _missing(request)
        return found


def _missing(request: web.Request) -> Refusal:
    return v3_error(404, 20404, f"The requested resource {request.path} was not found")


def _with_ids(rules: list[Rule]) -> list[dict[str, Any]]:
    """The rules as they are kept: each has an id, lists are never null."""
    kept = []
    for rule in rules:
        rule.id = rule.id or typed_id("intelligence_configurationrule", new_sid(""))
        kept.append({**msgspec.to_builtins(rule), "triggers": msgspec.to_builtins(rule.triggers or [])})
    return kept


def _public(document: Document) -> Document:
    return {key: value for key, value in document.items() if key[0] != "_"}


def _meta(size: int, token: str | None) -> dict[str, Any]:
    return {"key": "items", "pageSize": size, "nextToken": token, "previousToken": None}


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise v3_error(400, 20001, f"{name} must be a whole number")
    return int(text)


async def _read(request: web.Request, type_: type[T]) -> T:
    if request.content_type != "application/json":
        raise v3_error(415, 20422, "Send the body as application/json")
    try:
        return msgspec.json.decode(await request.read(), type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise v3_error(400, 20001, f"The body cannot be used: {error}") from error
