"""The transcript of a simulated call: what was heard of the agent and said by the caller, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.reported_call import Sentence

SENTENCE_ENDS = (".", "!", "?", "…")
LONGEST_PAUSE_S = 0.8


@dataclass(frozen=True, slots=True)
class Heard:
    """Agent speech that reached the caller, in seconds of the call."""

    text: str
    start_s: float
    end_s: float


def transcript(heard: Sequence[Heard], said: Sequence[Sentence]) -> list[Sentence]:
    """Both sides in the order of time. Clauses of the agent are joined into sentences until a pause, a full
    stop, or the caller's turn."""
    pieces = [Sentence("agent", piece.text, piece.start_s, piece.end_s) for piece in heard]
    sentences: list[Sentence] = []
    for piece in sorted([*pieces, *said], key=lambda sentence: sentence.start_s):
        if sentences and _continues(sentences[-1], piece):
            before = sentences.pop()
            piece = Sentence("agent", before.text + piece.text, before.start_s, piece.end_s)
        sentences.append(piece)
    return [Sentence(s.speaker, s.text.strip(), round(s.start_s, 2), round(s.end_s, 2)) for s in sentences]


def _continues(before: Sentence, after: Sentence) -> bool:
    together = before.speaker == after.speaker == "agent"
    whole = before.text.rstrip().endswith(SENTENCE_ENDS)
    return together and not whole and after.start_s - before.end_s < LONGEST_PAUSE_S
