"""The speech clock: which words of the agent have been heard by when. Pure; time is an argument, in seconds.

Sources: recorded ConversationRelay calls (speech begins about 0.35 s after the first text, runs at about 14
characters a second in chunks of a clause, an interruption reports the current chunk only).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from sandbox.speech_rate import spoken_s

START_DELAY_S = 0.35
STALLED_S = 0.5
SHORTEST_CLAUSE = 12
LONGEST_CLAUSE = 90
SENTENCE_END = re.compile(r"[.!?…][\"'»”)]*(?=\s)")
CLAUSE_END = re.compile(r"[,;:–—](?=\s)")


PieceKind = Literal["text", "sound", "digits"]


class ClauseChunker:
    """Cuts streamed text into clauses. Spaces are kept, so that the chunks joined are the text."""

    def __init__(self) -> None:
        self._rest = ""

    @property
    def rest(self) -> str:
        return self._rest

    def feed(self, token: str) -> list[str]:
        """The clauses that this token completes."""
        self._rest += token
        clauses = []
        while (end := self._next_end()) is not None:
            clauses.append(self._rest[:end])
            self._rest = self._rest[end:]
        return clauses

    def flush(self) -> list[str]:
        """What is left, as a clause of its own; nothing when it is only space."""
        rest, self._rest = self._rest, ""
        return [rest] if rest.strip() else []

    def _next_end(self) -> int | None:
        ends = [match.end() for match in SENTENCE_END.finditer(self._rest)]
        ends += [m.end() for m in CLAUSE_END.finditer(self._rest) if m.end() >= SHORTEST_CLAUSE]
        if ends:
            return min(ends)
        if len(self._rest) > LONGEST_CLAUSE:
            return self._rest.rfind(" ", 1, LONGEST_CLAUSE) if " " in self._rest[1:LONGEST_CLAUSE] else None
        return None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a piece may be cut: by the caller's speech, by a key, by the next message; and its language."""

    by_speech: bool = True
    by_key: bool = True
    preemptible: bool = False
    language: str | None = None


def manner_of(
    interruptible: bool | str | None, preemptible: bool, usual: str = "any", language: str | None = None
) -> Manner:
    """What may cut a piece: `interruptible` is none, dtmf, speech or any; true and false mean any and none."""
    value = usual if interruptible is None else str(interruptible).lower()
    any_, speech, keys = value in ("any", "true"), value == "speech", value == "dtmf"
    return Manner(any_ or speech, any_ or keys, preemptible, language)


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of the play queue. Only text is heard as words; a sound or digits take time as well."""

    text: str
    kind: PieceKind
    duration_s: float
    manner: Manner
    queued_at_s: float
    cycle: int


@dataclass(frozen=True, slots=True)
class Started:
    """The agent begins to speak."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Played:
    """A piece was heard: all of it, or (`cut`) its beginning."""

    piece: Piece
    text: str
    start_s: float
    end_s: float
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """The agent is silent again."""

    at_s: float


Sound = Started | Played | Stopped


@dataclass(slots=True)
class _Playing:
    piece: Piece
    start_s: float

    @property
    def end_s(self) -> float:
        return self.start_s + self.piece.duration_s


@dataclass(slots=True)
class SpeechClock:
    """The play queue of one session. Feed it what the application sends, then `advance` it."""

    start_delay_s: float = START_DELAY_S
    language: str = "en-US"  # of text that names none; its rate is the voice's
    speaking: bool = False
    _queue: deque[Piece] = field(default_factory=deque)
    _playing: _Playing | None = None
    _chunker: ClauseChunker = field(default_factory=ClauseChunker)
    _manner: Manner = field(default_factory=Manner)
    _cycle: int = 0
    _cycle_open: bool = False
    _heard_until_s: float = 0.0
    _last_token_s: float = 0.0

    @property
    def idle(self) -> bool:
        """True when nothing is being said, waits to be said, or is still being written."""
        return not (
            self.speaking or self._playing or self._queue or self._cycle_open or self._chunker.rest.strip()
        )

    @property
    def manner(self) -> Manner | None:
        """How the piece that is being said may be cut, None in silence."""
        if not self.speaking:
            return None
        return self._playing.piece.manner if self._playing else self._manner

    # ---- what the application sends ----

    def add_text(self, token: str, *, last: bool, manner: Manner, now_s: float) -> list[Sound]:
        """Text of the current talk cycle; `last` closes it. A new cycle cuts what may be preempted."""
        sounds = self._open_cycle(now_s)
        self._manner, self._last_token_s = manner, now_s
        clauses = self._chunker.feed(token)
        if last:
            clauses += self._chunker.flush()
            self._cycle_open = False
        for clause in clauses:
            self._add(clause, "text", self._length_s(clause, manner), manner, now_s)
        return sounds

    def add_sound(self, name: str, duration_s: float, manner: Manner, now_s: float) -> list[Sound]:
        """A file to play, which like text may cut what is preemptible."""
        sounds = [] if self._cycle_open else self._preempt(now_s)
        self._add(name, "sound", duration_s, manner, now_s)
        return sounds

    def add_digits(self, digits: str, duration_s: float, now_s: float) -> None:
        """Tones, which wait their turn behind the text."""
        self._add(digits, "digits", duration_s, Manner(), now_s)

    # ---- time ----

    def due_s(self) -> float | None:
        """When `advance` will have something to tell, None when nothing is going on."""
        if self._playing is not None:
            return self._playing.end_s if self.speaking else self._playing.start_s
        if self._queue or (self.speaking and not self._cycle_open):
            return self._heard_until_s
        return self._last_token_s + STALLED_S if self._chunker.rest.strip() else None

    def advance(self, now_s: float) -> list[Sound]:
        """What has happened by now, in order."""
        sounds: list[Sound] = []
        self._flush_stalled(now_s)
        while self._playing is not None or self._queue:
            playing = self._playing or self._begin()
            if not self.speaking and now_s >= playing.start_s:
                self.speaking = True
                sounds.append(Started(playing.start_s))
            if now_s < playing.end_s:
                return sounds
            sounds.append(self._finish(playing))
        if self.speaking and not self._cycle_open:
            self.speaking = False
            sounds.append(Stopped(max(self._heard_until_s, min(self._last_token_s, now_s))))
        return sounds

    def cut(self, now_s: float) -> list[Sound]:
        """Stops the speech and forgets everything queued, as an interruption does.

        The last Played is the heard part of the current piece; there is none between two pieces.
        """
        sounds = self.advance(now_s)
        if not self.speaking:
            return sounds
        if self._playing is not None:
            sounds.append(self._heard_part(self._playing, now_s))
        self._queue.clear()
        self._chunker = ClauseChunker()
        self._playing, self.speaking, self._cycle_open = None, False, False
        self._heard_until_s = now_s
        return [*sounds, Stopped(now_s)]

    # ---- inside ----

    def _open_cycle(self, now_s: float) -> list[Sound]:
        if self._cycle_open:
            return []
        sounds = self._preempt(now_s)
        self._cycle += 1
        self._cycle_open = True
        return sounds

    def _preempt(self, now_s: float) -> list[Sound]:
        """Cuts what is flagged preemptible; what is not keeps its place in the queue."""
        sounds = self.advance(now_s)
        self._queue = deque(piece for piece in self._queue if not piece.manner.preemptible)
        playing = self._playing
        if playing is not None and playing.piece.manner.preemptible:
            if self.speaking:
                sounds.append(self._heard_part(playing, now_s))
            self._playing, self._heard_until_s = None, now_s
            if self.speaking and not self._queue:
                self.speaking = False
                sounds.append(Stopped(now_s))
        return sounds

    def _add(self, text: str, kind: PieceKind, duration_s: float, manner: Manner, now_s: float) -> None:
        self._queue.append(Piece(text, kind, duration_s, manner, now_s, self._cycle))

    def _length_s(self, clause: str, manner: Manner) -> float:
        return spoken_s(clause, manner.language or self.language)

    def _begin(self) -> _Playing:
        """Puts the next piece on: at once when the agent is speaking, after the usual delay when not."""
        piece = self._queue.popleft()
        ready_s = max(self._heard_until_s, piece.queued_at_s)
        start_s = ready_s if self.speaking else max(self._heard_until_s, piece.queued_at_s + self.start_delay_s)
        self._playing = _Playing(piece, start_s)
        return self._playing

    def _finish(self, playing: _Playing) -> Played:
        self._playing, self._heard_until_s = None, playing.end_s
        return Played(playing.piece, playing.piece.text, playing.start_s, playing.end_s)

    def _heard_part(self, playing: _Playing, now_s: float) -> Played:
        """The piece up to the word that was being said."""
        text = playing.piece.text
        share = (now_s - playing.start_s) / playing.piece.duration_s if playing.piece.duration_s else 1.0
        word_end = text.find(" ", max(1, int(share * len(text))))
        heard = text if word_end < 0 else text[:word_end]
        return Played(playing.piece, heard, playing.start_s, now_s, cut=True)

    def _flush_stalled(self, now_s: float) -> None:
        """When the model pauses inside a clause, what there is of it is said."""
        nothing_else = self._playing is None and not self._queue
        if nothing_else and self._chunker.rest.strip() and now_s >= self._last_token_s + STALLED_S:
            for clause in self._chunker.flush():
                due_s = self._last_token_s + STALLED_S
                self._add(clause, "text", self._length_s(clause, self._manner), self._manner, due_s)
