"""The virtual environment: `.venv` with exactly what requirements.lock pins, verified by hash."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crosschannel.bootstrap import debian
from crosschannel.bootstrap.command import run, say
from crosschannel.bootstrap.folder_lock import folder_lock
from crosschannel.bootstrap.lockfile import DEVELOPMENT, NODE, RUNTIME, parse_lock, requirements
from crosschannel.bootstrap.registry import pip_config, uv_environment

PREFIX = "environment"
SETS = {"runtime": RUNTIME, "dev": DEVELOPMENT, "node": NODE}


@dataclass(frozen=True, slots=True)
class Environment:
    """The project's virtual environment; `root` is the project folder."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def _unfinished(self) -> Path:
        return self.folder / ".crosschannel-unfinished"

    def _stamp(self, name: str) -> Path:
        return self.folder / f".crosschannel-{name}"

    def fingerprint(self) -> str:
        """Changes when the lock, the project file, Python or the project's place changes."""
        digest = hashlib.sha256(repr((sys.version_info[:3], str(self.root))).encode())
        for name in ("requirements.lock", "pyproject.toml"):
            digest.update((self.root / name).read_bytes())
        return digest.hexdigest()

    def is_current(self, name: str) -> bool:
        """True when the set `name` (or dev, which holds the runtime) was installed whole from today's lock."""
        stamps = [self._stamp(name), self._stamp("dev")] if name == "runtime" else [self._stamp(name)]
        fingerprint = self.fingerprint()
        whole = self.python.exists() and not self._unfinished.exists()
        return whole and any(_read(stamp) == fingerprint for stamp in stamps)

    def ensure(self, name: str) -> None:
        """Installs the set `name` ("runtime", "dev", "node") unless it is current. Raises SetupError."""
        if self.is_current(name):
            return
        with folder_lock(self.root) as lock:
            if not self.is_current(name):  # another set-up may have done it while we waited
                self._install(name, lock)

    def _install(self, name: str, lock: int) -> None:
        if not self._is_usable():
            self._create(lock)
        # Until this file is gone, what is in the folder may be half a package: the next run starts afresh.
        self._unfinished.touch()
        self._install_uv(lock)
        self._install_packages(name, lock)
        if name != "node":
            self._install_project(lock)
        _write(self._stamp(name), self.fingerprint())
        self._unfinished.unlink()

    def _is_usable(self) -> bool:
        """False when the environment is missing, broken, unfinished, copied here or of another Python."""
        if not self.python.exists() or self._unfinished.exists():
            return False
        lines = (line.partition("=") for line in _read(self.folder / "pyvenv.cfg").splitlines())
        config = {key.strip(): value.strip() for key, _, value in lines}
        same_python = config.get("version", "").split(".")[:2] == [str(part) for part in sys.version_info[:2]]
        # Scripts carry absolute paths: a copied environment would run the original's Python.
        return same_python and config.get("command", "").endswith(f" {self.folder}")

    def _create(self, lock: int) -> None:
        if importlib.util.find_spec("ensurepip") is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            debian.install(PREFIX, f"python{version}-venv", f"this Python {version} cannot make environments")
        say(PREFIX, f"making {self.folder.name} with Python {sys.version.split()[0]}")
        self.folder.mkdir(exist_ok=True)
        for entry in self.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        # The base interpreter: this may itself run inside the environment that is being replaced.
        base = str(getattr(sys, "_base_executable", sys.executable))
        command = [base, "-m", "venv", str(self.folder)]
        run(PREFIX, command, cwd=self.root, doing="make the environment", inherit=(lock,), quiet=True)

    def _install_uv(self, lock: int) -> None:
        with _requirements_file(requirements(self.root, (), only=["uv"])) as file:
            pip = [
                str(self.python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-input",
                "--disable-pip-version-check",
            ]
            command = [*pip, "--require-hashes", "--no-deps", "-r", file.name]
            run(PREFIX, command, cwd=self.root, doing="install uv", inherit=(lock,), quiet=True)

    def _install_packages(self, name: str, lock: int) -> None:
        text = requirements(self.root, SETS[name])
        count = len(parse_lock(text))
        say(PREFIX, f"installing {count} package{'s' if count > 1 else ''} for {name}, verified by hash")
        with _requirements_file(text) as file:
            # Every package must be in the file with its hash: one that is not fails instead of being fetched.
            self._uv(["--require-hashes", "-r", file.name], "install the packages of requirements.lock", lock)

    def _install_project(self, lock: int) -> None:
        options = ["--no-deps", "--no-build-isolation", "--offline", "--editable", str(self.root)]
        self._uv(options, "install the project itself", lock)

    def _uv(self, options: Iterable[str], doing: str, lock: int) -> None:
        env = uv_environment(os.environ, pip_config(self.python))
        uv = [str(self.folder / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(self.python)]
        run(PREFIX, [*uv, *options], cwd=self.root, env=env, doing=doing, inherit=(lock,), quiet=True)


def _requirements_file(text: str) -> tempfile._TemporaryFileWrapper[str]:
    file = tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8")  # noqa: SIM115 - the caller closes it
    file.write(text)
    file.flush()
    return file


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    """Replaces the file as a whole: a stamp is either the old or the new one."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
