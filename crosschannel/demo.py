"""The environment a service runs in: the real accounts', or the demo's when there are none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from shared.config import DEMO_ACCOUNT_PREFIX, ConfigError, Settings, load_settings, read_environment
from shared.environment import is_placeholder
from shared.origins import url_host
from shared.secrets_file import load_or_create_secrets

CREDENTIALS = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "OPENAI_API_KEY")
SEGMENT_CREDENTIALS = ("SEGMENT_SPACE_ID", "SEGMENT_ACCESS_SECRET")
DEMO_DATA_DIR = "./data/demo"


def environment(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> dict[str, str]:
    """The values of `.env` and the environment; with none of the credentials, the demo account's as well.

    Raises ConfigError that names every missing credential when only some are given, and when the demo's
    secrets cannot be stored.
    """
    env = read_environment(os.environ if environ is None else environ, dotenv)
    given = [name for name in CREDENTIALS if name in env]
    faults = [f"{name} is missing" for name in CREDENTIALS if name not in env]
    faults += [f"{name} still holds a placeholder" for name in given if is_placeholder(env[name])]
    if not given:
        return _demo(env)
    if faults:
        emptied = " ".join(f"{name}=" for name in given)
        raise ConfigError(faults, f"Give all three, or run the demo, which needs no account: {emptied} make up")
    return env


def settings_of(service: str, env: Mapping[str, str]) -> Settings:
    """The settings of `service`. Raises ConfigError, also for a data directory that cannot be used."""
    try:
        return load_settings(service, env)
    except OSError as error:
        place = error.filename or env.get("DATA_DIR", "")
        raise ConfigError([f"DATA_DIR cannot be used: {place}: {error.strerror or error}"]) from error


def is_demo(env: Mapping[str, str]) -> bool:
    """True when this environment uses the demo account of the sandbox."""
    return env.get("TWILIO_ACCOUNT_SID", "").startswith(DEMO_ACCOUNT_PREFIX)


def child_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What to start a service with: `env` over the process environment.

    Empty variables stay in it: they keep hiding the `.env` value of the same name in the service too. Python may
    keep what it compiles: without that every start compiles all libraries anew, and a relay that was killed is
    back too late for its calls (2.4 s instead of 1.3 s).
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **env}


def _demo(env: Mapping[str, str]) -> dict[str, str]:
    """`env` completed by the demo account and the sandbox's addresses; what is given stays."""
    demo = {"DATA_DIR": env.get("DATA_DIR", DEMO_DATA_DIR)}
    sandbox = env.get("SANDBOX_URL", "").rstrip("/") or _own_sandbox(env)
    demo |= {"TWILIO_BASE_URL": sandbox, "OPENAI_BASE_URL": f"{sandbox}/openai/v1"}
    try:
        secrets = load_or_create_secrets(Path(demo["DATA_DIR"]), demo=True)
    except OSError as error:
        raise ConfigError([f"DATA_DIR {demo['DATA_DIR']} cannot be used: {error.strerror or error}"]) from error
    if any(name in env for name in SEGMENT_CREDENTIALS):
        secrets = {name: value for name, value in secrets.items() if not name.startswith("SEGMENT_")}
    else:
        demo["SEGMENT_BASE_URL"] = f"{sandbox}/segment/v1"
    return {**secrets, **demo, **env}


def _own_sandbox(env: Mapping[str, str]) -> str:
    return f"http://{url_host(env.get('HOST', '127.0.0.1'))}:{env.get('SANDBOX_PORT', '9000')}"
