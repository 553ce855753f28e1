"""The agent file: who answers, in which languages, with which tools. TOML, read once and checked at start."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from dialogue.agent_checks import faults_of
from dialogue.agent_tables import (
    ConversationConfig,
    CustomerConfig,
    DtmfConfig,
    FillerConfig,
    HandoffConfig,
    LimitsConfig,
    Persona,
    SilenceConfig,
    TableTool,
    Tool,
)
from dialogue.language import LanguageRequests, match_language, primary
from dialogue.sentences import Language, completed
from dialogue.telephony import OutboundConfig, Price, TelephonyConfig
from shared.environment import ConfigError

__all__ = ["Agent", "AgentError", "Language", "load_agent", "match_language", "primary"]

LOCAL_FILE = Path("agents/agent.toml")
PACKAGED = "default.toml"
KNOWLEDGE_FILE_BYTES = 32 * 1024
KNOWLEDGE_BYTES = 96 * 1024


class AgentError(ConfigError):
    """The agent file cannot be used; the message says what and where."""

    def __init__(self, fault: str) -> None:
        super().__init__([fault])


class Agent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A whole agent file. Its own instructions and knowledge make the first persona, called like the agent.

    `tables` and `texts` are read from the files it names.
    """

    name: str
    default_language: str
    instructions: str
    languages: list[Language]
    knowledge: list[str] = []
    conversation: ConversationConfig = ConversationConfig()
    silence: SilenceConfig = SilenceConfig()
    limits: LimitsConfig = LimitsConfig()
    filler: FillerConfig = FillerConfig()
    customer: CustomerConfig = CustomerConfig()
    dtmf: DtmfConfig = DtmfConfig()
    handoff: HandoffConfig = HandoffConfig()
    telephony: TelephonyConfig = TelephonyConfig()
    outbound: OutboundConfig = OutboundConfig()
    prices: dict[str, Price] = {}
    tools: list[Tool] = []
    personas: list[Persona] = []
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    texts: dict[str, str] = {}

    def language(self, code: str) -> Language:
        """The declared language with this code, or else the default one."""
        found = match_language(code, [language.code for language in self.languages])
        wanted = found or self.default_language
        return next(language for language in self.languages if language.code == wanted)

    def language_requests(self) -> LanguageRequests:
        """What recognises that a caller asks for one of the declared languages."""
        return LanguageRequests(
            {primary(language.code): [*language.names, language.name] for language in self.languages}
        )

    @property
    def cast(self) -> list[Persona]:
        """All personas, the one that answers first."""
        return [Persona(name=self.name, instructions=self.instructions, knowledge=self.knowledge), *self.personas]

    def persona(self, name: str) -> Persona:
        """The persona with this name, or else the first."""
        cast = self.cast
        return next((persona for persona in cast if persona.name == name), cast[0])

    def tools_of(self, persona: Persona) -> list[Tool]:
        """What a persona may use: the tools it lists and those that nobody lists."""
        listed = {name for other in self.personas for name in other.tools}
        return [tool for tool in self.tools if tool.name in persona.tools or tool.name not in listed]


def load_agent(
    agent_file: Path | None,
    overrides: Mapping[str, Any] | None = None,
    tool_environ: Mapping[str, str] | None = None,
) -> Agent:
    """The agent of AGENT_FILE, else of ./agents/agent.toml, else the packaged one. Raises AgentError.

    `overrides` are values of [conversation] from the environment, `tool_environ` the variables that headers of
    HTTP tools may name; None leaves those unchecked.
    """
    if agent_file is None and LOCAL_FILE.is_file():
        agent_file = LOCAL_FILE
    if agent_file is None:
        folder = resources.files("dialogue") / "agents"
        text, source = (folder / PACKAGED).read_text("utf-8"), "the packaged agent"
        return _parse(text, source, folder, overrides or {}, tool_environ)
    try:
        text = agent_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgentError(f"the agent file {agent_file} cannot be read: {error}") from error
    return _parse(text, str(agent_file), agent_file.parent, overrides or {}, tool_environ)


def _parse(
    text: str, source: str, folder: Any, overrides: Mapping[str, Any], tool_environ: Mapping[str, str] | None
) -> Agent:
    try:
        content = msgspec.toml.decode(text, type=dict[str, Any])
        if overrides:
            content["conversation"] = {**content.get("conversation", {}), **overrides}
        agent = msgspec.convert(content, type=Agent)
        tables = {
            tool.name: _read_table(folder / tool.file) for tool in agent.tools if isinstance(tool, TableTool)
        }
        texts = _read_knowledge(agent, folder)
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError) as error:
        raise AgentError(f"{source}: {error}") from error
    languages = [completed(language) for language in agent.languages]
    agent = msgspec.structs.replace(agent, languages=languages, tables=tables, texts=texts)
    faults = faults_of(agent, tool_environ)
    if faults:
        raise AgentError(f"{source}: " + "; ".join(faults))
    return agent


def _read_table(path: Any) -> dict[str, dict[str, Any]]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])


def _read_knowledge(agent: Agent, folder: Any) -> dict[str, str]:
    """The knowledge files by name. Raises AgentError for one, or all of them, that no prompt should carry."""
    texts = {}
    for name in dict.fromkeys(name for persona in agent.cast for name in persona.knowledge):
        raw = (folder / name).read_bytes()
        if len(raw) > KNOWLEDGE_FILE_BYTES:
            raise AgentError(f"the knowledge file {name} is larger than {KNOWLEDGE_FILE_BYTES // 1024} kB")
        texts[name] = raw.decode("utf-8")
    for persona in agent.cast:
        if sum(len(texts[name].encode()) for name in persona.knowledge) > KNOWLEDGE_BYTES:
            raise AgentError(f"the knowledge of {persona.name} is larger than {KNOWLEDGE_BYTES // 1024} kB in all")
    return texts
