"""Whatever happens to the process and the disk: nothing acknowledged is lost, nothing is counted twice."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import shared.journal
from intelligence_webhooks import payload
from intelligence_webhooks.intake import Delivery
from intelligence_webhooks.ledger import Ledger
from intelligence_webhooks.store import Store, open_store
from shared.config import Settings
from shared.journal import JournalError
from shared.journal_reader import Entry, JournalReader
from shared.records import DeadLetter, IntelEvent, IntelResult, decode
from tests.conftest import MakeSettings
from tests.intelligence_kit import sid, v2_body

ROOT = Path(__file__).parent.parent
CI_ROUNDS = 20
SOAK_ROUNDS = int(os.environ.get("SOAK_ROUNDS", "200"))
FAULTS_OF_A_SWEEP = 50


def events(data_dir: Path) -> list[IntelEvent]:
    lines = JournalReader(data_dir, "intel_events").read(1_000_000)
    assert all(isinstance(line, Entry) for line in lines)
    records = [decode(line.raw) for line in lines if isinstance(line, Entry)]
    return [record for record in records if isinstance(record, IntelEvent)]


def survive(data_dir: Path, port: int, rounds: int) -> None:
    """Kills the service `rounds` times under load; then the journals and a ledger made anew must agree."""
    command = [sys.executable, "-m", "tests.support.webhook_rounds", str(data_dir), str(port), str(rounds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    acknowledged = set(report["acknowledged"])
    assert len(acknowledged) > rounds
    stored = [event.transcript_sid for event in events(data_dir)]
    assert acknowledged <= set(stored)
    assert [one for one, count in Counter(stored).items() if count > 1] == []
    for path in data_dir.glob("intelligence.sqlite*"):
        path.unlink()
    ledger = Ledger(data_dir)
    ledger.catch_up()
    totals = ledger.totals()
    assert totals.received == len(stored)
    assert totals.skipped_lines == 0
    ledger.close()


def test_twenty_kills_under_load(tmp_path: Path, free_port: Callable[[], int]) -> None:
    survive(tmp_path / "data", free_port(), CI_ROUNDS)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_two_hundred_kills_under_load(tmp_path: Path, free_port: Callable[[], int]) -> None:
    survive(tmp_path / "data", free_port(), SOAK_ROUNDS)


# ---- the N-th call to the disk fails, for every N ------------------------------------------------------------


class FailingOs:
    """The `os` module as the journal sees it: from the N-th call on of one kind, a number of calls fail."""

    def __init__(self, kind: str, nth: int, error: int, times: int = 2) -> None:
        self.kind, self.first, self.last, self.error = kind, nth, nth + times - 1, error
        self.calls = 0

    def __getattr__(self, name: str) -> object:
        found = getattr(os, name)
        return self._failing(found) if name == self.kind else found

    def _failing(self, found: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            self.calls += 1
            if self.first <= self.calls <= self.last:
                raise OSError(self.error, os.strerror(self.error))
            return found(*arguments)

        return call


@contextmanager
def failing(disk: FailingOs) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.journal, "os", disk)
        yield


def deliver(store: Store, number: int) -> bool:
    """True when the webhook would have been acknowledged."""
    body = v2_body(number)
    try:
        store.intake.accept(payload.parse(body), Delivery(body, {"content-type": "application/json"}))
    except JournalError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "error"), [("write", errno.ENOSPC), ("write", errno.EIO), ("fdatasync", errno.EIO)]
)
def test_whichever_call_fails_what_was_acknowledged_is_there_once(
    tmp_path: Path, make_settings: MakeSettings, kind: str, error: int
) -> None:
    for nth in range(1, FAULTS_OF_A_SWEEP + 1):
        base = tmp_path / str(nth)
        base.mkdir()
        service = make_settings("intelligence_webhooks", base)
        with failing(FailingOs(kind, nth, error)):
            store = open_store(service)
            first = [number for number in range(12) if deliver(store, number)]
            again = [number for number in range(12) if deliver(store, number)]  # Twilio sends all of them again
            third = [number for number in range(30) if deliver(store, number)]
            store.close()
        acknowledged = {sid("GT", number) for number in (*first, *again, *third)}
        reopened = open_store(service)
        stored = {event.event_key for event in events(service.data_dir)}
        assert {f"{payload.V2_EVENT}:{one}" for one in acknowledged} <= stored, nth
        # A line whose sync failed is written again; readers take the first and count one event.
        assert reopened.ledger.totals().received == len(stored), nth
        assert reopened.ledger.totals().skipped_lines == 0, nth
        assert len({work.subject for work in reopened.ledger.due(100)}) == len(stored), nth
        reopened.close()


# ---- duplicates, reordering, restarts, answers, in any order --------------------------------------------------


class IngestMachine(RuleBasedStateMachine):
    """The store against a model of it: a set of events, each open, resolved or dead."""

    service: Settings

    @initialize()
    def begin(self) -> None:
        for path in sorted(self.service.data_dir.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.store = open_store(self.service)
        self.known: set[int] = set()
        self.open: set[int] = set()
        self.resolved: set[int] = set()
        self.letters: dict[int, str] = {}

    @rule(numbers=st.lists(st.integers(0, 8), min_size=1, max_size=6))
    def deliver(self, numbers: list[int]) -> None:
        """Deliveries in any order, and any number of times."""
        for number in numbers:
            assert deliver(self.store, number)
            if number not in self.known:
                self.open.add(number)
            self.known.add(number)

    @rule(data=st.data())
    @precondition(lambda self: self.open)
    def resolve(self, data: st.DataObject) -> None:
        number, event_id = self._some_work(data)
        self.store.results.append(
            IntelResult(source="v2", transcript_sid=sid("GT", number), event_id=event_id)
        ).result(5)
        self.open.remove(number)
        self.resolved.add(number)

    @rule(data=st.data())
    @precondition(lambda self: self.open)
    def give_up(self, data: st.DataObject) -> None:
        number, event_id = self._some_work(data)
        letter = DeadLetter(
            reason="x",
            event_id=event_id,
            body=v2_body(number).decode(),
            headers={"content-type": "application/json"},
        )
        self.store.dead_letters.append(letter).result(5)
        self.open.remove(number)
        self.letters[number] = letter.id

    @rule(data=st.data())
    @precondition(lambda self: self.letters)
    def replay(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.letters)))
        body = v2_body(number)
        delivery = Delivery(body, {"content-type": "application/json"})
        assert self.store.intake.accept(payload.parse(body), delivery, replay_of=self.letters.pop(number))
        self.open.add(number)

    @rule(derived_survives=st.booleans())
    def restart(self, derived_survives: bool) -> None:
        self.store.close()
        if not derived_survives:
            for path in self.service.data_dir.glob("intelligence.sqlite*"):
                path.unlink()
        self.store = open_store(self.service)

    @rule()
    def settle(self) -> None:
        self.store.intake.settle()

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "store"):
            return
        self.store.intake.settle()
        totals = self.store.ledger.totals()
        assert totals.received == len(self.known)
        assert totals.unresolved == len(self.open)
        assert totals.results == len(self.resolved)
        assert totals.dead_letters == len(self.letters)
        assert {work.subject for work in self.store.ledger.due(100)} == {sid("GT", n) for n in self.open}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def _some_work(self, data: st.DataObject) -> tuple[int, str]:
        self.store.intake.settle()
        number = data.draw(st.sampled_from(sorted(self.open)))
        (work,) = [work for work in self.store.ledger.due(100) if work.subject == sid("GT", number)]
        return number, work.event.id


def test_ingest_machine(make_settings: MakeSettings, tmp_path: Path) -> None:
    service = make_settings("intelligence_webhooks", tmp_path)

    class Machine(IngestMachine):
        pass

    Machine.service = service
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
