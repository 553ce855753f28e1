"""The tools a model may call: those every agent has, and those of its agent file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dialogue.agent import Agent
from dialogue.agent_tables import HttpTool, Persona, TableTool, Tool
from dialogue.language import match_language
from dialogue.model import ToolSpec

END_CALL = "end_call"
TRANSFER = "transfer_to_person"
SWITCH_LANGUAGE = "switch_language"
LOOK_UP_CUSTOMER = "look_up_customer"
HAND_TO_PERSONA = "hand_to_persona"
EXPECT_KEYS = "expect_keys"


class ToolError(Exception):
    """The model's call cannot be carried out; the message goes back to the model as the result."""


def tool_specs(agent: Agent, persona: Persona | None = None) -> list[ToolSpec]:
    """A persona's tools as the model is told of them (OpenAI function calling); the first persona's by default."""
    speaker = persona or agent.persona(agent.name)
    return [*_built_in(agent, speaker), *(_declared(tool) for tool in agent.tools_of(speaker))]


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments the model wrote. Raises ToolError when they are not a JSON object."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ToolError(f"the arguments are not a JSON object: {error}") from error


def text_argument(arguments: Mapping[str, Any], name: str) -> str:
    """A text argument. Raises ToolError when it is missing or empty."""
    value = arguments.get(name)
    if isinstance(value, int) and not isinstance(value, bool):  # models write order numbers as numbers
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ToolError(f"the argument {name} is missing")
    return value.strip()


def wanted_language(agent: Agent, arguments: Mapping[str, Any]) -> str:
    """The declared language code a `switch_language` call asks for. Raises ToolError for any other."""
    wanted = text_argument(arguments, "language")
    found = match_language(wanted, [language.code for language in agent.languages])
    if found is None:
        raise ToolError(f"{wanted} is not one of this agent's languages")
    return found


def wanted_persona(agent: Agent, arguments: Mapping[str, Any]) -> Persona:
    """The persona a `hand_to_persona` call names. Raises ToolError for any other."""
    wanted = text_argument(arguments, "persona")
    found = next((persona for persona in agent.cast if persona.name == wanted), None)
    if found is None:
        raise ToolError(f"there is no persona {wanted}")
    return found


def wanted_entry(agent: Agent, arguments: Mapping[str, Any]) -> str:
    """The key entry an `expect_keys` call names. Raises ToolError for any other."""
    wanted = text_argument(arguments, "entry")
    if wanted not in {entry.name for entry in agent.dtmf.entries}:
        raise ToolError(f"there is no key entry {wanted}")
    return wanted


def find_tool(agent: Agent, persona: str, name: str) -> Tool:
    """A tool of the agent file that this persona may use. Raises ToolError for any other."""
    tools = agent.tools_of(agent.persona(persona))
    found = next((tool for tool in tools if tool.name == name), None)
    if found is None:
        raise ToolError(f"there is no tool {name}")
    return found


def look_up(agent: Agent, tool: TableTool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a table tool. Raises ToolError for a missing argument."""
    key = text_argument(arguments, tool.key)
    row = agent.tables[tool.name].get(key)
    return {"found": False, tool.key: key} if row is None else {"found": True, tool.key: key, **row}


def _built_in(agent: Agent, speaker: Persona) -> list[ToolSpec]:
    codes = [language.code for language in agent.languages]
    specs = [
        _spec(END_CALL, "Ends the call after your goodbye. Use it when the caller is done.", {}),
        _spec(
            TRANSFER,
            "Puts the caller through to a person. Use it when asked for one, or when you cannot help.",
            {"reason": {"type": "string", "description": "Why, in a few words, for the colleague"}},
        ),
        _spec(
            SWITCH_LANGUAGE,
            "Goes on in another language, when the caller asks for it.",
            {"language": {"type": "string", "enum": codes}},
        ),
    ]
    if agent.customer.traits:
        specs.append(_spec(LOOK_UP_CUSTOMER, "What is known of the customer on the line, and only of them.", {}))
    others = [persona for persona in agent.cast if persona.name != speaker.name]
    if others:
        about = "; ".join(f"{persona.name}: {persona.description or 'everything else'}" for persona in others)
        names = {"type": "string", "enum": [persona.name for persona in others]}
        specs.append(_spec(HAND_TO_PERSONA, f"Lets a colleague of yours go on. {about}", {"persona": names}))
    if agent.dtmf.entries:
        about = "; ".join(f"{entry.name}: {entry.description}" for entry in agent.dtmf.entries)
        entries = {"type": "string", "enum": [entry.name for entry in agent.dtmf.entries]}
        text = f"Lets the caller key a number in. Call it together with your request to do so. {about}"
        specs.append(_spec(EXPECT_KEYS, text, {"entry": entries}))
    return specs


def _declared(tool: Tool) -> ToolSpec:
    if isinstance(tool, HttpTool):
        function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
        return {"type": "function", "function": function}
    properties = {tool.key: {"type": "string", "description": tool.key_description}}
    return _spec(tool.name, tool.description, properties)


def _spec(name: str, description: str, properties: dict[str, Any]) -> ToolSpec:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
