"""What was said and what of it was heard: one cursor over everything Twilio was given to speak, in play order.

Twilio plays the greeting and every text in the order they were sent, reports clauses as they are played, and
on an interrupt names the fragment of the current clause that was heard before it dropped the rest.
"""

from __future__ import annotations

# Recorded: a 49-character greeting played in 2.56 s; other text between 12 and 14 characters a second.
CHARACTERS_PER_SECOND = 14.0
SPEECH_STARTS_S = 0.4
TAIL_CHARACTERS = 400


class Ledger:
    """Offsets count characters since the call began; text between `heard` and `sent` waits to be spoken."""

    def __init__(self) -> None:
        self.sent = 0
        self.heard = 0
        self.reports = False
        self._waiting = ""
        self._tail = ""
        self._since_s = 0.0

    @property
    def silent(self) -> bool:
        """True when nothing waits to be spoken."""
        return not self._waiting.strip()

    def send(self, text: str, now_s: float) -> None:
        """Text went to Twilio."""
        self.settle(now_s)
        if self.silent:
            self._since_s = now_s
        self._waiting += text
        self.sent += len(text)

    def played(self, fragment: str, now_s: float) -> None:
        """Twilio reports that this was spoken; a fragment that is not waiting changes nothing."""
        self.reports = True
        wanted = fragment.strip()
        found = self._waiting.find(wanted) if wanted else -1
        if found >= 0:
            self._hear(found + len(wanted))
            self._since_s = now_s

    def interrupted(self, fragment: str, now_s: float, before: int | None = None) -> int:
        """The offset up to which speech was heard; what waited in front of `before` (default: all) is dropped.

        The fragment was usually just reported as played, so it is looked for in front of the cursor first.
        """
        limit = self.sent if before is None else before
        wanted = fragment.strip()
        if wanted and not self._tail.rstrip().endswith(wanted):
            found = self._waiting[: max(0, limit - self.heard)].find(wanted)
            if found >= 0:
                self._hear(found + len(wanted))
        else:
            self.settle(now_s)
        cut = self.heard
        dropped = max(0, limit - self.heard)
        self._waiting = self._waiting[dropped:]
        self.heard += dropped
        self._since_s = now_s
        return cut

    def estimate(self, now_s: float) -> int:
        """Where the cursor would be by the usual speed of speech, for sessions without reports."""
        spoken = int(max(0.0, now_s - self._since_s - SPEECH_STARTS_S) * CHARACTERS_PER_SECOND)
        return min(self.sent, self.heard + spoken)

    def remaining_s(self) -> float:
        """How long what waits takes to be spoken."""
        return SPEECH_STARTS_S + len(self._waiting) / CHARACTERS_PER_SECOND

    def settle(self, now_s: float) -> None:
        """Moves the cursor to where speech must be by now, in sessions without reports."""
        if self.reports or self.silent:
            return
        heard = self.estimate(now_s) - self.heard
        if heard > 0:
            self._hear(heard)
            self._since_s = now_s - SPEECH_STARTS_S  # it is speaking, so no start lies ahead

    def _hear(self, count: int) -> None:
        count = max(0, count)
        self._tail = (self._tail + self._waiting[:count])[-TAIL_CHARACTERS:]
        self._waiting = self._waiting[count:]
        self.heard += count
