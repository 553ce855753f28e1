"""What every call of the process uses, and who is told of what happens in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from dialogue.agent import Agent
from dialogue.customer import Customers
from dialogue.detection import Detect
from dialogue.language import LanguageRequests
from dialogue.model import ToolSpec
from dialogue.models import Models
from relay_server.tool_runner import ToolRunner
from shared.records import CallRecord


class Observer(Protocol):
    """Who is told of what happens in a call: the journal and the dashboard."""

    def record(self, record: CallRecord) -> None: ...

    def text(self, call_sid: str, turn: int, token: str) -> None: ...

    def heard(self, call_sid: str, turn: int, heard_text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every call of the process uses: built once, shared by all, holding nothing of any call."""

    agent: Agent
    tools: Mapping[str, list[ToolSpec]]  # what each persona may call
    runner: ToolRunner
    models: Models
    customers: Customers
    http: aiohttp.ClientSession
    observer: Observer
    detect: Detect
    requests: LanguageRequests
