"""The Dockerfile and the wheel against the project."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from crosschannel.__main__ import COMMANDS
from shared.config import Ports

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
# One instruction a line: continued lines joined, comments gone.
INSTRUCTIONS = [
    line.split(maxsplit=1)
    for line in re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()
    if line.strip()
]


def stage(name: str) -> list[tuple[str, str]]:
    """The instructions of a stage."""
    found: list[tuple[str, str]] = []
    inside = False
    for instruction, rest in INSTRUCTIONS:
        if instruction == "FROM":
            inside = rest.endswith(f" AS {name}")
        elif inside:
            found.append((instruction, rest))
    return found


def test_the_stages_are_the_console_the_packages_and_what_runs_from_images_that_are_arguments() -> None:
    stages = [rest for instruction, rest in INSTRUCTIONS if instruction == "FROM"]
    assert stages == ["${NODE_IMAGE} AS console", "${PYTHON_IMAGE} AS packages", "${PYTHON_IMAGE} AS runtime"]


def test_what_is_copied_from_the_project_exists_and_is_in_the_build_context() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in ("console", "packages"):
        for instruction, rest in stage(name):
            if instruction == "COPY" and "--from" not in rest:
                for source in rest.split()[:-1]:
                    assert (ROOT / source).exists(), source
                    assert source == "." or source.split("/")[0] in allowed, source


def test_the_build_context_holds_no_secret_no_data_and_nothing_built_outside() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(line for line in lines if not line.startswith("#")) == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert not allowed & {".env", "data", ".venv", ".git"}
    assert {"web/node_modules", "web/dist", "**/.env"} <= set(lines)


def test_every_package_of_the_image_is_checked_against_its_hash() -> None:
    for instruction, rest in INSTRUCTIONS:
        for command in rest.split("&&") if instruction == "RUN" else []:
            if "pip" in command and " install " in command:
                assert "--require-hashes" in command or "--no-index" in command, command


def test_the_lists_of_packages_that_the_build_asks_for_can_be_made() -> None:
    asked = re.findall(r"crosschannel\.bootstrap\.lockfile (\w+)", DOCKERFILE)
    assert asked == ["runtime", "build"]
    for name in asked:
        command = [sys.executable, "-S", "-m", "crosschannel.bootstrap.lockfile", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        assert {"runtime": "aiohttp==", "build": "hatchling=="}[name] in done.stdout


def test_what_runs_is_not_root_and_starts_a_command_that_exists() -> None:
    runtime = dict(stage("runtime"))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", runtime["USER"])
    assert runtime["CMD"].startswith('["crosschannel", "up"')
    assert "up" in COMMANDS
    assert set(runtime["EXPOSE"].split()) == {str(getattr(Ports(), name)) for name in Ports.__slots__}


def test_the_data_folder_belongs_to_who_runs_and_to_nobody_else() -> None:
    making = next(rest for instruction, rest in stage("runtime") if instruction == "RUN")
    assert "install -d -m 0700 -o 10001 -g 10001 /data" in making


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the project's wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_packages(wheel: set[str]) -> None:
    tracked = {
        str(path.relative_to(ROOT))
        for package in {name.split("/")[0] for name in wheel if name.endswith("/__init__.py")}
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tracked - wheel == set()


def test_the_wheel_holds_the_agent_and_no_test(wheel: set[str]) -> None:
    assert "dialogue/agents/default.toml" in wheel
    assert not [name for name in wheel if name.startswith(("tests/", "web/", "data/", ".env"))]


def test_the_console_is_put_where_the_wheel_serves_it() -> None:
    from conversations_api.console import PACKAGED

    place = PACKAGED.relative_to(ROOT)
    assert ("COPY", f"--from=console /src/web/dist {place}") in stage("packages")
