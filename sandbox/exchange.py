"""The telephone exchange: every call of the sandbox, under way or over, and the people who answer when called."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import msgspec

from sandbox import call_resource
from sandbox.call_identity import INBOUND, OUTBOUND, Numbers
from sandbox.call_status import FINAL
from sandbox.callers import language_of
from sandbox.line import Line, LineSettings
from sandbox.outgoing import Outgoing, Pickup, pickup_of
from sandbox.phone import PhoneCall
from sandbox.phone_events import CallEvent
from sandbox.reported_call import ReportedCall
from sandbox.scenarios.grammar import Caller, Scenario
from sandbox.scenarios.outcome import CallOutcome
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings, relay_tools
from sandbox.store import Document, Store
from shared.config import Settings, TwilioAccount
from shared.telemetry import get_logger

OVER_KEPT = 200
USUAL_PERSONA = "friendly"
log = get_logger("sandbox.exchange")


class Callee(msgspec.Struct, frozen=True):
    """How a number answers: a pickup, and the scenario that the person plays, `speed` times as fast as life."""

    pickup: Pickup = "answered"
    scenario: Scenario | None = None
    ring_s: float = 2.0
    speed: float = 1.0


@dataclass(slots=True)
class LiveCall:
    """A call and what is known of it while it runs; afterwards it is kept for a while to be read."""

    phone: PhoneCall
    numbers: Numbers
    direction: str
    started_at: datetime
    outcome: CallOutcome | None = None
    steps: int | None = None
    task: asyncio.Task[Any] | None = None
    transcript_sid: str | None = None
    over_at: datetime | None = field(default=None)


class Exchange:
    """Places and keeps calls. `open` before use; `close` hangs everything up."""

    def __init__(
        self, settings: Settings, account: TwilioAccount, store: Store, report: Callable[[ReportedCall], str]
    ) -> None:
        self.our_number = account.phone_number or "+15555550100"
        self.callees: dict[str, Callee] = {}
        self.live: dict[str, LiveCall] = {}
        self._account_sid = account.account_sid
        self._line_settings = LineSettings(
            account_sid=account.account_sid,
            auth_token=account.auth_token,
            public_origin=settings.relay_public_url,
            internal_origin=settings.urls.relay,
        )
        self._relay_url, self._token = settings.urls.relay, settings.operator_token
        self._store = store
        self._report = report
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Opens the line. Calls that a stop cut off are marked as failed."""
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        for found in self._store.select(call_resource.KIND, self._account_sid):
            if found.body["status"] not in FINAL:
                self._change(found.body["sid"], "failed", 0.0)

    async def close(self) -> None:
        tasks = [call.task for call in self.live.values() if call.task is not None and not call.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    # ---- calls ----

    def dial(self, caller: str, called: str, outgoing: Outgoing) -> str:
        """The application calls somebody (`outbound-api`); the call's sid. The callee is simulated."""
        callee = self.callees.get(called) or Callee(pickup_of(called))
        language = language_of(called) or "en-US"
        scenario = callee.scenario or Scenario(persona=USUAL_PERSONA, caller=Caller(language=language))
        outgoing = replace(outgoing, pickup=callee.pickup, ring_s=callee.ring_s)
        scenario = msgspec.structs.replace(
            scenario, caller=msgspec.structs.replace(scenario.caller, number=called)
        )
        return self._play(scenario, 0, self._around(caller, callee.speed), Numbers(caller, called), outgoing)

    def ring_in(self, scenario: Scenario, seed: int, speed: float, called: str | None = None) -> str:
        """A simulated caller calls the application; the call's sid."""
        around = self._around(called or self.our_number, speed)
        return self._play(scenario, seed, around)

    def by_hand(
        self,
        numbers: Numbers,
        language: str | None,
        tell: Callable[[CallEvent], None],
    ) -> LiveCall:
        """A call that somebody else plays, such as a browser; they start it and hang it up."""
        watch = _Watch(self)
        phone = PhoneCall(self._line(), numbers, language=language, tell=tell, watch=watch.status)
        call = LiveCall(phone, numbers, INBOUND, datetime.now(UTC))
        self._enter(call)
        watch.phone = phone
        return call

    def report(self, call: LiveCall) -> str | None:
        """Hands a finished call to Intelligence; the transcript's sid, None when nobody spoke."""
        if call.phone.never_connected:
            return None
        call.transcript_sid = self._report(call.phone.report())
        return call.transcript_sid

    def of(self, call_sid: str) -> LiveCall | None:
        """The call if it is under way or was lately."""
        return self.live.get(call_sid)

    def document(self, call_sid: str) -> Document | None:
        """The Call resource."""
        return self._store.get(call_resource.KIND, self._account_sid, call_sid)

    # ---- inside ----

    def _play(
        self,
        scenario: Scenario,
        seed: int,
        around: Surroundings,
        numbers: Numbers | None = None,
        outgoing: Outgoing | None = None,
    ) -> str:
        casting = Casting.of(scenario, seed)
        watch = _Watch(self)
        played = ScenarioCall(casting, around, outgoing=outgoing, watch=watch.status)
        watch.phone = played.call
        direction = INBOUND if outgoing is None else OUTBOUND
        numbers = numbers or Numbers(casting.number, around.called)
        call = LiveCall(played.call, numbers, direction, datetime.now(UTC), played.outcome)
        call.steps = len(scenario.turns) or None
        self._enter(call)
        call.task = asyncio.create_task(self._run(played, call))
        return played.call.call_sid

    async def _run(self, played: ScenarioCall, call: LiveCall) -> None:
        try:
            outcome = await played.run()
            call.transcript_sid = outcome.transcript_sid
        except Exception:  # the outermost shell of this call: one that breaks must not go unnoticed
            log.exception("a simulated call broke", call_sid=played.call.call_sid)
            self._change(played.call.call_sid, "failed", 0.0)

    def _enter(self, call: LiveCall) -> None:
        sid, numbers = call.phone.call_sid, call.numbers
        document = call_resource.new_call(
            self._account_sid, sid, numbers.caller, numbers.called, call.direction, call.started_at
        )
        self._store.add(call_resource.KIND, self._account_sid, sid, document)
        self.live[sid] = call
        over = [known for known, one in self.live.items() if one.over_at is not None]
        for known in over[: max(0, len(over) - OVER_KEPT)]:
            del self.live[known]

    def _change(self, call_sid: str, status: str, duration_s: float) -> None:
        document = self.document(call_sid)
        if document is None:
            return
        now, is_final = datetime.now(UTC), status in FINAL
        changed = call_resource.with_status(document, status, now, is_final=is_final, duration_s=duration_s)
        self._store.replace(call_resource.KIND, self._account_sid, call_sid, changed)
        if is_final and call_sid in self.live:
            self.live[call_sid].over_at = now

    def _around(self, called: str, speed: float) -> Surroundings:
        session = self._opened()
        tools = relay_tools(session, self._relay_url, self._token)
        return Surroundings(self._line(), called, speed, tools, self._reported)

    async def _reported(self, call: ReportedCall) -> str | None:
        return self._report(call)

    def _line(self) -> Line:
        return Line(self._opened(), self._line_settings)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the exchange is not open")
        return self._session


class _Watch:
    """Brings a call's status into the books."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.phone: PhoneCall | None = None

    def status(self, status: str) -> None:
        if self.phone is not None:
            self._exchange._change(self.phone.call_sid, status, self.phone.clock.now_s())
