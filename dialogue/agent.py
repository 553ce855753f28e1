"""The agent file: who answers, in which languages, with which tools. TOML, read once and checked at start."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from dialogue.telephony import OutboundConfig, Price, TelephonyConfig
from shared.environment import ConfigError

LOCAL_FILE = Path("agents/agent.toml")
PACKAGED = "default.toml"


class AgentError(ConfigError):
    """The agent file cannot be used; the message says what and where."""

    def __init__(self, fault: str) -> None:
        super().__init__([fault])


class Language(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A language the agent speaks: its BCP 47 code, its voice, and the sentences said without the model."""

    code: str
    name: str
    greeting: str
    resumed: str
    apology: str
    handoff: str
    goodbye: str
    busy: str
    tts_provider: str = "Google"
    voice: str = ""
    transcription_provider: str = "Deepgram"
    speech_model: str = ""
    hints: str = ""
    asr_smart_format: bool | None = None
    tts_text_normalization: Literal["", "on", "auto", "off"] = ""
    greeting_outbound: str = ""

    def opening(self, *, resumed: bool, outbound: bool) -> str:
        """What Twilio says first; a person whom we call is greeted in other words than one who called us."""
        if resumed:
            return self.resumed
        return (self.greeting_outbound if outbound else "") or self.greeting


class ConversationConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How a conversation runs; times in seconds, sizes in characters. `openai_model` "" is the environment's."""

    max_buffer_size: int = 4000
    first_text_deadline_s: float = 3.5
    stall_deadline_s: float = 8.0
    max_tool_rounds: int = 4
    history_turns: int = 40
    openai_model: str = ""


class DtmfConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Keys: `menu` maps a digit to `transfer`; the others are collected until `#`, a pause or `max_digits`."""

    menu: dict[str, Literal["transfer"]] = {}
    inter_digit_timeout_s: float = 3.0
    max_digits: int = 20


class HandoffConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where a transferred caller goes: a number to dial, else a TaskRouter workflow (Flex), else a plain queue."""

    queue: str = "support"
    workflow_sid: str = ""
    dial: str = ""


class TableTool(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A tool that looks one key up in a JSON file beside the agent file: {key: {field: value}}."""

    name: str
    kind: Literal["table"]
    description: str
    key: str
    file: str
    key_description: str = ""


class Agent(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A whole agent file. The first persona is the only one so far and is called like the agent."""

    name: str
    default_language: str
    instructions: str
    languages: list[Language]
    conversation: ConversationConfig = ConversationConfig()
    dtmf: DtmfConfig = DtmfConfig()
    handoff: HandoffConfig = HandoffConfig()
    telephony: TelephonyConfig = TelephonyConfig()
    outbound: OutboundConfig = OutboundConfig()
    prices: dict[str, Price] = {}
    tools: list[TableTool] = []
    tables: dict[str, dict[str, dict[str, Any]]] = {}

    def language(self, code: str) -> Language:
        """The declared language with this code, or else the default one."""
        found = match_language(code, [language.code for language in self.languages])
        wanted = found or self.default_language
        return next(language for language in self.languages if language.code == wanted)


def match_language(code: str, declared: list[str]) -> str | None:
    """The declared code for a BCP 47 tag: the same one, else the first with the same primary subtag.

    >>> match_language("es-ES", ["en-US", "es-US"])
    'es-US'
    """
    exact = {known.lower(): known for known in declared}
    if code.lower() in exact:
        return exact[code.lower()]
    return next((known for known in declared if primary(known) == primary(code)), None)


def primary(code: str) -> str:
    """The primary subtag of a BCP 47 tag, in lower case.

    >>> primary("pt-BR")
    'pt'
    """
    return code.lower().partition("-")[0]


def load_agent(agent_file: Path | None) -> Agent:
    """The agent of AGENT_FILE, else of ./agents/agent.toml, else the packaged one. Raises AgentError."""
    if agent_file is None and LOCAL_FILE.is_file():
        agent_file = LOCAL_FILE
    if agent_file is None:
        folder = resources.files("dialogue") / "agents"
        return _parse((folder / PACKAGED).read_text("utf-8"), "the packaged agent", folder)
    try:
        text = agent_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgentError(f"the agent file {agent_file} cannot be read: {error}") from error
    return _parse(text, str(agent_file), agent_file.parent)


def _parse(text: str, source: str, folder: Any) -> Agent:
    try:
        agent = msgspec.toml.decode(text, type=Agent)
        tables = {tool.name: _read_table(folder / tool.file) for tool in agent.tools}
    except (msgspec.MsgspecError, OSError) as error:
        raise AgentError(f"{source}: {error}") from error
    faults = _faults(agent)
    if faults:
        raise AgentError(f"{source}: " + "; ".join(faults))
    return msgspec.structs.replace(agent, tables=tables)


def _read_table(path: Any) -> dict[str, dict[str, Any]]:
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])


def _faults(agent: Agent) -> list[str]:
    """What is well-formed and still wrong, one sentence each."""
    codes = [language.code for language in agent.languages]
    faults = [
        f"the language {code} is declared twice" for code in sorted({c for c in codes if codes.count(c) > 1})
    ]
    if agent.default_language not in codes:
        faults.append(f"default_language {agent.default_language} is not among the languages")
    faults += [
        f"{tool.name!r} is not a tool name" for tool in agent.tools if not re.fullmatch(r"[\w-]+", tool.name)
    ]
    faults += agent.telephony.faults(codes)
    faults += [
        f"{key!r} is not a key of a phone" for key in agent.dtmf.menu if key not in "0123456789*#" or len(key) != 1
    ]
    return faults
