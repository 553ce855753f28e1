"""The agent's reply to a request: the same request always gets the same reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.agent.conversation import Conversation, ToolResult
from sandbox.agent.phrasebook import Intent, Phrasebook, phrasebooks
from sandbox.agent.understanding import (
    LanguageChoice,
    choose_language,
    find_intent,
    is_mostly_a_number,
    is_only_a_request,
    order_number,
)

ORDER_TOOL = "order_status"
TRANSFER_TOOL = "transfer_to_person"
END_TOOL = "end_call"
LANGUAGE_TOOL = "switch_language"
NAME_PAUSE = 2  # the caller's name is not said again within this many replies


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call of a tool; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers: text to speak, tools to call, or both."""

    text: str = ""
    tools: tuple[ToolUse, ...] = ()


def answer(conversation: Conversation) -> Reply:
    """The agent's next reply."""
    return _Answerer(conversation).reply()


class _Answerer:
    """One reply in the making."""

    def __init__(self, conversation: Conversation) -> None:
        self._talk = conversation
        self._language: LanguageChoice = choose_language(conversation)
        self._book: Phrasebook = phrasebooks()[self._language.tag]

    def reply(self) -> Reply:
        if not self._talk.said:
            return self._say(self._book.greeting, always_named=True)
        finished = self._after_tools()
        if finished is not None:
            return finished
        switch = self._language_switch()
        if switch is not None:
            return switch
        if self._language.asked and is_only_a_request(self._talk.last_said):
            return self._say(self._book.switched)
        return self._to_intent(find_intent(self._talk.last_said, self._language.tag))

    # ---- tools that have run ----

    def _after_tools(self) -> Reply | None:
        """What is said about the last tool; None after a switch of language that came with a question."""
        if not self._talk.results:
            return None
        last = self._talk.results[-1]
        if last.name == ORDER_TOOL:
            return self._tell_order(last)
        if last.name == LANGUAGE_TOOL:
            only_asked = self._language.asked and is_only_a_request(self._talk.last_said)
            return self._say(self._book.switched) if only_asked else None
        if last.name == TRANSFER_TOOL:
            return self._say(self._book.tools.transfer_to_person)
        return self._say(self._book.tools.end_call if last.name == END_TOOL else self._book.tools.other)

    def _tell_order(self, result: ToolResult) -> Reply:
        """The state of the order in words. A result that is not an object, or has `error`, is a failure."""
        order = self._book.order
        found: Any = result.value
        number = " ".join(str(result.arguments.get("order_number", "")))
        if not isinstance(found, dict) or "error" in found:
            return self._say(order.failed)
        if not found.get("status"):
            return self._say(self._turned(order.missing), number=number)
        status, eta = (
            order.words.get(str(found.get(key) or ""), str(found.get(key) or "")) for key in ("status", "eta")
        )
        template = order.found if eta else order.found_without_eta
        if found["status"] == "delivered" and eta:
            template = order.delivered
        told = self._say(template, number=number, status=status, eta=eta)
        return Reply(told.text + self._turned(order.anything_else))

    # ---- language ----

    def _language_switch(self) -> Reply | None:
        """Asks for another voice when the caller's language is not the one the system messages name."""
        already = any(result.name == LANGUAGE_TOOL for result in self._talk.results)
        known = self._talk.system_language
        if already or LANGUAGE_TOOL not in self._talk.tools or known in (None, self._language.tag):
            return None
        if not (self._language.asked or self._language.heard):
            return None
        return self._use(LANGUAGE_TOOL, language=self._offered_code())

    def _offered_code(self) -> str:
        """The code that the tool declares for the language, else our own."""
        declared = self._talk.tools[LANGUAGE_TOOL].get("properties", {}).get("language", {}).get("enum", [])
        fitting = [code for code in declared if str(code).lower().startswith(self._language.tag)]
        return str(fitting[0]) if fitting else self._book.code

    # ---- intents ----

    def _to_intent(self, intent: Intent | None) -> Reply:
        before = self._intent_before()
        name = intent.name if intent else None
        number = order_number(self._talk.last_said, self._language.tag)
        if number and (name == ORDER_TOOL or (is_mostly_a_number(self._talk.last_said) and name in (None, "yes"))):
            return self._look_up(number)
        if name == ORDER_TOOL:
            return self._say(self._turned(self._book.order.ask))
        if name == "transfer" or (name == "yes" and before is not None and before.offers_transfer):
            return self._transfer(name or "", before)
        if name == "goodbye":
            return self._goodbye()
        if name == "repeat" and self._talk.answered:
            return Reply(self._talk.answered[-1])
        own = self._book.intent(name) if name else None
        return self._say(self._turned(own.replies if own and own.replies else self._book.fallback))

    def _intent_before(self) -> Intent | None:
        """What the caller wanted with the message before; a fallback that offered a colleague counts too."""
        if len(self._talk.said) < 2:
            return None
        return find_intent(self._talk.said[-2], self._language.tag)

    def _look_up(self, number: str) -> Reply:
        if ORDER_TOOL not in self._talk.tools:
            return self._say(self._book.order.failed)
        return self._use(ORDER_TOOL, order_number=number)

    def _transfer(self, name: str, before: Intent | None) -> Reply:
        if TRANSFER_TOOL not in self._talk.tools:
            return self._say(self._book.tools.transfer_unavailable)
        topic = before.name if before is not None and name == "yes" else "asked for a person"
        return self._use(TRANSFER_TOOL, reason=topic)

    def _goodbye(self) -> Reply:
        """The goodbye is spoken before the call is ended, in one reply."""
        goodbye = self._book.intent("goodbye")
        spoken = self._say(self._turned(goodbye.replies if goodbye else [self._book.tools.end_call]))
        if END_TOOL not in self._talk.tools:
            return spoken
        return Reply(spoken.text, self._use(END_TOOL).tools)

    # ---- words ----

    def _use(self, tool: str, **arguments: str) -> Reply:
        return Reply(tools=(ToolUse(tool, msgspec.json.encode(arguments).decode()),))

    def _turned(self, choices: Sequence[str]) -> str:
        """Another wording every turn, the same one for the same turn."""
        return choices[self._talk.turn % len(choices)]

    def _say(self, template: str, *, always_named: bool = False, **values: str) -> Reply:
        name = self._talk.customer_name
        recently = any(name in text for text in self._talk.answered[-NAME_PAUSE:]) if name else True
        vocative = f", {name}" if name and (always_named or not recently) else ""
        text = template.replace("{, name}", vocative)
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", value)
        return Reply(text)
