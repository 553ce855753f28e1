"""What the service holds open: journals, the ledger that follows them, operators. One composition for all."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from datetime import timedelta

from intelligence_webhooks.intake import Intake
from intelligence_webhooks.ledger import Ledger
from intelligence_webhooks.metrics import Tally
from intelligence_webhooks.rules import Rules, load_rules
from shared.config import Settings, TwilioAccount
from shared.door import Door
from shared.journal import Journal
from shared.operators import Operators
from shared.readiness import Readiness
from shared.records import utc_now
from shared.signature import SigningKeys
from shared.tombstones import Tombstones


@dataclass(frozen=True, slots=True)
class Store:
    """The open parts of one DATA_DIR; `close` writes what is queued and lets go of the locks."""

    settings: Settings
    account: TwilioAccount
    rules: Rules
    events: Journal
    results: Journal
    dead_letters: Journal
    audit: Journal
    ledger: Ledger
    tombstones: Tombstones
    intake: Intake
    operators: Operators
    door: Door
    readiness: Readiness
    tally: Tally
    reconciling: threading.Lock
    signing_keys: SigningKeys
    resources: contextlib.ExitStack

    @property
    def journals(self) -> tuple[Journal, ...]:
        """Everything that this service writes."""
        return self.events, self.results, self.dead_letters, self.audit

    def expire_derived(self) -> int:
        """Removes rows whose journal lines are past RETENTION_DAYS; how many."""
        if self.settings.retention_days is None:
            return 0
        return self.ledger.expire(utc_now() - timedelta(days=self.settings.retention_days))

    def close(self) -> None:
        self.resources.close()


def open_store(settings: Settings, readiness: Readiness | None = None) -> Store:
    """The store, caught up with its journals. Raises JournalLocked when another process has it, or OSError."""
    if settings.twilio is None:
        raise ValueError("intelligence_webhooks needs a Twilio account")
    rules = load_rules(settings.rules_file)
    with contextlib.ExitStack() as stack:
        events, results, dead_letters = (
            _journal(stack, settings, stream) for stream in ("intel_events", "intel_results", "dead_letters")
        )
        audit = _journal(stack, settings, "audit", settings.service)
        readiness = readiness or Readiness()
        for journal in (events, results, dead_letters):
            readiness.watch(journal)
        tombstones = Tombstones(settings.data_dir)
        ledger = Ledger(settings.data_dir, tombstones)
        stack.callback(ledger.close)
        ledger.catch_up()
        operators = Operators(settings.data_dir, settings.session_secret, settings.operator_token)
        stack.callback(operators.close)
        return Store(
            settings=settings,
            account=settings.twilio,
            rules=rules,
            events=events,
            results=results,
            dead_letters=dead_letters,
            audit=audit,
            ledger=ledger,
            tombstones=tombstones,
            intake=Intake(events, dead_letters, ledger, tombstones),
            operators=operators,
            door=Door(settings, operators),
            readiness=readiness,
            tally=Tally(),
            reconciling=threading.Lock(),
            signing_keys=settings.twilio.signing_keys,
            resources=stack.pop_all(),
        )


def _journal(stack: contextlib.ExitStack, settings: Settings, stream: str, writer: str | None = None) -> Journal:
    journal = Journal.open(settings.data_dir, stream, writer)
    stack.callback(journal.close)
    return journal
