"""The configuration as the services will read it, and what its values look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crosschannel.demo import settings_of
from crosschannel.services import Service
from dialogue.agent_check import agent_finding
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
        agent_finding(settings),
        *credential_findings(settings),
    ]
