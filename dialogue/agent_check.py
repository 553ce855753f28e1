"""Whether the agent file can be used, as the doctor and the console say it."""

from __future__ import annotations

from dialogue.agent import AgentError, load_agent
from shared.checks import Finding, fault, ok
from shared.config import Settings


def agent_finding(settings: Settings) -> Finding:
    """What the agent speaks, or why its file cannot be used and what to do."""
    try:
        agent = load_agent(settings.agent_file, settings.conversation, settings.tool_environ)
    except (AgentError, OSError) as error:
        return fault(f"agent file: {error}", "correct the file, or unset AGENT_FILE for the packaged agent")
    return ok(f"agent: {agent.name} speaks {', '.join(language.code for language in agent.languages)}")
