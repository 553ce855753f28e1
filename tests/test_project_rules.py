"""Rules of the project that no single service can check."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from crosschannel.bootstrap.lockfile import normalise, parse_lock
from shared.config import SERVICES, load_settings
from shared.environment import EnvironmentReader

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
# Read by docker compose itself, or arguments of the image's build.
COMPOSE_ONLY = {"COMPOSE_PROFILES"}
# The launcher hands these to programs; they are no settings of the platform.
NOT_SETTINGS = {"PATH", "CI", "CHROMIUM", "NO_COLOR", "TWILIO_SPECS_DIR"}


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


# ---- imports ----


def test_services_import_shared_and_dialogue_and_never_each_other() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--no-cache",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("package", ["shared", "conversations_api", "intelligence_webhooks"])
def test_importing_it_loads_nothing_slow(package: str) -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / package).rglob("*.py")
        if path.stem not in {"__main__", "__init__"}
    ]
    slow = ["openai", "pandas", "twilio.rest"] if package == "shared" else ["openai", "pandas"]
    script = f"import importlib, sys; [importlib.import_module(n) for n in {names}]; "
    script += f"print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_every_package_is_built_typed_and_checked() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found == set(PACKAGES)
    assert set(PROJECT["tool"]["mypy"]["packages"]) == found
    assert set(PROJECT["tool"]["importlinter"]["root_packages"]) == found


# ---- the environment ----


def names_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """Every name that any service's settings are read from."""
    readers: list[EnvironmentReader] = []
    original = EnvironmentReader.__init__

    def remember(self: EnvironmentReader, environ: dict[str, str]) -> None:
        original(self, environ)
        readers.append(self)

    monkeypatch.setattr(EnvironmentReader, "__init__", remember)
    env = {"DATA_DIR": str(tmp_path), "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "t"}
    for service in (*SERVICES, "crosschannel"):
        load_settings(
            service, env | {"OPENAI_API_KEY": "k", "SEGMENT_SPACE_ID": "s", "SEGMENT_ACCESS_SECRET": "a"}
        )
    return set().union(*(reader.names for reader in readers))


def example_names() -> list[str]:
    return re.findall(r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE)


def test_the_example_lists_exactly_the_names_that_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert sorted(example_names()) == sorted(names_read(monkeypatch, tmp_path) | COMPOSE_ONLY)


def test_every_name_of_the_example_has_a_comment_and_no_secret() -> None:
    before = ""
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line and not line.startswith("#"):
            assert before, line
            assert line.split("=")[0] in COMPOSE_ONLY or line.endswith("="), line
        before = line


def test_configuration_is_read_in_one_place() -> None:
    allowed = {"shared/environment.py"}
    for path in modules():
        name = str(path.relative_to(ROOT))
        text = path.read_text()
        for variable in re.findall(r"os\.environ(?:\.get\(|\[)\"([A-Z_]+)\"", text):
            assert name in allowed or variable in NOT_SETTINGS, f"{name} reads {variable}"


# ---- files that must name no place and no secret ----


def committed() -> list[Path]:
    """Every text file that belongs to the project."""
    skipped = {".git", ".venv", "node_modules", "dist", "data", "__pycache__"}
    found = []
    for folder, folders, files in os.walk(ROOT):
        top = Path(folder) == ROOT
        folders[:] = [name for name in folders if name not in skipped and not (top and name.endswith("_cache"))]
        found += [Path(folder) / name for name in files if name != ".env"]
    return found


def test_no_lock_names_a_registry() -> None:
    for name in ("requirements.lock", "web/package-lock.json"):
        text = (ROOT / name).read_text()
        assert "resolved" not in json.loads(text) if name.endswith("json") else True
        assert not re.search(r"https?://[^\s\"]*(pypi|npmjs|registry|files\.pythonhosted)", text), name
        assert "--index-url" not in text


def test_no_file_names_a_registry_host_or_a_home_folder() -> None:
    hosts = [host + ending for host, ending in (("pypi.", "org"), ("npmjs.", "org"), ("pythonhosted.", "org"))]
    places = ["/ro" + "ot/", "/ho" + "me/"]
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for word in (*hosts, *places):
            assert word not in text, f"{path.relative_to(ROOT)} names {word}"


def test_hooks_before_a_commit_fetch_nothing() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = repos[0]["hooks"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert all(hook["entry"].startswith(".venv/bin/") for hook in hooks)


# ---- set-up ----


def test_every_dependency_is_locked_with_its_hash() -> None:
    pins = parse_lock((ROOT / "requirements.lock").read_text())
    asked = [*PROJECT["project"]["dependencies"]]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        asked += extra
    locked = {pin.name for pin in pins}
    assert {normalise(re.split(r"[^A-Za-z0-9._-]", name)[0]) for name in asked} <= locked
    assert all("--hash=sha256:" in pin.text for pin in pins)


def test_make_explains_every_verb() -> None:
    done = subprocess.run(["make", "--no-print-directory"], capture_output=True, text=True, check=True, cwd=ROOT)
    verbs = re.findall(r"^  make (\w+)", done.stdout, re.MULTILINE)
    assert {"setup", "up", "test", "lint", "types", "e2e", "bench", "soak", "clean", "lock"} <= set(verbs)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(verbs) == set(phony[1].split())


def test_without_the_browser_the_tests_that_need_one_are_left_out_and_only_those() -> None:
    def plan(*variables: str) -> str:
        command = ["make", "--dry-run", "--no-print-directory", "test", *variables]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    def runs(*variables: str) -> list[str]:
        return [
            line.partition(" -m pytest ")[2] for line in plan(*variables).splitlines() if " -m pytest " in line
        ]

    quick, *browser = runs()
    assert "--browser" in plan()
    assert browser == ["-m e2e"]
    assert "and not e2e" in quick
    assert "--browser" not in plan("E2E=0")
    assert runs("E2E=0") == [quick]


def test_ci_runs_what_a_contributor_runs() -> None:
    script = (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)
    steps = re.findall(r"^step (.*)$", script, re.MULTILINE)
    assert [step.split()[-1] for step in steps[1:]] == ["lint", "types", "test"]
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci/run")], check=False).returncode == 0


# ---- style ----


def test_there_is_no_emoji_in_the_sources() -> None:
    emoji = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
    for path in modules():
        assert not emoji.search(path.read_text()), path
