"""Checks that need nothing but the settings: for `crosschannel doctor` and for the console's settings page."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from shared.config import Settings, TwilioAccount
from shared.origins import is_public

E164 = re.compile(r"\+[1-9]\d{6,14}")
HEX_32 = re.compile(r"[0-9a-f]{32}")
LOW_SPACE_BYTES = 1024**3
LEAST_SPACE_BYTES = 100 * 1024**2


class Level(Enum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # nothing to do before a call can be placed
    FAULT = "fault"  # in the way of a call


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `what` was found, and for a note or fault the `advice`."""

    level: Level
    what: str
    advice: str = ""


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def note(what: str, advice: str) -> Finding:
    return Finding(Level.NOTE, what, advice)


def fault(what: str, advice: str) -> Finding:
    return Finding(Level.FAULT, what, advice)


def credential_findings(settings: Settings) -> Iterator[Finding]:
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


def data_findings(settings: Settings) -> Iterator[Finding]:
    """Whether the data directory can be written by its owner only, and has room."""
    folder = settings.data_dir
    if not os.access(folder, os.W_OK | os.X_OK):
        yield fault(
            f"data: {folder} cannot be written", "give it to the user that runs the services, or set DATA_DIR"
        )
        return
    wide = sorted(path.name for path in [folder, *folder.glob("*")] if _is_wide(path))
    if wide:
        yield note(
            f"data: others on this machine may read {', '.join(wide)}",
            f"run `chmod -R go-rwx {folder}`; the services tighten what they open",
        )
    yield _space(folder, shutil.disk_usage(folder).free)


def _is_wide(path: Path) -> bool:
    """True when group or others have any right; a file that vanished meanwhile has none."""
    try:
        return bool(path.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def _space(folder: Path, free_bytes: int) -> Finding:
    free = f"{free_bytes / 1024**3:.1f} GB free"
    if free_bytes < LEAST_SPACE_BYTES:
        return fault(
            f"data: {folder} has {free}: calls are refused when the journal is full", "make room on that disk"
        )
    if free_bytes < LOW_SPACE_BYTES:
        return note(f"data: {folder} has only {free}", "make room on that disk")
    return ok(f"data: {folder} can be written, {free}")
