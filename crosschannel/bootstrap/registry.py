"""The user's package registry settings, so that uv goes where pip goes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

# pip's option -> uv's variable. pip reads its configuration files, uv does not know them.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def uv_environment(environ: Mapping[str, str], pip_config: str) -> dict[str, str]:
    """`environ` with uv's variables filled from pip's configuration where the user set none.

    `pip_config` is the output of `pip config list`, which covers its files and PIP_ variables alike.
    """
    env = dict(environ)
    for option, value in re.findall(r"^\S+?\.([\w-]+)='(.*)'$", pip_config, re.MULTILINE):
        name = PIP_TO_UV.get(option)
        if name is not None:
            env.setdefault(name, value)
    if SYSTEM_CERTIFICATES.exists():
        # Companies put their proxy's authority there; uv's own bundle would refuse that proxy.
        env.setdefault("UV_SYSTEM_CERTS", "true")
    return env


def pip_config(python: Path) -> str:
    """What `pip config list` says; empty when pip cannot tell."""
    command = [str(python), "-m", "pip", "config", "list"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    return found.stdout if found.returncode == 0 else ""
