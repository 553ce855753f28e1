"""requirements.lock: which of its pinned, hashed blocks a set of packages needs."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crosschannel.bootstrap.command import SetupError

# The groups of pyproject.toml that each set of the environment installs; "" is [project.dependencies].
RUNTIME = ("", "setup")
DEVELOPMENT = ("", "setup", "dev", "plot")
NODE = ("node",)
BUILD = ("setup",)


@dataclass(frozen=True, slots=True)
class Pin:
    """One pinned package: its lines in the lock (version, marker, hashes) and who asked for it."""

    name: str
    text: str
    parents: frozenset[str]


def normalise(name: str) -> str:
    """The package name as the lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_lock(text: str) -> list[Pin]:
    """Every pin of a `uv pip compile` output, in its order; one name may occur once per marker."""
    blocks = re.findall(r"^\S.*(?:\n[ \t]+.*)*", text, re.MULTILINE)
    return [_pin(block) for block in blocks if "==" in block.split("\n")[0]]


def _pin(block: str) -> Pin:
    lines = block.split("\n")
    comment = " ".join(line.strip().lstrip("#").strip() for line in lines if line.lstrip().startswith("#"))
    parents = comment.removeprefix("via").replace(" (pyproject.toml)", "").split()
    pinned = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    return Pin(normalise(block.split("==")[0]), pinned, frozenset(normalise(parent) for parent in parents))


def closure(pins: Iterable[Pin], roots: Iterable[str]) -> list[Pin]:
    """The pins that `roots` need, directly or not. Raises SetupError for a root that is not locked."""
    pins = list(pins)
    wanted = {normalise(root) for root in roots}
    missing = sorted(wanted - {pin.name for pin in pins})
    if missing:
        raise SetupError(f"requirements.lock does not pin {', '.join(missing)}: run `make lock`.")
    grown = True
    while grown:
        more = {pin.name for pin in pins if pin.parents & wanted} - wanted
        wanted |= more
        grown = bool(more)
    return [pin for pin in pins if pin.name in wanted]


def direct_names(pyproject: Path, groups: Iterable[str]) -> list[str]:
    """The names pyproject.toml asks for in `groups`, without versions and extras."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    tables = {"": project.get("dependencies", []), **project.get("optional-dependencies", {})}
    wanted = [requirement for group in groups for requirement in tables[group]]
    return [re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0] for requirement in wanted]


def requirements(root: Path, groups: Iterable[str], only: Iterable[str] | None = None) -> str:
    """A requirements file with versions and hashes for `groups`, or for the packages `only`."""
    pins = parse_lock((root / "requirements.lock").read_text(encoding="utf-8"))
    roots = only if only is not None else direct_names(root / "pyproject.toml", groups)
    return "".join(pin.text.rstrip("\\ \n") + "\n" for pin in closure(pins, roots))


if __name__ == "__main__":  # `python3 -m crosschannel.bootstrap.lockfile runtime`, for the container build
    GROUPS = {"runtime": ("",), "build": BUILD, "dev": DEVELOPMENT, "node": NODE}
    sys.stdout.write(requirements(Path.cwd(), GROUPS[sys.argv[1]]))
