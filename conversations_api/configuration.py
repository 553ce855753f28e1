"""`GET /api/configuration`: what this installation is set up with, secrets masked, and what its checks find."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import msgspec
from aiohttp import web

from conversations_api.routes import Route
from dialogue.agent_check import agent_finding
from shared.checks import Finding, credential_findings, data_findings, fault, note
from shared.config import Settings
from shared.operators import Role
from shared.service import SETTINGS, audit, json_response

SHOWN = 4  # letters of a secret: enough to tell two apart, too few to use one


class SettingShown(msgspec.Struct, frozen=True):
    """One value by its environment name; null when it is not set."""

    name: str
    value: str | None
    secret: bool = False


class Check(msgspec.Struct, frozen=True):
    """What a check found: `level` is ok, note or fault."""

    level: str
    what: str
    advice: str = ""


class Configuration(msgspec.Struct, frozen=True):
    """The configuration and its checks."""

    items: list[SettingShown]
    findings: list[Check]


async def show(request: web.Request) -> web.Response:
    """The configuration. Reading it is noted: it names accounts."""
    settings = request.app[SETTINGS]
    found = await asyncio.to_thread(lambda: list(_findings(settings)))
    audit(request, "configuration_read", "")
    checks = [Check(it.level.value, it.what, it.advice) for it in found]
    return json_response(Configuration(list(_items(settings)), checks))


def _items(settings: Settings) -> Iterator[SettingShown]:
    account, segment = settings.twilio, settings.segment
    yield SettingShown("TWILIO_ACCOUNT_SID", account.account_sid if account else None)
    yield _secret("TWILIO_AUTH_TOKEN", account.auth_token if account else None)
    yield SettingShown("TWILIO_BASE_URL", account.base_url if account else None)
    yield SettingShown("TWILIO_PHONE_NUMBER", account.phone_number if account else None)
    yield SettingShown("TWILIO_INTELLIGENCE_SERVICE_SID", account.intelligence_service_sid if account else None)
    yield SettingShown("TWILIO_VALIDATE_SIGNATURES", str(settings.validate_signatures).lower())
    yield SettingShown("SEGMENT_SPACE_ID", segment.space_id if segment else None)
    yield _secret("SEGMENT_ACCESS_SECRET", segment.access_secret if segment else None)
    yield _secret("SEGMENT_WRITE_KEY", segment.write_key if segment else None)
    yield SettingShown("RELAY_PUBLIC_URL", settings.relay_public_url)
    yield SettingShown("CONVERSATIONS_PUBLIC_URL", settings.conversations_public_url)
    yield SettingShown("INTELLIGENCE_PUBLIC_URL", settings.intelligence_public_url)
    yield SettingShown("AGENT_FILE", str(settings.agent_file) if settings.agent_file else None)
    yield SettingShown("DATA_DIR", str(settings.data_dir))
    yield SettingShown("WEB_ORIGINS", ", ".join(settings.web_origins))
    yield SettingShown("DEBUG_MODE", str(settings.debug).lower())


def _secret(name: str, value: str | None) -> SettingShown:
    """The last letters of a secret; a short one shows none of itself."""
    if not value:
        return SettingShown(name, None, secret=True)
    end = value[-SHOWN:] if len(value) >= SHOWN * 4 else ""
    return SettingShown(name, f"••••{end}", secret=True)


def _findings(settings: Settings) -> Iterator[Finding]:
    """What can be told from here; `crosschannel doctor` also asks the accounts and looks at the ports."""
    yield agent_finding(settings)
    yield from credential_findings(settings)
    yield from data_findings(settings)
    if not settings.validate_signatures:
        yield fault("webhooks are taken without a signature", "unset TWILIO_VALIDATE_SIGNATURES")
    if settings.segment is None:
        yield note(
            "Segment is not set up: callers are not greeted by what is known of them", "set SEGMENT_SPACE_ID"
        )


ROUTES = (
    Route(
        "GET",
        "/api/configuration",
        show,
        Role.ADMIN,
        summary="What the installation is set up with, secrets masked, and what its checks find.",
        tag="configuration",
        answer=Configuration,
    ),
)
