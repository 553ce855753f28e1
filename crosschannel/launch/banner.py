"""What the launcher tells when all is up: addresses, the sign-in link, how to place a call, whose accounts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from crosschannel.launch.lines import NAME_WIDTH
from crosschannel.services import CONVERSATIONS, Service
from shared.config import Settings
from shared.origins import is_public, url_host


def banner(services: Sequence[Service], missing: Sequence[str], settings: Settings, took_s: float) -> list[str]:
    """The lines of the table; `missing` says for each service that is not ready why."""
    state = f"ready in {took_s:.1f} s" if not missing else "up, but not whole"
    return [
        "",
        f"crosschannel is {state}, {_accounts(settings)}",
        "",
        *(
            f"  {service.name:<{NAME_WIDTH}}  {_address(service, settings):<24}  {service.purpose}"
            for service in services
        ),
        *(f"  {line}" for line in missing),
        "",
        f"  console       {sign_in_link(settings)}",
        *(f"  {line}" for line in _how_to_call(settings)),
        "  stop          Ctrl-C",
        "",
    ]


def sign_in_link(settings: Settings) -> str:
    """The owner's link into the console."""
    token = quote(settings.operator_token, safe="")
    return f"{_address(CONVERSATIONS, settings)}/sign-in?token={token}"


def _address(service: Service, settings: Settings) -> str:
    return f"http://{url_host(settings.host)}:{service.port(settings)}"


def _accounts(settings: Settings) -> str:
    if settings.twilio is None or settings.twilio.is_demo:
        return "against the sandbox: no account is used and nothing leaves this machine."
    twilio = f"Twilio account {settings.twilio.account_sid}"
    openai = settings.openai.base_url if settings.openai and settings.openai.base_url else "OpenAI"
    return f"against {twilio} and {openai}: calls cost money."


def _how_to_call(settings: Settings) -> list[str]:
    if settings.twilio is None or settings.twilio.is_demo:
        # The command next to this Python: the environment need not be activated.
        program = Path(sys.executable).parent / "crosschannel"
        folder = Path.cwd()
        shown = program.relative_to(folder) if program.is_relative_to(folder) else program
        return [f"place a call  {shown} call"]
    if not is_public(settings.relay_public_url):
        return [
            "place a call  Twilio cannot reach this machine: set PUBLIC_URL or NGROK_DOMAIN (see .env.example)"
        ]
    number = settings.twilio.phone_number or "your Twilio number"
    return [f"place a call  dial {number}, with its voice webhook set to POST {settings.relay_public_url}/voice"]
