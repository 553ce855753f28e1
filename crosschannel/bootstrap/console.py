"""The console: `npm ci` when its lock changed, `npm run build` when its sources changed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from crosschannel.bootstrap.command import run, say
from crosschannel.bootstrap.environment import Environment
from crosschannel.bootstrap.folder_lock import folder_lock
from crosschannel.bootstrap.node import find_or_install

PREFIX = "console"
NOT_SOURCES = {"node_modules", "dist", "coverage", "tests"}
QUIET_NPM = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def build(environment: Environment) -> None:
    """Brings `web/dist` up to date. Raises SetupError; a build that was cut short is made again next time."""
    web = environment.root / "web"
    if not (web / "package.json").exists() or _is_built(web):
        return
    with folder_lock(web) as lock:
        if _is_built(web):  # another set-up did it while we waited
            return
        node = find_or_install(environment)
        env = node.environment()
        if not _is_installed(web):
            say(PREFIX, "installing its packages (one to three minutes the first time)")
            command = [*node.npm, "ci", *QUIET_NPM]
            run(PREFIX, command, cwd=web, env=env, doing="install the console's packages", inherit=(lock,))
            _install_stamp(web).write_text(_lock_hash(web), encoding="utf-8")
        say(PREFIX, "building")
        wanted = source_hash(web)  # before the build: an edit made meanwhile is built next time
        command = [*node.npm, "run", "build", *QUIET_NPM]
        run(PREFIX, command, cwd=web, env=env, doing="build the console", inherit=(lock,))
        _build_stamp(web).write_text(wanted, encoding="utf-8")
        say(PREFIX, "built")


def npm(environment: Environment, arguments: Sequence[str]) -> None:
    """Runs npm in web/ with the Node that builds the console. Raises SetupError when it fails."""
    node = find_or_install(environment)
    command = [*node.npm, *arguments]
    doing = f"run npm {' '.join(arguments)}"
    # What npm starts writes into our pipe: it cannot see whether a terminal is at its end.
    env = node.environment() | ({} if sys.stdout.isatty() else {"NO_COLOR": "1"})
    run(PREFIX, command, cwd=environment.root / "web", env=env, doing=doing)


def source_hash(web: Path) -> str:
    """A hash over the names and contents of everything the build reads."""
    digest = hashlib.sha256()
    for path in sorted(_sources(web)):
        digest.update(str(path.relative_to(web)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in NOT_SOURCES:
            continue
        if path.is_dir():
            yield from _sources(path)
        else:
            yield path


def _lock_hash(web: Path) -> str:
    content = b"".join((web / name).read_bytes() for name in ("package.json", "package-lock.json"))
    return hashlib.sha256(content).hexdigest()


# The stamps lie in node_modules, which `npm ci` removes first: after a cut-short install there is none.
def _install_stamp(web: Path) -> Path:
    return web / "node_modules" / ".crosschannel-installed"


def _build_stamp(web: Path) -> Path:
    return web / "node_modules" / ".crosschannel-built"


def _is_installed(web: Path) -> bool:
    stamp = _install_stamp(web)
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _lock_hash(web)


def _is_built(web: Path) -> bool:
    stamp = _build_stamp(web)
    if not (_is_installed(web) and stamp.exists() and (web / "dist" / "index.html").exists()):
        return False
    return stamp.read_text(encoding="utf-8") == source_hash(web)
