"""The tables of an agent file, one Struct each. Times in seconds, sizes in characters, unless named."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
SENTENCE_ENDS = (r"[.!?…]+[\"'”’»)]*\s*$", r"[。！？]$", r"\n$")
TRAITS = ("first_name", "preferred_language", "tier", "city")
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class Table(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A table of the agent file: what it does not know is a fault."""


class ConversationConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How a conversation runs. A RELAY_* name of the environment beats the file (`.env.example` lists them).

    `sentence_end_patterns` are regular expressions, searched in text that is cut at spaces. `partial_timeout` is
    how long the final of a partial prompt may stay away. `openai_model` "" is OPENAI_MODEL; the fallback is asked
    when the first fails or is slow. `chunking` "word" sends each word as it comes, "sentence" the first clause and
    then whole sentences.
    """

    sentence_end_patterns: list[str] = msgspec.field(default_factory=lambda: list(SENTENCE_ENDS))
    partial_timeout: Seconds = 3.0
    max_buffer_size: Annotated[int, msgspec.Meta(ge=100, le=100_000)] = 4000
    openai_model: str = ""
    fallback_model: str = ""
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    max_completion_tokens: Count | None = None
    chunking: Literal["word", "sentence"] = "word"
    first_text_deadline_s: Annotated[float, msgspec.Meta(gt=0, le=3.8)] = 3.5
    stall_deadline_s: Annotated[float, msgspec.Meta(gt=0, le=9.5)] = 8.0

    max_tool_rounds: Annotated[int, msgspec.Meta(ge=0, le=20)] = 4
    history_turns: Count = 40


class SilenceConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A caller who says nothing is asked after `after_s`, so many times, and then the call ends (within 90 s)."""

    after_s: Annotated[float, msgspec.Meta(ge=2, le=20)] = 8.0
    max_prompts: Annotated[int, msgspec.Meta(ge=0, le=3)] = 3


class LimitsConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What one call may take; when it is used up the agent says so and the call ends."""

    max_turns: Count = 200
    max_tokens: Count = 1_000_000
    max_seconds: Seconds = 3600.0
    max_tool_calls: Count = 100


class FillerConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """When a tool is slower than `after_s`, a short sentence bridges the silence."""

    after_s: Seconds = 1.0


class CustomerConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Which traits of a Segment profile the model may see, how long a look-up may take, how long it is kept."""

    traits: list[str] = msgspec.field(default_factory=lambda: list(TRAITS))
    budget_s: Annotated[float, msgspec.Meta(gt=0, le=5)] = 0.5
    cache_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0


class MenuItem(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a key does, one of: `intent` reaches the model as what the caller wants, `text` is spoken (one for all
    languages, or one each by code), `language` goes on in it.
    """

    intent: str = ""
    text: str | dict[str, str] = ""
    language: str = ""


class KeyEntry(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A number the model can ask for by its name: keyed in, complete at `length` (0: at `#` or a pause).

    A `sensitive` one is masked in journal, dashboard, logs and history; HTTP tools that list it still get it.
    """

    name: str
    description: str
    length: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    sensitive: bool = False


class DtmfConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Keys: `menu` gives some a meaning; the others are collected until `#`, a pause or `max_digits`."""

    menu: dict[str, Literal["transfer"] | MenuItem] = {}
    inter_digit_timeout_s: Seconds = 3.0
    max_digits: Annotated[int, msgspec.Meta(ge=1, le=64)] = 20
    sensitive: bool = False
    entries: list[KeyEntry] = []


class HandoffConfig(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Where a transferred caller goes: a number to dial, else a TaskRouter workflow (Flex), else a plain queue."""

    queue: str = "support"
    workflow_sid: str = ""
    dial: str = ""


class TableTool(Table, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """A tool that looks one key up in a JSON file beside the agent file: {key: {field: value}}."""

    name: str
    description: str
    key: str
    file: str
    key_description: str = ""
    timeout_s: Seconds = 5.0


class HttpTool(Table, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="http"):
    """A tool behind an address. `{name}` in `url` is an argument; others travel as query (GET, DELETE) or JSON.

    `parameters` is the JSON Schema of the arguments, checked before the call. Header values may hold
    `${TOOL_NAME}`, an environment variable whose name begins with TOOL_. One that `changes` something gets an
    idempotency key (default: every method but GET). `entries` names numbers the caller has keyed in: the server
    adds them to the arguments, the model never sees them.
    """

    name: str
    description: str
    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: dict[str, str] = {}
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=30)] = 5.0
    changes: bool | None = None
    entries: list[str] = []

    @property
    def changes_something(self) -> bool:
        return self.method != "GET" if self.changes is None else self.changes


Tool = TableTool | HttpTool


class Persona(Table, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Who speaks: its own instructions, knowledge files and tools.

    `description` tells the others when to hand the caller on to it. A tool that a persona lists belongs to those
    that list it; a tool that none lists belongs to all.
    """

    name: str
    description: str = ""
    instructions: str = ""
    knowledge: list[str] = []
    tools: list[str] = []
