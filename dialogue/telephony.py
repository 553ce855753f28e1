"""The agent file's side of the telephone: how Twilio listens and speaks, and what a model's tokens cost."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

E164 = re.compile(r"\+[1-9]\d{6,14}")
PREFIX = re.compile(r"\+[1-9]\d{0,14}")
ATTRIBUTE = re.compile(r"[a-z][A-Za-z0-9]*")
RESERVED = {"ticket", "agent", "language"}

InputKind = Literal["none", "dtmf", "speech", "any"]


class TelephonyConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """How a call is connected. None or "" leaves an attribute of `<ConversationRelay>` to Twilio.

    `attributes` passes on what Twilio adds after this was written, by Twilio's own names. `config` is sent as a
    `config` message after setup; `live_hints` sends a language's hints whenever the call switches to it.
    """

    interruptible: InputKind = "any"
    welcome_greeting_interruptible: InputKind = "any"
    report_input_during_agent_speech: InputKind = "none"
    interrupt_sensitivity: Literal["", "low", "medium", "high"] = ""
    dtmf_detection: bool = True
    partial_prompts: bool = False
    application_reconnect: bool = False
    events: str = "speaker-events tokens-played"
    preemptible: bool | None = None
    profanity_filter: bool | None = None
    ignore_backchannel: bool | None = None
    echo_prompt_filtering: bool | None = None
    turn_detection: bool | None = None
    partial_prompt_on_hangup: bool | None = None
    speech_timeout: int | Literal["", "auto"] = ""
    eot_threshold: float | None = None
    eager_eot_threshold: float | None = None
    include_in_prompt: str = ""
    conversation_configuration: str = ""
    attributes: dict[str, str | int | float | bool] = {}
    parameters: dict[str, str] = {}
    config: dict[str, str | int | float | bool] = {}
    live_hints: bool = False
    language_by_called: dict[str, str] = {}
    language_by_caller: dict[str, str] = {}
    overflow_dial: str = ""

    def start_language(self, *, caller: str, called: str) -> str:
        """The language that the numbers suggest, "" for none: the number dialled, else the caller's prefix."""
        if called in self.language_by_called:
            return self.language_by_called[called]
        fitting = [prefix for prefix in self.language_by_caller if caller.startswith(prefix)]
        return self.language_by_caller[max(fitting, key=len)] if fitting else ""

    def faults(self, codes: list[str]) -> list[str]:
        """What is well-formed and still wrong, one sentence each; `codes` are the declared languages."""
        wanted = {**self.language_by_called, **self.language_by_caller}
        found = [
            f"telephony: {code} of {number} is not among the languages"
            for number, code in wanted.items()
            if code not in codes
        ]
        found += [
            f"telephony: {number} is not a number in E.164 (or its beginning)"
            for number in wanted
            if not PREFIX.fullmatch(number)
        ]
        if self.overflow_dial and not E164.fullmatch(self.overflow_dial):
            found.append(f"telephony: overflow_dial {self.overflow_dial} is not a number in E.164")
        found += [
            f"telephony: {name!r} is not the name of an attribute"
            for name in self.attributes
            if not ATTRIBUTE.fullmatch(name)
        ]
        found += [f"telephony: the parameter {name} is set by the relay" for name in RESERVED & {*self.parameters}]
        return found + (["telephony: config may not name a type"] if "type" in self.config else [])


class OutboundConfig(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Calls that operators place: to which countries (calling codes such as "1" or "55", none: nowhere), how many.

    The limits are per operator; they keep a stolen session from running up a bill.
    """

    countries: list[str] = []
    per_minute: int = 5
    per_day: int = 100
    ring_s: int = 30


class Price(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """What a model costs in US dollars, by a million tokens."""

    input_per_million: float
    output_per_million: float

    def cost_usd(self, usage: dict[str, int]) -> float:
        """The price of this many tokens, by the provider's names."""
        spent = usage.get("prompt_tokens", 0) * self.input_per_million
        return (spent + usage.get("completion_tokens", 0) * self.output_per_million) / 1_000_000
