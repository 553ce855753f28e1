"""The calls as operators see them: the live ones and the latest that ended, kept from their records."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from dialogue.telephony import Price
from relay_server.costs import cost_usd, usage_of
from relay_server.desk_state import DeskState
from shared.records import (
    CallEnded,
    CallRecord,
    CallResumed,
    CallStarted,
    LanguageSwitched,
    OperatorAction,
    PersonaChanged,
    Turn,
)
from shared.tombstones import Tombstones

ENDED_KEPT = 50
EVENTS_KEPT = 200


class CallView(msgspec.Struct, kw_only=True):
    """A call in a list. Times are UTC; `state` is live or ended; an unknown cost is None, never nothing."""

    call_sid: str
    session_id: str
    caller: str
    called: str
    direction: str
    language: str
    agent: str
    persona: str
    started_at: datetime
    call_type: str = ""
    state: str = "live"
    ended_at: datetime | None = None
    reason: str | None = None
    turns: int = 0
    resumes: int = 0
    taken_over_by: str | None = None
    usage: dict[str, int] = {}
    cost_usd: float | None = None


@dataclass(slots=True)
class _Entry:
    view: CallView
    turns: dict[int, Turn] = field(default_factory=dict)
    started: dict[int, datetime] = field(default_factory=dict)
    events: deque[CallRecord] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    desk: DeskState = field(default_factory=DeskState)


class CallBook:
    """Views of calls by call sid, fed with records; a call that ended stays until fifty later ones have."""

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self._prices = prices or {}
        self._calls: dict[str, _Entry] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()

    def apply(self, record: CallRecord) -> None:
        """Brings the views up to date with a record; those of unknown calls change nothing."""
        if isinstance(record, CallStarted):
            self._start(record)
        entry = self._calls.get(record.call_sid)
        if entry is None:
            return
        if isinstance(record, Turn):
            self._turn(entry, record)
            return
        entry.events.append(record)
        self._event(entry, record)

    def list(self) -> list[CallView]:
        """Live calls first, then ended ones, each newest first."""
        views = (entry.view for entry in self._calls.values())
        return sorted(views, key=lambda view: (view.state == "live", view.started_at), reverse=True)

    def live_count(self) -> int:
        return len(self._calls) - len(self._ended)

    def view(self, call_sid: str) -> CallView | None:
        entry = self._calls.get(call_sid)
        return entry.view if entry is not None else None

    def turn(self, call_sid: str, number: int) -> Turn | None:
        """A turn as its latest record tells it; None when it is not here."""
        entry = self._calls.get(call_sid)
        return entry.turns.get(number) if entry is not None else None

    def detail(self, call_sid: str) -> dict[str, Any] | None:
        """A call with its transcript, when each turn began, and what else happened; None when it is not here."""
        entry = self._calls.get(call_sid)
        if entry is None:
            return None
        transcript = [entry.turns[number] for number in sorted(entry.turns)]
        more = {"transcript": transcript, "started": entry.started, "events": list(entry.events)}
        return {**msgspec.to_builtins(entry.view), **more}

    def _turn(self, entry: _Entry, record: Turn) -> None:
        entry.turns[record.turn] = record
        entry.started.setdefault(record.turn, record.at)
        view = entry.view
        view.turns = len(entry.turns)
        view.persona = record.persona or view.persona
        if record.outcome != "open":
            view.usage = usage_of(entry.turns.values())
            view.cost_usd = cost_usd(entry.turns.values(), self._prices)

    def _event(self, entry: _Entry, record: CallRecord) -> None:
        view = entry.view
        match record:
            case LanguageSwitched():
                view.language = record.to_language
            case PersonaChanged():
                view.persona = record.to_persona
            case OperatorAction():
                entry.desk.apply(record.actor, record.action, record.detail)
                view.taken_over_by = entry.desk.taken_over_by or None
            case CallResumed():
                view.session_id, view.state, view.ended_at, view.reason = record.session_id, "live", None, None
                view.resumes = record.resumes
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
            del self._ended[call_sid], self._calls[call_sid]
        return len(gone)

    def _start(self, record: CallStarted) -> None:
        self._ended.pop(record.call_sid, None)
        view = CallView(
            call_sid=record.call_sid,
            session_id=record.session_id,
            caller=record.caller,
            called=record.called,
            direction=record.direction,
            language=record.language,
            agent=record.agent,
            persona=record.agent,
            started_at=record.at,
            call_type=record.call_type,
        )
        self._calls[record.call_sid] = _Entry(view)

    def _forget_oldest(self) -> None:
        while len(self._ended) > ENDED_KEPT:
            call_sid, _ = self._ended.popitem(last=False)
            del self._calls[call_sid]
