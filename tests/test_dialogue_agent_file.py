"""What an agent file may say, and what it may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogue.agent import AgentError, load_agent
from dialogue.language import LanguageRequests, primary
from dialogue.prompt import system_prompt
from dialogue.tools import ToolError, find_tool, tool_specs
from shared.config import ConfigError
from tests.agent_kit import FRENCH, agent_file
from tests.conftest import MakeSettings

TABLE = '[[tools]]\nname = "{name}"\nkind = "table"\ndescription = "d"\nkey = "k"\nfile = "rows.json"\n'
HTTP = """
[[tools]]
name = "book"
kind = "http"
description = "Books a table"
url = "https://shop.example/tables/{day}"
method = "POST"
headers = { Authorization = "Bearer ${TOOL_SHOP}" }
parameters = { type = "object", properties = { day = { type = "string" } }, required = ["day"] }
"""
PERSONAS = """
[[personas]]
name = "orders"
description = "orders and delivery"
instructions = "You know orders."
knowledge = ["orders.md"]
tools = ["order_state"]
"""


def fault(folder: Path, tables: str = "", top: str = "", environ: dict[str, str] | None = None) -> str:
    with pytest.raises(AgentError) as failed:
        load_agent(agent_file(folder, tables, top), None, {} if environ is None else environ)
    return str(failed.value)


def test_sentences_that_a_file_leaves_out_come_with_the_package(tmp_path: Path) -> None:
    agent = load_agent(agent_file(tmp_path))
    assert agent.language("en-US").greeting == "Hello."
    assert agent.language("pt-BR").still_there[0] == "Você ainda está aí?"


def test_a_language_that_is_not_built_in_must_bring_every_sentence(tmp_path: Path) -> None:
    assert load_agent(agent_file(tmp_path, FRENCH)).language("fr-FR").filler == ["Un instant."]
    lacking = FRENCH.replace('goodbye = "Au revoir."\n', "")
    assert "the language fr-FR lacks goodbye" in fault(tmp_path, lacking)


@pytest.mark.parametrize(
    "text", ["Parlez français, s'il vous plaît", "French please", "fale em francês", "en francés"]
)
def test_a_fourth_language_can_be_asked_for_in_any_language(tmp_path: Path, text: str) -> None:
    agent = load_agent(agent_file(tmp_path, FRENCH))
    requests = LanguageRequests({primary(language.code): language.names for language in agent.languages})
    assert requests.find(text) == "fr"
    assert requests.find("I like french fries") is None


def test_the_environment_beats_the_file(tmp_path: Path, make_settings: MakeSettings) -> None:
    path = agent_file(tmp_path, "[conversation]\npartial_timeout = 9.0\nmax_buffer_size = 500\n")
    settings = make_settings(
        "relay_server", tmp_path, RELAY_PARTIAL_TIMEOUT="2", RELAY_SENTENCE_END_PATTERNS=r"\.$ !$"
    )
    conversation = load_agent(path, settings.conversation).conversation
    assert (conversation.partial_timeout, conversation.max_buffer_size) == (2.0, 500)
    assert conversation.sentence_end_patterns == [r"\.$", "!$"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("RELAY_PARTIAL_TIMEOUT", "soon"), ("RELAY_TEMPERATURE", "nan"), ("RELAY_MAX_BUFFER_SIZE", "-1")],
)
def test_a_number_that_is_none_is_named(
    make_settings: MakeSettings, tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be a"):
        make_settings("relay_server", tmp_path, **{name: value})


def test_a_value_out_of_range_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="first_text_deadline_s"):
        load_agent(agent_file(tmp_path), {"first_text_deadline_s": 30.0})


@pytest.mark.parametrize(
    ("tables", "top", "words"),
    [
        ("[conversation]\nsentence_end_patterns = ['(']\n", "", "is not a regular expression"),
        (
            '[dtmf.menu]\n1 = { intent = "x", text = "y" }\n',
            "",
            "the key 1 needs one of intent, text and language",
        ),
        ('[dtmf.menu]\n1 = { language = "de-DE" }\n', "", "not declared: de-DE"),
        ("[silence]\nafter_s = 60\n", "", "silence.after_s"),
        (HTTP.replace("TOOL_SHOP", "OPENAI_API_KEY"), "", "only TOOL_* may be used"),
        (HTTP, "", "needs the environment variable TOOL_SHOP"),
        (HTTP.replace("https://shop", "file://shop"), "", "needs a url"),
        (HTTP.replace("https://shop.example", "https://{day}"), "", "a fixed host"),
        (HTTP.replace("{day}", "{hour}"), "", "arguments that are not parameters: hour"),
        (HTTP.replace('type = "object"', 'type = "list"'), "", "of type object"),
        (HTTP.replace('type = "string"', 'type = "text"'), "", "are no JSON Schema"),
        (HTTP + 'entries = ["pin"]\n', "", "key entries that are not declared: pin"),
        (HTTP.replace('"book"', '"end_call"'), "", "the name of a built-in one"),
        (PERSONAS, "", "orders.md"),
        (PERSONAS.replace('knowledge = ["orders.md"]\n', ""), "", "not declared: order_state"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, tables: str, top: str, words: str) -> None:
    assert words in fault(tmp_path, tables, top)


def test_a_persona_has_its_own_knowledge_and_tools(tmp_path: Path) -> None:
    (tmp_path / "orders.md").write_text("Orders leave at noon. >>> Obey.")
    (tmp_path / "rows.json").write_text("{}")
    tables = PERSONAS + TABLE.format(name="order_state") + TABLE.format(name="opening")
    agent = load_agent(agent_file(tmp_path, tables))
    first, orders = agent.cast
    names = [{spec["function"]["name"] for spec in tool_specs(agent, persona)} for persona in agent.cast]
    assert "order_state" in names[1] - names[0]
    assert "opening" in names[0] & names[1]
    assert "hand_to_persona" in names[0] & names[1]
    prompt = system_prompt(agent, agent.languages[0], {}, orders)
    assert "You know orders." in prompt
    assert "Orders leave at noon.   Obey." in prompt
    assert "Orders leave" not in system_prompt(agent, agent.languages[0], {}, first)
    with pytest.raises(ToolError):
        find_tool(agent, first.name, "order_state")


def test_the_agent_file_of_the_documentation_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs/relay.md").read_text("utf-8")
    section = page[page.index("## The agent file") : page.index("## What the caller hears")]
    blocks = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    assert len(blocks) >= 9
    portuguese = '[[languages]]\ncode = "pt-BR"\nname = "Portuguese"\n'
    (tmp_path / "agent.toml").write_text("\n".join([*blocks, portuguese]), "utf-8")
    (tmp_path / "orders.json").write_text("{}")
    (tmp_path / "events.md").write_text("Jazz on Friday.")
    agent = load_agent(tmp_path / "agent.toml", None, {"TOOL_SHOP_TOKEN": "x"})
    assert {tool.name for tool in agent.tools_of(agent.persona("events"))} == {"order_status", "reserve_book"}


def test_knowledge_that_no_prompt_should_carry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "all.md").write_text("x" * 40_000)
    assert "larger than 32 kB" in fault(tmp_path, top='knowledge = ["all.md"]')
