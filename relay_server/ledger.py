"""What was said and what of it was heard: one cursor over everything Twilio was given to speak, in play order.

Twilio plays the greeting and every text in the order they were sent, reports clauses as they are played, and
on an interrupt names the fragment of the current clause that was heard before it dropped the rest. A clause may be
reported in other words than it was sent (numbers, for instance): the next one that is found sets the cursor right,
and until then the length of what was reported says about how far speech has come.
"""

from __future__ import annotations

from relay_server.fragments import end_of, end_of_marks, fold, has_letters

# Recorded: a 49-character greeting played in 2.56 s; other text between 12 and 14 characters a second.
CHARACTERS_PER_SECOND = 14.0
SPEECH_STARTS_S = 0.4
TAIL_CHARACTERS = 400
# Words written out are longer than what was sent, and hardly ever more than twice shorter.
OTHER_WORDS_FACTOR = 2


class Ledger:
    """Offsets count characters since the call began; text between `heard` and `sent` waits to be spoken."""

    def __init__(self) -> None:
        self.sent = 0
        self.heard = 0
        self.reports = False
        self._waiting = ""
        self._tail = ""
        self._dropped = ""
        self._unplaced = 0
        self._since_s = 0.0
        self._sound_s = 0.0
        self._sound_at = 0

    @property
    def silent(self) -> bool:
        """True when nothing waits to be spoken or played."""
        return not has_letters(self._waiting) and not self._sound_s

    def send(self, text: str, now_s: float) -> None:
        """Text went to Twilio."""
        self.settle(now_s)
        if self.silent:
            self._since_s = now_s
        self._waiting += text
        self.sent += len(text)

    def play(self, length_s: float, now_s: float) -> None:
        """A sound went to Twilio, which reports neither its beginning nor its end."""
        self.settle(now_s)
        if self.silent:
            self._since_s = now_s
        self._sound_s += length_s
        self._sound_at = self.sent

    def played(self, fragment: str, now_s: float) -> None:
        """Twilio reports that this was spoken. In other words than were sent it counts later, by its length."""
        self.reports = True
        found = end_of(fragment, self._waiting)
        if found is not None:
            self._hear(end_of_marks(self._waiting, found))
            self._since_s = now_s
        elif not self.silent and fold(fragment) not in fold(f"{self._tail} {self._dropped}"):
            self._unplaced += len(fragment.strip())

    def fell_silent(self) -> None:
        """Twilio reports that the agent stopped speaking: what was reported and not found has its place now."""
        if self._unplaced and len(self._waiting) <= OTHER_WORDS_FACTOR * self._unplaced:
            self._hear(len(self._waiting))
        self._place(self.sent)
        if self.heard >= self._sound_at:
            self._sound_s = 0.0

    def interrupted(self, fragment: str, now_s: float, before: int | None = None) -> int:
        """The offset up to which speech was heard; what waited in front of `before` (default: all) is dropped.

        The fragment was usually just reported as played, so it is looked for in front of the cursor first.
        """
        limit = self.sent if before is None else before
        wanted = fold(fragment)
        if wanted and not fold(self._tail).endswith(wanted):
            found = end_of(fragment, self._waiting[: max(0, limit - self.heard)])
            if found is not None:
                self._hear(found)
            else:
                self._place(limit)
        else:
            self.settle(now_s)
        cut = self.heard
        dropped = max(0, limit - self.heard)
        self._dropped = self._waiting[:dropped][:TAIL_CHARACTERS]
        self._waiting = self._waiting[dropped:]
        self.heard += dropped
        if limit >= self._sound_at:
            self._sound_s = 0.0
        self._unplaced = 0
        self._since_s = now_s
        return cut

    def estimate(self, now_s: float) -> int:
        """Where the cursor would be by the usual speed of speech, for sessions without reports."""
        spoken = int(max(0.0, now_s - self._since_s - SPEECH_STARTS_S) * CHARACTERS_PER_SECOND)
        return min(self.sent, self.heard + spoken)

    def remaining_s(self) -> float:
        """How long what waits takes to be spoken."""
        return SPEECH_STARTS_S + len(self._waiting) / CHARACTERS_PER_SECOND + self._sound_s

    def sound_ends_at_s(self) -> float:
        """When the sound that was sent should be over; 0 when none is."""
        return self.ends_at_s() if self._sound_s else 0.0

    def ends_at_s(self) -> float:
        """When what waits is spoken by the usual speed of speech; in the past when nothing waits."""
        return self._since_s + self.remaining_s() if not self.silent else self._since_s

    def settle(self, now_s: float) -> None:
        """Moves the cursor to where speech must be by now, in sessions without reports; a sound ends in any."""
        if self._sound_s and now_s >= self.ends_at_s():
            self._sound_s = 0.0
        if self.reports or self.silent:
            return
        heard = self.estimate(now_s) - self.heard
        if heard > 0:
            self._hear(heard)
            self._since_s = now_s - SPEECH_STARTS_S  # it is speaking, so no start lies ahead

    def finish(self, now_s: float) -> None:
        """The session is over: the cursor is as far as can be known."""
        self.settle(now_s)
        self._place(self.sent)

    def _place(self, limit: int) -> None:
        """Moves the cursor by the length of what was reported and not found, to the end of a word."""
        room = self._waiting[: max(0, limit - self.heard)]
        if self._unplaced >= len(room):
            self._hear(len(room))
        elif self._unplaced:
            self._hear(max(0, room.rfind(" ", 0, self._unplaced + 1)))
        self._unplaced = 0

    def _hear(self, count: int) -> None:
        """Moves the cursor; spaces and marks that nothing follows count as heard."""
        if not has_letters(self._waiting[count:]):
            count = len(self._waiting)
        self._tail = (self._tail + self._waiting[:count])[-TAIL_CHARACTERS:]
        self._waiting = self._waiting[count:]
        self.heard += count
        if self.heard > self._sound_at:  # what comes behind the sound is being spoken
            self._sound_s = 0.0
        self._unplaced = 0
