"""docker-compose.yml against the project: services, commands, ports, health paths, names of the environment."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from crosschannel.__main__ import COMMANDS
from crosschannel.services import ALL, BY_NAME, PLATFORM
from shared.config import Ports, load_settings
from shared.origins import is_public

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CREDENTIALS = {
    "TWILIO_ACCOUNT_SID": "AC" + "1" * 32,
    "TWILIO_AUTH_TOKEN": "2" * 32,
    "OPENAI_API_KEY": "sk-test-0123456789",
}


def interpolate(text: str, env: dict[str, str]) -> str:
    """What compose makes of `${NAME:-default}` and `${NAME:+value}`, nested ones too (an empty value is unset)."""
    innermost = re.compile(r"\$\{(\w+):([-+])([^${}]*)\}")
    while match := innermost.search(text):
        name, operator, other = match.groups()
        value = env.get(name, "")
        chosen = (value or other) if operator == "-" else (other if value else "")
        text = text[: match.start()] + chosen + text[match.end() :]
    assert "$" not in text
    return text


def environment_of(service: dict[str, Any], env: dict[str, str]) -> dict[str, str]:
    return {name: interpolate(str(value), env) for name, value in service["environment"].items()}


def test_there_is_one_container_for_each_service_and_the_sandbox_only_in_the_demo() -> None:
    run = {shlex.split(service["command"])[-1]: service.get("profiles") for service in SERVICES.values()}
    assert run == {**{service.name: None for service in PLATFORM}, "sandbox": ["demo"]}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_runs_its_service_through_the_command_line(name: str) -> None:
    program, command, service = shlex.split(SERVICES[name]["command"])
    assert (program, command) == ("crosschannel", "run")
    assert command in COMMANDS
    assert BY_NAME[service].station == name


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_a_port_is_published_on_loopback_only_under_the_name_of_the_environment(service: Any) -> None:
    (published,) = SERVICES[service.station]["ports"]
    default = getattr(Ports(), service.station)
    assert published == f"127.0.0.1:${{{service.port_name}:-{default}}}:{default}"


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.name)
def test_a_container_is_healthy_when_its_readyz_answers(service: Any) -> None:
    check = SERVICES[service.station]["healthcheck"]
    program, option, script = check["test"][1:]
    assert (program, option) == ("python", "-c")
    assert f"http://127.0.0.1:{getattr(Ports(), service.station)}/readyz" in script
    compile(script, "healthcheck", "exec")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_writes_only_to_its_volume_and_has_time_to_stop(name: str) -> None:
    service = SERVICES[name]
    assert service["volumes"] == ["data:/data"]
    assert service["environment"]["DATA_DIR"] == "/data"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 36
    assert list(COMPOSE["volumes"]) == ["data"]


@pytest.mark.parametrize("name", SERVICES)
def test_the_services_can_read_their_environment(name: str, tmp_path: Path) -> None:
    env = environment_of(SERVICES[name], {}) | CREDENTIALS | {"DATA_DIR": str(tmp_path / "data")}
    module = shlex.split(SERVICES[name]["command"])[-1]
    settings = load_settings(module, env)
    assert (settings.host, settings.port) == ("0.0.0.0", getattr(Ports(), name))
    for station in SERVICES:
        assert getattr(settings.urls, station) == f"http://{station}:{getattr(Ports(), station)}"


def test_without_an_address_of_its_own_each_container_is_called_by_its_one_word_name(tmp_path: Path) -> None:
    env = environment_of(SERVICES["relay"], {}) | CREDENTIALS | {"DATA_DIR": str(tmp_path)}
    settings = load_settings("relay_server", env)
    origins = (settings.relay_public_url, settings.conversations_public_url, settings.intelligence_public_url)
    assert origins == ("http://relay:8080", "http://conversations:3001", "http://intelligence:4000")
    assert not any(is_public(origin) for origin in origins)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"PUBLIC_URL": "https://a.example"}, "https://a.example"),
        ({"NGROK_DOMAIN": "b.example"}, "https://b.example"),
        ({"NGROK_DOMAIN": "b.example", "PUBLIC_URL": "https://a.example"}, "https://a.example"),
        ({"RELAY_PUBLIC_URL": "https://c.example", "PUBLIC_URL": "https://a.example"}, "https://c.example"),
        ({"PUBLIC_URL": "", "NGROK_DOMAIN": ""}, "http://relay:8080"),
    ],
)
def test_a_public_address_of_the_environment_comes_first(given: dict[str, str], expected: str) -> None:
    assert environment_of(SERVICES["relay"], given)["RELAY_PUBLIC_URL"] == expected


def test_a_browser_on_this_machine_is_an_allowed_origin_also_on_another_port() -> None:
    origins = environment_of(SERVICES["conversations"], {"CONVERSATIONS_PORT": "3002"})["WEB_ORIGINS"]
    assert origins == "http://127.0.0.1:3002,http://localhost:3002"


def test_the_demo_is_the_default_of_the_example() -> None:
    assert "\nCOMPOSE_PROFILES=demo\n" in (ROOT / ".env.example").read_text()


def test_the_sandbox_is_not_started_again_when_it_has_nothing_to_do() -> None:
    assert SERVICES["sandbox"]["restart"] == "on-failure"
    assert {SERVICES[service.station]["restart"] for service in PLATFORM} == {"unless-stopped"}


def test_the_images_to_build_from_are_arguments_that_the_dockerfile_declares() -> None:
    arguments = SERVICES["relay"]["build"]["args"]
    declared = dict(re.findall(r"^ARG (\w+)=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {name: interpolate(value, {}) for name, value in arguments.items()} == declared
