"""A relay of one's own for a replay, and with the demo account a sandbox when none is running."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from crosschannel.demo import child_environment, is_demo
from crosschannel.private_services import HOST, answers_at, free_ports, private_services
from shared.config import Settings, load_settings


@dataclass(frozen=True, slots=True)
class PrivateRelay:
    """Where it answers, and where it writes."""

    settings: Settings
    data_dir: Path


@asynccontextmanager
async def private_relay(
    env: Mapping[str, str], settings: Settings, agent: Path | None, model: str | None
) -> AsyncIterator[PrivateRelay]:
    """A relay with this agent file and model, whose data directory is thrown away at the end.

    Raises NotStarted, and ConfigError for settings that cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="crosschannel-replay-") as folder:
        relay_port, sandbox_port = free_ports(2)
        ports = {"relay_server": relay_port}
        own = _environment(env, settings, Path(folder) / "data", relay_port)
        if is_demo(env) and not await answers_at(settings.ports.sandbox, settings.host):
            ports = {"sandbox": sandbox_port, **ports}
            own |= _sandbox_at(sandbox_port)
        if agent is not None:
            own["AGENT_FILE"] = str(agent)
        if model is not None:
            own["OPENAI_MODEL"] = model
        relay_settings = load_settings("relay_server", own)
        async with private_services(ports, own, Path(folder)):
            yield PrivateRelay(relay_settings, relay_settings.data_dir)


def _environment(env: Mapping[str, str], settings: Settings, data_dir: Path, port: int) -> dict[str, str]:
    address = f"http://{HOST}:{port}"
    return {
        **child_environment(env),
        "HOST": HOST,
        "RELAY_PORT": str(port),
        "RELAY_URL": address,
        "RELAY_PUBLIC_URL": address,
        "PUBLIC_URL": "",
        "NGROK_DOMAIN": "",
        "DATA_DIR": str(data_dir),
        "OPERATOR_TOKEN": settings.operator_token,
        "SESSION_SECRET": settings.session_secret,
    }


def _sandbox_at(port: int) -> dict[str, str]:
    origin = f"http://{HOST}:{port}"
    return {
        "SANDBOX_PORT": str(port),
        "SANDBOX_URL": origin,
        "TWILIO_BASE_URL": origin,
        "OPENAI_BASE_URL": f"{origin}/openai/v1",
        "SEGMENT_BASE_URL": f"{origin}/segment/v1",
    }
