"""The tools a model may call: those every agent has, and the lookups of its agent file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dialogue.agent import Agent, TableTool, match_language
from dialogue.model import ToolSpec

END_CALL = "end_call"
TRANSFER = "transfer_to_person"
SWITCH_LANGUAGE = "switch_language"


class ToolError(Exception):
    """The model's call cannot be carried out; the message goes back to the model as the result."""


def tool_specs(agent: Agent) -> list[ToolSpec]:
    """The tools as the model is told of them (OpenAI function calling, JSON Schema parameters)."""
    codes = [language.code for language in agent.languages]
    return [
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
        *(_spec(tool.name, tool.description, _table_parameters(tool)) for tool in agent.tools),
    ]


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments the model wrote. Raises ToolError when they are not a JSON object."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
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


def look_up(agent: Agent, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The result of a table tool. Raises ToolError for an unknown tool or a missing argument."""
    tool = next((tool for tool in agent.tools if tool.name == name), None)
    if tool is None:
        raise ToolError(f"there is no tool {name}")
    key = text_argument(arguments, tool.key)
    row = agent.tables[tool.name].get(key)
    return {"found": False, tool.key: key} if row is None else {"found": True, tool.key: key, **row}


def _table_parameters(tool: TableTool) -> dict[str, Any]:
    return {tool.key: {"type": "string", "description": tool.key_description}}


def _spec(name: str, description: str, properties: dict[str, Any]) -> ToolSpec:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
