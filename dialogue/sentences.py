"""A language of the agent file and the sentences that are said without the model."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import msgspec

# What an agent says by itself; a language that has no built-in sentences must bring all of them.
SENTENCES = (
    *("greeting", "resumed", "apology", "handoff", "goodbye", "busy"),
    *("still_there", "silence_goodbye", "filler", "limit_reached"),
)


class Language(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A language the agent speaks: its BCP 47 code, its voice, and the sentences said without the model.

    `names` are the words by which callers ask for it ("français", "french"). `still_there` are asked one after
    the other of a silent caller, `filler` bridges a slow tool; `limit_reached` ends a call that took too much.
    """

    code: str
    name: str
    names: list[str] = []
    greeting: str = ""
    resumed: str = ""
    apology: str = ""
    handoff: str = ""
    goodbye: str = ""
    busy: str = ""
    still_there: list[str] = []
    silence_goodbye: str = ""
    filler: list[str] = []
    limit_reached: str = ""
    tts_provider: str = "Google"
    voice: str = ""
    transcription_provider: str = "Deepgram"
    speech_model: str = ""
    hints: str = ""
    asr_smart_format: bool | None = None
    tts_text_normalization: Literal["", "on", "auto", "off"] = ""
    greeting_outbound: str = ""

    def opening(self, *, resumed: bool, outbound: bool) -> str:
        """What Twilio says first; a person whom we call is greeted in other words than one who called us."""
        if resumed:
            return self.resumed
        return (self.greeting_outbound if outbound else "") or self.greeting


def completed(language: Language) -> Language:
    """The language with the built-in sentences where the agent file has none."""
    known = _built_in().get(language.code.lower().partition("-")[0], {})
    missing = {name: known[name] for name in known if not getattr(language, name)}
    return msgspec.structs.replace(language, **missing)


def missing_sentences(language: Language) -> list[str]:
    """The sentences that neither the agent file nor the package has."""
    return [name for name in SENTENCES if not getattr(language, name)]


@cache
def _built_in() -> dict[str, dict[str, str | list[str]]]:
    text = (resources.files("dialogue") / "agents" / "sentences.toml").read_text("utf-8")
    return msgspec.toml.decode(text, type=dict[str, dict[str, str | list[str]]])
