"""The calls as operators see them: the live ones and the latest that ended, kept from their records."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import Any

import msgspec

from shared.records import (
    CallEnded,
    CallRecord,
    CallResumed,
    CallStarted,
    LanguageSwitched,
    Turn,
)
from shared.tombstones import Tombstones

ENDED_KEPT = 50


class CallView(msgspec.Struct, kw_only=True):
    """A call in a list. Times are UTC; `state` is live or ended."""

    call_sid: str
    session_id: str
    caller: str
    called: str
    direction: str
    language: str
    agent: str
    persona: str
    started_at: datetime
    state: str = "live"
    ended_at: datetime | None = None
    reason: str | None = None
    turns: int = 0


class CallBook:
    """Views of calls by call sid, fed with records; a call that ended stays until fifty later ones have."""

    def __init__(self) -> None:
        self._views: dict[str, CallView] = {}
        self._turns: dict[str, dict[int, Turn]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def apply(self, record: CallRecord) -> None:
        """Brings the views up to date with a record; unknown calls and other records change nothing."""
        if isinstance(record, CallStarted):
            self._start(record)
            return
        view = self._views.get(record.call_sid)
        if view is None:
            return
        match record:
            case Turn():
                self._turns[record.call_sid][record.turn] = record
                view.turns = len(self._turns[record.call_sid])
            case LanguageSwitched():
                view.language = record.to_language
            case CallResumed():
                view.session_id, view.state, view.ended_at, view.reason = record.session_id, "live", None, None
                self._ended.pop(record.call_sid, None)
            case CallEnded():
                view.state, view.ended_at, view.reason = "ended", record.at, record.reason
                self._ended[record.call_sid] = None
                self._forget_oldest()
            case _:
                pass

    def forget(self, tombstones: Tombstones) -> int:
        """Drops ended calls that were erased; how many."""
        gone = [call_sid for call_sid in self._ended if tombstones.covers([call_sid])]
        for call_sid in gone:
            del self._ended[call_sid], self._views[call_sid], self._turns[call_sid]
        return len(gone)

    def list(self) -> list[CallView]:
        """Live calls first, then ended ones, each newest first."""
        return sorted(self._views.values(), key=lambda view: (view.state == "live", view.started_at), reverse=True)

    def live_count(self) -> int:
        return len(self._views) - len(self._ended)

    def detail(self, call_sid: str) -> dict[str, Any] | None:
        """A call with its transcript, None when it is not in the book."""
        view = self._views.get(call_sid)
        if view is None:
            return None
        turns = self._turns[call_sid]
        return {**msgspec.to_builtins(view), "transcript": [turns[number] for number in sorted(turns)]}

    def _start(self, record: CallStarted) -> None:
        self._ended.pop(record.call_sid, None)
        self._turns[record.call_sid] = {}
        self._views[record.call_sid] = CallView(
            call_sid=record.call_sid,
            session_id=record.session_id,
            caller=record.caller,
            called=record.called,
            direction=record.direction,
            language=record.language,
            agent=record.agent,
            persona=record.agent,
            started_at=record.at,
        )

    def _forget_oldest(self) -> None:
        while len(self._ended) > ENDED_KEPT:
            call_sid, _ = self._ended.popitem(last=False)
            del self._views[call_sid], self._turns[call_sid]
