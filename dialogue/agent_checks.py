"""What is well-formed in an agent file and still wrong, one sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import jsonschema_rs

from dialogue.agent_tables import HttpTool, MenuItem
from dialogue.language import match_language
from dialogue.sentences import missing_sentences

if TYPE_CHECKING:
    from dialogue.agent import Agent

BUILT_IN = frozenset(
    ("end_call", "transfer_to_person", "switch_language", "look_up_customer", "hand_to_persona", "expect_keys")
)
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
URL_ARGUMENT = re.compile(r"\{([\w-]+)\}")
NAME = re.compile(r"[\w-]{1,64}")


def faults_of(agent: Agent, tool_environ: Mapping[str, str] | None) -> list[str]:
    """Every fault at once; `tool_environ` None leaves the environment of the tools unchecked."""
    return [
        *_language_faults(agent),
        *_name_faults(agent),
        *_pattern_faults(agent.conversation.sentence_end_patterns),
        *_menu_faults(agent),
        *agent.telephony.faults([language.code for language in agent.languages]),
        *(fault for tool in agent.tools if isinstance(tool, HttpTool) for fault in _http_faults(tool, agent)),
        *_environment_faults(agent, tool_environ),
    ]


def _language_faults(agent: Agent) -> Iterator[str]:
    codes = [language.code for language in agent.languages]
    yield from (f"the language {code} is declared twice" for code in _repeated(codes))
    if agent.default_language not in codes:
        yield f"default_language {agent.default_language} is not among the languages"
    for language in agent.languages:
        missing = missing_sentences(language)
        if missing:
            yield f"the language {language.code} lacks {', '.join(missing)}"


def _name_faults(agent: Agent) -> Iterator[str]:
    names = [tool.name for tool in agent.tools]
    yield from (f"the tool {name} is declared twice" for name in _repeated(names))
    yield from (f"{name!r} is not a tool name" for name in names if not NAME.fullmatch(name))
    yield from (f"the tool {name} has the name of a built-in one" for name in names if name in BUILT_IN)
    personas = [persona.name for persona in agent.cast]
    yield from (f"the persona {name} is declared twice" for name in _repeated(personas))
    for persona in agent.personas:
        if not persona.description.strip():
            yield f"the persona {persona.name} has no description, so nobody knows when to hand over to it"
        unknown = sorted(set(persona.tools) - set(names))
        if unknown:
            yield f"the persona {persona.name} lists tools that are not declared: {', '.join(unknown)}"


def _pattern_faults(patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"sentence_end_patterns: {pattern!r} is not a regular expression ({error})"


def _menu_faults(agent: Agent) -> Iterator[str]:
    codes = [language.code for language in agent.languages]
    for key, item in agent.dtmf.menu.items():
        if key not in "0123456789*#" or len(key) != 1:
            yield f"{key!r} is not a key of a phone"
        if not isinstance(item, MenuItem):
            continue
        if sum(bool(value) for value in (item.intent, item.text, item.language)) != 1:
            yield f"the key {key} needs one of intent, text and language"
        if isinstance(item.text, dict) and not item.intent and set(codes) - set(item.text):
            yield f"the text of the key {key} lacks {', '.join(sorted(set(codes) - set(item.text)))}"
        if item.language and match_language(item.language, codes) is None:
            yield f"the key {key} leads to a language that is not declared: {item.language}"
    yield from (f"the key entry {n} is declared twice" for n in _repeated([e.name for e in agent.dtmf.entries]))


def _http_faults(tool: HttpTool, agent: Agent) -> Iterator[str]:
    parts = urlsplit(tool.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or URL_ARGUMENT.search(parts.netloc):
        yield f"the tool {tool.name} needs a url that begins with http:// or https:// and a fixed host"
    properties = tool.parameters.get("properties", {})
    if tool.parameters.get("type") != "object" or not isinstance(properties, dict):
        yield f"the parameters of the tool {tool.name} must be a JSON Schema of type object"
        return
    try:
        jsonschema_rs.validator_for(tool.parameters)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        yield f"the parameters of the tool {tool.name} are no JSON Schema: {str(error).splitlines()[0]}"
    unknown = sorted(set(tool.entries) - {entry.name for entry in agent.dtmf.entries})
    if unknown:
        yield f"the tool {tool.name} wants key entries that are not declared: {', '.join(unknown)}"
    missing = sorted(set(URL_ARGUMENT.findall(tool.url)) - set(properties) - set(tool.entries))
    if missing:
        yield f"the url of the tool {tool.name} has arguments that are not parameters: {', '.join(missing)}"


def _environment_faults(agent: Agent, tool_environ: Mapping[str, str] | None) -> Iterator[str]:
    for tool in agent.tools:
        if not isinstance(tool, HttpTool):
            continue
        for name in (name for value in tool.headers.values() for name in PLACEHOLDER.findall(value)):
            if not re.fullmatch(r"TOOL_[A-Z0-9_]+", name):
                yield f"a header of the tool {tool.name} names {name}: only TOOL_* may be used"
            elif tool_environ is not None and name not in tool_environ:
                yield f"the tool {tool.name} needs the environment variable {name}, which is not set"


def _repeated(names: Sequence[Any]) -> list[Any]:
    return sorted({name for name in names if names.count(name) > 1})
