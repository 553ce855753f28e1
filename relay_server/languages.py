"""Which language a call goes on in: the caller asks for one, Twilio hears another, or the words say so."""

from __future__ import annotations

from dialogue.detection import KEEP, START, Detect, LanguageTracker
from dialogue.language import LanguageRequests, match_language, primary
from relay_server.call_state import CallState

# What was said before a switch may still arrive in the old language after it.
LATE_PROMPT_S = 3.0


class Languages:
    """The languages of one call."""

    def __init__(self, call: CallState, detect: Detect, requests: LanguageRequests) -> None:
        self._call = call
        self._codes = [language.code for language in call.agent.languages]
        tags = [primary(code) for code in self._codes]
        self._tracker = LanguageTracker(detect, tags, primary(call.agent.default_language))
        self._requests = requests

    def begin(self, *, known: bool) -> None:
        """The call begins in its language, which is `known` from before a resume or only configured."""
        self._tracker.settle(primary(self._call.language.code), KEEP if known else START)

    def next(self, text: str, heard: str) -> tuple[str, str] | None:
        """The language to go on in, and why; None for the present one. `heard` is Twilio's tag."""
        call = self._call
        requested = match_language(self._requests.find(text) or "", self._codes)
        if requested is not None:
            return requested, "request"
        spoken = primary(call.language.code)
        if heard and primary(heard) != spoken:
            late = call.now_s - call.switched_s < LATE_PROMPT_S and primary(heard) == primary(call.left_language)
            found = match_language(heard, self._codes)
            return (found, "prompt") if found is not None and not late else None
        return self._detected(text, spoken)

    def _detected(self, text: str, spoken: str) -> tuple[str, str] | None:
        """Another language, by the words themselves: Twilio names the one it was told to listen in."""
        if self._tracker.current != spoken:  # it was changed by a request, a tool or Twilio
            self._tracker.settle(spoken)
        found = self._tracker.hear(text)
        code = match_language(found, self._codes)
        return (code, "detected") if code is not None and found != spoken else None
