"""Scenario files: YAML parsed into typed values; a fault names its file and line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from sandbox.scenarios.grammar import Scenario
from sandbox.scenarios.personas import persona_names

PLACE = re.compile(r" - at `\$(.*)`$")
STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
Path_ = tuple[str | int, ...]
SUFFIXES = (".yaml", ".yml")


class BadScenario(Exception):
    """A scenario that cannot be read; the message says where and why, in one line."""


class NoScenarios(BadScenario):
    """There is nothing to run."""


def read_folder(place: Path) -> list[Scenario]:
    """The scenarios of a file, or of all files of a folder in the order of their names. Raises BadScenario."""
    if place.is_file():
        return [read_file(place)]
    if not place.is_dir():
        raise NoScenarios(f"{place}: there is no such file or folder")
    files = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        raise NoScenarios(f"{place}: there are no scenarios (*.yaml) here")
    scenarios = [read_file(path) for path in files]
    names = [scenario.name for scenario in scenarios]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadScenario(f"{place}: two scenarios have the name {twice!r}")
    return scenarios


def read_file(path: Path) -> Scenario:
    """One scenario, named after its file when it has no name. Raises BadScenario."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadScenario(f"{path}: cannot be read: {error}") from error
    return read_text(text, str(path), path.stem)


def read_text(text: str, source: str = "script", name: str = "script") -> Scenario:
    """A scenario out of YAML (or JSON) text. Raises BadScenario naming `source` and the line."""
    lines: dict[Path_, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _value(node, (), lines, source)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BadScenario(f"{source}{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise BadScenario(f"{source}: not YAML: {error}") from error
    except RecursionError as error:
        raise BadScenario(f"{source}: is nested too deep") from error
    try:
        scenario = msgspec.convert(value, Scenario)
    except msgspec.ValidationError as error:
        raise BadScenario(_located(str(error), lines, source)) from error
    if scenario.persona and scenario.persona not in persona_names():
        place, there_are = f"{source}:{lines.get(('persona',), 1)}", ", ".join(persona_names())
        raise BadScenario(f"{place}: there is no persona {scenario.persona!r}; there are {there_are}")
    return scenario if scenario.name else msgspec.structs.replace(scenario, name=name)


def _value(node: yaml.Node, path: Path_, lines: dict[Path_, int], source: str) -> Any:
    """The plain value of a node; notes the line of everything. Keys that come twice are a fault."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                raise BadScenario(f"{source}:{key_node.start_mark.line + 1}: {key} is there twice")
            found[key] = _value(value_node, (*path, key), lines, source)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), lines, source) for index, item in enumerate(node.value)]
    return yaml.constructor.SafeConstructor().construct_object(node)


def _located(message: str, lines: dict[Path_, int], source: str) -> str:
    """msgspec's message with the file and line of what it is about instead of a path."""
    match = PLACE.search(message)
    steps = STEP.findall(match[1]) if match else []
    path: Path_ = tuple(name or int(index) for name, index in steps)
    unknown = re.search(r"unknown field `(.+?)`", message)
    if unknown and (*path, unknown[1]) in lines:
        path = (*path, unknown[1])
    while path and path not in lines:
        path = path[:-1]
    text = PLACE.sub("", message)
    where = " in " + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".") if path else ""
    return f"{source}:{lines.get(path, 1)}: {text}{where}"
