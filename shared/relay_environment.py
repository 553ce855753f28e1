"""What of a conversation can be set by the environment: values that beat those of the agent file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.environment import EnvironmentReader

TOOL_PREFIX = "TOOL_"


def conversation_overrides(reader: EnvironmentReader) -> dict[str, Any]:
    """The values of [conversation] that are set, by their names in the agent file.

    Patterns are separated by spaces. Ranges are checked with the file's own.
    """
    patterns = reader.text("RELAY_SENTENCE_END_PATTERNS")
    found = {
        "sentence_end_patterns": patterns.split() if patterns else None,
        "partial_timeout": reader.number("RELAY_PARTIAL_TIMEOUT"),
        "max_buffer_size": reader.whole_number("RELAY_MAX_BUFFER_SIZE"),
        "fallback_model": reader.text("RELAY_FALLBACK_MODEL"),
        "temperature": reader.number("RELAY_TEMPERATURE"),
        "max_completion_tokens": reader.whole_number("RELAY_MAX_COMPLETION_TOKENS"),
        "chunking": reader.text("RELAY_CHUNKING"),
        "first_text_deadline_s": reader.number("RELAY_FIRST_TEXT_DEADLINE"),
        "stall_deadline_s": reader.number("RELAY_STALL_DEADLINE"),
    }
    return {name: value for name, value in found.items() if value is not None}


def tool_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that an agent file may name in the headers of its HTTP tools."""
    return {name: value for name, value in environ.items() if name.startswith(TOOL_PREFIX)}
