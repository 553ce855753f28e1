"""The configuration as the services will read it, and what its values look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crosschannel.demo import settings_of
from crosschannel.services import Service
from dialogue.agent import AgentError, load_agent
from shared.checks import Finding, credential_findings, fault, ok
from shared.config import ConfigError, Settings

CORRECT = "correct it in .env or the environment (.env.example explains it)"


def configuration_findings(
    services: Sequence[Service], env: Mapping[str, str]
) -> tuple[Settings | None, list[Finding]]:
    """The launcher's settings (None when there are faults) and one finding per fault of any service."""
    faults: dict[str, None] = {}
    for name in ("crosschannel", *(service.name for service in services)):
        try:
            settings_of(name, env)
        except ConfigError as error:
            faults |= dict.fromkeys(error.faults)
    if faults:
        return None, [fault(text, CORRECT) for text in faults]
    settings = settings_of("crosschannel", env)
    return settings, [
        ok("configuration: every service can read it"),
        _agent(settings),
        *credential_findings(settings),
    ]


def _agent(settings: Settings) -> Finding:
    try:
        agent = load_agent(settings.agent_file, settings.conversation, settings.tool_environ)
    except (AgentError, OSError) as error:
        return fault(f"agent file: {error}", "correct the file, or unset AGENT_FILE for the packaged agent")
    spoken = ", ".join(language.code for language in agent.languages)
    return ok(f"agent: {agent.name} speaks {spoken}")
