"""The caller's side of a recorded call as a script: the same words at the same moments."""

from __future__ import annotations

from collections.abc import Iterator

from crosschannel.replays.recording import RecordedTurn, Recording
from sandbox.network import Network
from sandbox.scenarios.ear import SENTENCE_END
from sandbox.scenarios.grammar import Caller, Moment, Scenario, Turn
from sandbox.speech_rate import spoken_s

KEY_ENTRY_END = "#"
MASKED = "*"


def script_of(recording: Recording) -> Scenario:
    """A scenario that plays it. A reply that was interrupted is talked over after as many words."""
    turns = list(_turns(recording.turns)) or [Turn(silence=1.0)]
    if recording.reason not in ("agent_ended", "handoff"):
        turns.append(Turn(hangup=_last_moment(recording) or True))
    return Scenario(
        name=recording.call_sid,
        caller=Caller(recording.caller, recording.language, Network()),
        turns=turns,
    )


def _turns(recorded: list[RecordedTurn]) -> Iterator[Turn]:
    before: RecordedTurn | None = None
    for turn in recorded:
        if turn.lost_before:
            yield Turn(drop=True)
        if turn.input == "operator":  # an operator spoke; the caller did nothing
            continue
        if turn.input == "dtmf":
            keys = turn.caller_text.strip()
            if keys and MASKED not in keys and all(key in "0123456789*#" for key in keys):
                yield Turn(dtmf=keys if keys.endswith(KEY_ENTRY_END) else keys + KEY_ENTRY_END)
        elif turn.caller_text.strip():
            cut = before is not None and before.interrupted and before.heard_text.strip() and not turn.lost_before
            yield Turn(user=turn.caller_text, interrupt=_moment(before) if cut and before else None)
        before = turn


def _last_moment(recording: Recording) -> Moment | None:
    """When the caller hung up in the middle of the last reply; None when they let it end."""
    last = recording.turns[-1] if recording.turns else None
    cut = last is not None and last.heard_text.strip() and len(last.heard_text) < len(last.reply_text) - 1
    return _moment(last) if cut and last is not None else None


def _moment(turn: RecordedTurn) -> Moment:
    """After the sentences that were heard whole, and the time that the heard part of the next one took."""
    heard = turn.heard_text.strip()
    ends = list(SENTENCE_END.finditer(heard))
    whole = [end for end in ends if end.end() < len(heard)]
    rest = heard[whole[-1].end() :] if whole else heard
    return Moment(sentence=len(whole) + 1, after_ms=round(spoken_s(rest, turn.language) * 1000))
