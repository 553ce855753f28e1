"""Calls whose socket is gone and that may come back: from this process or, by the journal, from one that died."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from relay_server.facts import Resumed
from shared.journal_reader import BadLine, JournalReader
from shared.records import CallEnded, CallRecord, CallResumed, CallStarted, LanguageSwitched, Turn, decode_call

LOST_AFTER_S = 300.0
MAX_RESUMES = 3
LONGEST_CALL_S = 24 * 3600.0


@dataclass(slots=True)
class OpenCall:
    """A call without an end, as its records tell it; `gone_s` is when its socket was lost, on our clock."""

    started: CallStarted
    language: str
    turns: dict[int, Turn] = field(default_factory=dict)
    resumes: int = 0
    gone_s: float | None = None

    def resumed(self) -> Resumed:
        turns = tuple(self.turns[number] for number in sorted(self.turns))
        return Resumed(turns, self.resumes, self.language)


class Recovery:
    """The calls that are open, fed with every record. Rebuilt from the journal when the process starts."""

    def __init__(self) -> None:
        self._calls: dict[str, OpenCall] = {}

    def rebuild(self, data_dir: Path, now_s: float) -> list[CallStarted]:
        """Reads the last day's journal; the starts of the calls found open, which count as gone since `now_s`."""
        reader = JournalReader(data_dir, "calls", since_s=time.time() - LONGEST_CALL_S)
        while lines := reader.read():
            for line in lines:
                if isinstance(line, BadLine):
                    continue
                try:
                    self.apply(decode_call(line.raw))
                except msgspec.MsgspecError:  # a newer version's record, or none of ours
                    continue
        for call in self._calls.values():
            call.gone_s = now_s
        return [call.started for call in self._calls.values()]

    def apply(self, record: CallRecord) -> None:
        if isinstance(record, CallStarted):
            self._calls[record.call_sid] = OpenCall(record, record.language)
            return
        call = self._calls.get(record.call_sid)
        if call is None:
            return
        match record:
            case Turn():
                call.turns[record.turn] = record
            case LanguageSwitched():
                call.language = record.to_language
            case CallResumed():
                call.resumes, call.gone_s = record.resumes, None
            case CallEnded():
                del self._calls[record.call_sid]
            case _:
                pass

    def lost_socket(self, call_sid: str, now_s: float) -> None:
        """The call's socket is gone without an end."""
        if call_sid in self._calls:
            self._calls[call_sid].gone_s = now_s

    def resume(self, call_sid: str) -> Resumed | None:
        """What a session needs to go on with this call, None when it is new or was never lost."""
        call = self._calls.get(call_sid)
        return call.resumed() if call is not None and call.gone_s is not None else None

    def may_resume(self, call_sid: str) -> bool:
        """True for an open call that has not been resumed too often."""
        call = self._calls.get(call_sid)
        return call is not None and call.resumes < MAX_RESUMES

    def language(self, call_sid: str) -> str | None:
        """The language an open call is held in."""
        call = self._calls.get(call_sid)
        return call.language if call is not None else None

    def is_open(self, call_sid: str) -> bool:
        return call_sid in self._calls

    def ended(self, call_sid: str, reason: str, duration_s: float) -> CallEnded | None:
        """The end record of an open call, None when it has one already."""
        call = self._calls.get(call_sid)
        if call is None:
            return None
        return CallEnded(call_sid=call_sid, reason=reason, duration_s=duration_s, turns=max(call.turns, default=0))

    def overdue(self, now_s: float) -> list[CallEnded]:
        """End records (`lost`) of the calls that have been gone for too long."""
        found = []
        for call_sid, call in self._calls.items():
            if call.gone_s is not None and now_s - call.gone_s > LOST_AFTER_S:
                end = self.ended(call_sid, "lost", 0.0)
                found += [end] if end is not None else []
        return found
