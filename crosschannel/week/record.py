"""The demo week recorded: simulated people call and write, the services answer, what they leave is packed."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from crosschannel.demo import child_environment, environment
from crosschannel.private_services import HOST, free_ports, private_services
from crosschannel.services import CONVERSATIONS, INTELLIGENCE, RELAY, SANDBOX
from crosschannel.week.chats import Chats
from crosschannel.week.pack import pack
from crosschannel.week.plan import PlannedCall, PlannedChat, calls, chats
from crosschannel.week.tape import Head, write
from sandbox.call_report import report_call
from sandbox.line import Line, line_settings
from sandbox.reported_call import ReportedCall
from sandbox.scenarios.grammar import Caller, Scenario
from sandbox.scenarios.run import Casting, ScenarioCall, Surroundings
from shared.config import Settings, TwilioAccount, load_settings

STATIONS = (SANDBOX, RELAY, CONVERSATIONS, INTELLIGENCE)
RESULTS_WITHIN_S = 90.0
LOOK_EVERY_S = 0.2
CHATS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Recording:
    """What to record. `speed` 1 is real time, so that latencies and talk times are those of real calls."""

    calls: int = 360
    chats: int = 120
    seed: int = 7
    parallel: int = 60
    speed: float = 1.0


async def record(wanted: Recording, out: Path, tell: Callable[[str], None]) -> Head:
    """Records and writes the file. Raises NotStarted when a service does not start."""
    with tempfile.TemporaryDirectory(prefix="crosschannel-week-") as folder:
        async with _services(Path(folder)) as settings:
            planned_calls, planned_chats = calls(wanted.calls, wanted.seed), chats(wanted.chats, wanted.seed)
            began_at = datetime.now(UTC)
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                written = await _write_all(planned_chats, session, settings, tell)
                called = await _call_all(planned_calls, wanted, session, settings, tell)
            await _results(settings.data_dir, len(called), tell)
        account = settings.twilio
        if account is None:  # the demo's environment always has one
            raise RuntimeError("the private demo has no account")
        items = pack(settings.data_dir, account, {**called, **written})
        head = Head(recorded_at=began_at, calls=len(called), chats=len(written), seed=wanted.seed)
        write(out, head, items)
    return head


@asynccontextmanager
async def _services(folder: Path) -> AsyncIterator[Settings]:
    """A demo platform of its own: nothing of the user's environment or `.env` gets into it."""
    numbers = dict(zip(STATIONS, free_ports(len(STATIONS)), strict=True))
    wanted = {service.port_name: str(port) for service, port in numbers.items()}
    env = environment({**wanted, "DATA_DIR": str(folder / "data"), "HOST": HOST}, dotenv=None)
    settings = load_settings("crosschannel", env)
    async with private_services(
        {service.name: port for service, port in numbers.items()}, child_environment(env), folder
    ):
        yield settings


# ---- calls ----


async def _call_all(
    planned: Sequence[PlannedCall],
    wanted: Recording,
    session: aiohttp.ClientSession,
    settings: Settings,
    tell: Callable[[str], None],
) -> dict[str, timedelta]:
    """Places every call; the moments in the week of those that came about, by call sid."""
    around = _surroundings(session, settings, wanted.speed)
    room, found, done = asyncio.Semaphore(wanted.parallel), dict[str, timedelta](), 0

    async def one(call: PlannedCall) -> None:
        nonlocal done
        caller = Caller(number=call.number, language=call.language)
        scenario = Scenario(name=f"week {call.seed}", persona=call.persona, caller=caller)
        async with room:
            outcome = await ScenarioCall(Casting.of(scenario, call.seed), around).run()
        if outcome.transcript_sid is not None:
            found[outcome.call_sid] = call.after
        done += 1
        if done % 20 == 0 or done == len(planned):
            tell(f"{done} of {len(planned)} calls")

    async with asyncio.TaskGroup() as tasks:
        for call in planned:
            tasks.create_task(one(call))
    return found


def _surroundings(session: aiohttp.ClientSession, settings: Settings, speed: float) -> Surroundings:
    account = _account(settings)

    async def report(call: ReportedCall) -> str | None:
        return await report_call(session, settings.urls.sandbox, account, call)

    return Surroundings(Line(session, line_settings(settings)), account.phone_number or "", speed, report=report)


def _account(settings: Settings) -> TwilioAccount:
    if settings.twilio is None:
        raise RuntimeError("the private demo has no account")
    return settings.twilio


# ---- written conversations ----


async def _write_all(
    planned: Sequence[PlannedChat],
    session: aiohttp.ClientSession,
    settings: Settings,
    tell: Callable[[str], None],
) -> dict[str, timedelta]:
    """Writes every conversation; their moments in the week by conversation sid."""
    chats_ = Chats(session, settings, _account(settings))
    await chats_.open_addresses()
    room, found = asyncio.Semaphore(CHATS_AT_ONCE), dict[str, timedelta]()
    by_customer: dict[tuple[str, str], list[PlannedChat]] = defaultdict(list)
    for chat in planned:
        by_customer[(chat.channel, chat.number)].append(chat)

    async def customer(own: Sequence[PlannedChat]) -> None:
        """One after the other, as they would otherwise meet in the same conversation."""
        for chat in own:
            async with room:
                found.setdefault(await chats_.write(chat), chat.after)

    async with asyncio.TaskGroup() as tasks:
        for own in by_customer.values():
            tasks.create_task(customer(own))
    tell(f"{len(found)} written conversations")
    return found


async def _results(data_dir: Path, wanted: int, tell: Callable[[str], None]) -> None:
    """Waits until Intelligence has a result for each call."""
    deadline_s = asyncio.get_running_loop().time() + RESULTS_WITHIN_S
    path = data_dir / "intel_results.ndjson"
    while asyncio.get_running_loop().time() < deadline_s:
        if path.exists() and path.read_bytes().count(b"\n") >= wanted:
            return
        await asyncio.sleep(LOOK_EVERY_S)
    tell("some results of Intelligence did not come in time")
