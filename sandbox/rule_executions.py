"""Intelligence v3: rules of configurations are executed on a finished call, and the webhook carries the results.

A rule for CONVERSATION_END runs once, on the whole call. One for COMMUNICATION runs after every `count` sentences,
on what was said until then, as it would have during the call. The results are those of v2's rules, in v3's shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.assessment import assess
from sandbox.operators import OPERATORS, results
from sandbox.reported_call import ReportedCall
from sandbox.sids import derived_sid
from sandbox.store import Document
from sandbox.world import World

CONFIGURATIONS, RESULTS, CONVERSATIONS = "RuleConfigurations", "RuleResults", "RuleConversations"
SHAPES = {
    "conversation-classify": "CLASSIFICATION",
    "text-generation": "TEXT",
    "json": "JSON",
    "extract": "EXTRACTION",
    "pii-extract": "EXTRACTION",
}
# Twilio's own have the ids that real accounts show.
AUTHORED = {
    "Sentiment Analysis": "intelligence_operator_01kcrvw16kfa88qvgrfmr7y151",
    "Conversation Summary": "intelligence_operator_01kcv35pnkeysaf6z6cqtbpegn",
}
AT_END, AFTER_SENTENCES = "CONVERSATION_END", "COMMUNICATION"


def typed_id(kind: str, *parts: str) -> str:
    """An id in v3's style, `conv_conversation_01…`, always the same for the same parts."""
    return f"{kind}_01{derived_sid('', *parts)[:24]}"


def operator_id(name: str) -> str:
    return AUTHORED.get(name) or typed_id("intelligence_operator", name)


def conversation_id(call_sid: str) -> str:
    return typed_id("conv_conversation", call_sid)


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a rule: the call as far as it had come, and what made it run."""

    configuration: Document
    rule: dict[str, Any]
    call: ReportedCall
    trigger: str | None


class RuleExecutions:
    """Executes rules and keeps the conversations and results."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store = world.store

    def finished(self, call: ReportedCall) -> None:
        """Keeps the call as a conversation and runs the rules that are triggered by it."""
        configurations = [found.body for found in self._store.select(CONFIGURATIONS, self._world.account_sid)]
        self._keep_conversation(call, configurations)
        for configuration in configurations:
            for rule in configuration["_active"]:
                for trigger in rule.get("triggers") or []:
                    for heard in _heard_at(trigger, call):
                        self.execute(Execution(configuration, rule, heard, trigger["on"]))

    def execute(self, execution: Execution) -> str:
        """Runs one rule, stores its results and sends its webhooks. The execution's id."""
        made = list(self._results(execution))
        with self._store.transaction():
            for result in made:
                self._store.add(RESULTS, self._world.account_sid, result["id"], result)
            self._note_results(execution.call, [result["id"] for result in made])
        body = msgspec.json.encode(self._webhook(execution, made))
        for action in execution.rule.get("actions") or []:
            if action.get("type") == "WEBHOOK" and action.get("url"):
                self._world.deliveries.json(action["url"], body, "intelligence")
        return typed_id("intelligence_ruleexecution", *(result["id"] for result in made))

    def reported(self, conversation: str) -> ReportedCall | None:
        """The call behind a conversation id."""
        found = self._store.get(CONVERSATIONS, self._world.account_sid, conversation)
        return None if found is None else msgspec.convert(found["_call"], ReportedCall)

    # ---- inside ----

    def _results(self, execution: Execution) -> Iterator[Document]:
        call, assessment = execution.call, assess(execution.call)
        found = {operator_id(r["name"]): r for r in results(call, assessment, "")}
        wanted: list[dict[str, Any]] = execution.rule.get("operators") or []
        # The same rule runs more than once in a call: the number of sentences tells the runs apart.
        run = (execution.configuration["id"], execution.rule["id"], call.call_sid, str(len(call.sentences)))
        earlier = self._store.counts().get(RESULTS, 0)
        for reference in wanted:
            result = found.get(reference["id"])
            if result is not None:
                own_id = typed_id("intelligence_operatorresult", *run, reference["id"], str(earlier))
                yield self._result(own_id, execution, reference, result)

    def _result(
        self, own_id: str, execution: Execution, reference: dict[str, Any], result: dict[str, Any]
    ) -> Document:
        call, shape = execution.call, SHAPES[result["operator_type"]]
        now = f"{self._world.clock.now():%Y-%m-%dT%H:%M:%S.%f}000Z"
        shown = _shown(shape, result, call.call_sid)
        spoken = sum(len(sentence.text) for sentence in call.sentences)
        communications = [communication_id(call.call_sid, i) for i in range(len(call.sentences))]
        return {
            "id": own_id,
            "accountId": self._world.account_sid,
            "conversationId": conversation_id(call.call_sid),
            "intelligenceConfiguration": _reference(execution),
            "operator": {
                "id": reference["id"],
                "displayName": result["name"],
                "version": reference.get("version") or 1,
                "parameters": reference.get("parameters") or {},
            },
            "outputFormat": shape,
            "result": shown,
            "dateCreated": now,
            "referenceIds": [call.call_sid],
            "executionDetails": {
                "trigger": {"on": execution.trigger, "timestamp": now},
                "communications": {"first": communications[0], "last": communications[-1]}
                if communications
                else None,
                "channels": ["VOICE"],
                "participants": participants(call),
                "resolvedContext": {"memory": None, "knowledge": None},
            },
            "metadata": {
                "system": {
                    "latencyMs": 0,
                    "resolvedModel": "sandbox-rules",
                    "inputCharacters": spoken,
                    "outputCharacters": len(msgspec.json.encode(shown)),
                    "inputTruncated": False,
                }
            },
        }

    def _webhook(self, execution: Execution, made: Sequence[Document]) -> dict[str, Any]:
        around = ("accountId", "conversationId", "intelligenceConfiguration")
        inline = [{key: value for key, value in result.items() if key not in around} for result in made]
        return {
            "accountId": self._world.account_sid,
            "conversationId": conversation_id(execution.call.call_sid),
            "intelligenceConfiguration": _reference(execution),
            "operatorResults": inline,
        }

    def _keep_conversation(self, call: ReportedCall, configurations: Sequence[Document]) -> None:
        own_id = conversation_id(call.call_sid)
        if self._store.get(CONVERSATIONS, self._world.account_sid, own_id) is not None:
            return
        moment = self._world.clock.now_text()
        document: Document = {
            "id": own_id,
            "accountId": self._world.account_sid,
            "name": None,
            "status": "CLOSED",
            "createdAt": moment,
            "updatedAt": moment,
            "intelligenceConfigurationIds": [configuration["id"] for configuration in configurations],
            "conversationConfigurationId": None,
            "channels": ["VOICE"],
            "channelIds": [call.call_sid],
            "participants": [person["id"] for person in participants(call)],
            "communications": [communication_id(call.call_sid, i) for i in range(len(call.sentences))],
            "operatorResultIds": [],
            "_call": msgspec.to_builtins(call),
        }
        self._store.add(CONVERSATIONS, self._world.account_sid, own_id, document)

    def _note_results(self, call: ReportedCall, ids: list[str]) -> None:
        own_id = conversation_id(call.call_sid)
        conversation = self._store.get(CONVERSATIONS, self._world.account_sid, own_id)
        if conversation is not None:
            conversation["operatorResultIds"] += ids
            self._store.replace(CONVERSATIONS, self._world.account_sid, own_id, conversation)


def participants(call: ReportedCall) -> list[dict[str, Any]]:
    kinds = (("agent", "AI_AGENT"), ("caller", "CUSTOMER"))
    return [
        {"id": typed_id("conv_participant", call.call_sid, side), "profileId": None, "type": kind}
        for side, kind in kinds
    ]


def communication_id(call_sid: str, index: int) -> str:
    return typed_id("conv_communication", call_sid, str(index))


def _heard_at(trigger: dict[str, Any], call: ReportedCall) -> Iterator[ReportedCall]:
    """The call as it was each time that the trigger fired."""
    if trigger.get("on") == AT_END:
        yield call
    elif trigger.get("on") == AFTER_SENTENCES:
        count = int((trigger.get("parameters") or {}).get("count") or 1)
        for end in range(count, len(call.sentences) + 1, count):
            yield msgspec.structs.replace(call, sentences=call.sentences[:end])


def _reference(execution: Execution) -> dict[str, Any]:
    configuration = execution.configuration
    names = ("id", "displayName", "version")
    return {**{name: configuration[name] for name in names}, "ruleId": execution.rule["id"]}


def _shown(shape: str, result: dict[str, Any], call_sid: str) -> dict[str, Any]:
    """A v2 result in the shape that v3 has for its format."""
    if shape == "CLASSIFICATION":
        return {"label": result["predicted_label"]}
    if shape == "TEXT":
        return {"text": result["text_generation_results"]["result"]}
    if shape == "JSON":
        found: dict[str, Any] = result["json_results"]
        return found
    entities = [
        {
            "text": part["text"],
            "label": part["label"],
            "communicationId": communication_id(call_sid, utterance["utterance_index"]),
            "beginOffset": 0,
            "endOffset": len(part["text"]),
        }
        for utterance in result["utterance_results"]
        for part in utterance["utterance_parts"]
    ]
    return {"entities": entities}


def all_operators() -> list[dict[str, Any]]:
    """The operators that rules can name."""
    return [
        {
            "id": operator_id(operator.name),
            "displayName": operator.name,
            "description": None,
            "version": 1,
            "author": "TWILIO" if operator.name in AUTHORED else "SELF",
            "prompt": None,
            "outputFormat": SHAPES[operator.operator_type],
            "outputSchema": None,
            "trainingExamples": [],
            "context": None,
            "parameters": {},
        }
        for operator in OPERATORS
    ]
