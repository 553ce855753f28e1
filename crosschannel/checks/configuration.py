"""The configuration as the services will read it, and what its values look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from crosschannel.checks.finding import Finding, fault, note, ok
from crosschannel.demo import settings_of
from crosschannel.services import Service
from dialogue.agent import AgentError, load_agent
from shared.config import ConfigError, Settings, TwilioAccount
from shared.origins import is_public

CORRECT = "correct it in .env or the environment (.env.example explains it)"
E164 = re.compile(r"\+[1-9]\d{6,14}")
HEX_32 = re.compile(r"[0-9a-f]{32}")


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
    return settings, [ok("configuration: every service can read it"), _agent(settings), *_credentials(settings)]


def _agent(settings: Settings) -> Finding:
    try:
        agent = load_agent(settings.agent_file, settings.conversation, settings.tool_environ)
    except (AgentError, OSError) as error:
        return fault(f"agent file: {error}", "correct the file, or unset AGENT_FILE for the packaged agent")
    spoken = ", ".join(language.code for language in agent.languages)
    return ok(f"agent: {agent.name} speaks {spoken}")


def _credentials(settings: Settings) -> Iterator[Finding]:
    """What the values look like; whether they are right only Twilio and OpenAI can tell."""
    account = settings.twilio
    if account is None:
        return
    if account.is_demo:
        yield ok("accounts: the demo's own, for the sandbox on this machine")
        return
    yield ok(f"accounts: Twilio {account.account_sid} and OpenAI; calls cost money")
    if not HEX_32.fullmatch(account.auth_token):
        yield note(
            "TWILIO_AUTH_TOKEN does not look like an auth token (32 hexadecimal digits)",
            "copy it from the account's page in the Twilio console; an API key's secret does not sign webhooks",
        )
    yield from _numbers(account)
    if account.base_url is None and not is_public(settings.relay_public_url):
        yield fault(
            f"Twilio cannot reach this machine at {settings.relay_public_url}",
            "set PUBLIC_URL or NGROK_DOMAIN to the public origin of your gateway or tunnel",
        )


def _numbers(account: TwilioAccount) -> Iterator[Finding]:
    if account.phone_number is not None and not E164.fullmatch(account.phone_number):
        yield note("TWILIO_PHONE_NUMBER is not in E.164", "write it as +14155550100: plus, country code, number")
    service = account.intelligence_service_sid
    if service is None:
        yield note(
            "TWILIO_INTELLIGENCE_SERVICE_SID is not set: calls work, reports on them do not arrive",
            "make an Intelligence service in the Twilio console and set its sid",
        )
    elif not (service.startswith("GA") and HEX_32.fullmatch(service[2:])):
        yield note("TWILIO_INTELLIGENCE_SERVICE_SID must be GA and 32 hexadecimal digits", "copy it again")
